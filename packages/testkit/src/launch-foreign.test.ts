import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort } from './free-port.ts';
import { launchEtcd } from './launch-etcd.ts';
import { launchNginx } from './launch-nginx.ts';
import { requireProgram } from './require-program.ts';
import { waitUntil } from './wait-until.ts';

test('a launched nginx serves, and reloads', async (t) => {
  if (requireProgram(t, 'nginx') === undefined) return;
  const port = await freePort();
  const http = (text: string): string => `server { listen 127.0.0.1:${port}; return 200 "${text}"; }`;
  const nginx = await launchNginx({ http: http('one'), test: t });
  const answer = async (): Promise<string> => (await fetch(`http://127.0.0.1:${port}/`)).text();
  assert.equal(await answer(), 'one');
  nginx.reload({ http: http('two') });
  await waitUntil(async () => (await answer()) === 'two');
});

test('a launched etcd takes a key', async (t) => {
  if (requireProgram(t, 'etcd') === undefined) return;
  const etcd = await launchEtcd({ test: t });
  const put = await fetch(`${etcd.url}/v3/kv/put`, {
    method: 'POST',
    body: JSON.stringify({ key: btoa('a'), value: btoa('b') }),
  });
  assert.equal(put.status, 200);
});

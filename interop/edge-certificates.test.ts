import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { type Issued, issueCertificate } from '@portolan/server/certificates/issue.ts';
import { launchPortolan } from '@portolan/testkit/launch-portolan.ts';
import { requireProgram } from '@portolan/testkit/require-program.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';

const run = promisify(execFile);

async function curl(...args: string[]): Promise<string> {
  return (await run('curl', ['--silent', '--show-error', '--max-time', '10', ...args])).stdout;
}

function issued(): Promise<Issued> {
  const nowMs = Date.now();
  return issueCertificate({
    ...{ subject: 'CN=web.localhost', dnsNames: ['web.localhost'] },
    ...{ notBefore: new Date(nowMs - 60_000), notAfter: new Date(nowMs + 3_600_000) },
  });
}

test('certificates from files reach the HTTPS door and are exchanged; their keys are told to nobody else', async (t) => {
  if (requireProgram(t, 'curl') === undefined) return;
  const directory = tempDir('edge-certificates');
  t.after(() => directory.remove());
  const at = (name: string): string => join(directory.path, name);
  const pairs = [await issued(), await issued()];
  const write = (pair: Issued | undefined, as = 'tls'): void => {
    writeFileSync(at(`${as}.key`), pair?.key ?? '');
    writeFileSync(at(`${as}.crt`), pair?.chain ?? '');
  };
  write(pairs[0]);
  for (const [index, pair] of pairs.entries()) write(pair, `ca${index}`);
  const dataDir = at('data');
  const portolan = await launchPortolan({
    test: t,
    dataDir,
    listen: ['dns=off'],
    args: ['--gateway-workers', '1', '--gateway-tls-certificates', `${at('tls.crt')}:${at('tls.key')}`],
  });
  const web = createServer((_, response) => response.end('served'));
  web.listen(0, '127.0.0.1');
  await once(web, 'listening');
  t.after(() => {
    web.closeAllConnections();
    web.close();
  });
  const registration = { port: (web.address() as AddressInfo).port, tags: ['http'] };
  const registered = await fetch(`${portolan.url}/portolan/v1/instances/web/1`, {
    method: 'PUT',
    body: JSON.stringify(registration),
  });
  assert.equal(registered.status, 200);
  const port = portolan.port('gateway-tls');
  const get = (ca: number): Promise<string> =>
    curl(
      '--resolve',
      `web.localhost:${port}:127.0.0.1`,
      '--cacert',
      at(`ca${ca}.crt`),
      `https://web.localhost:${port}/`,
    );
  await waitUntil(async () => (await get(0)) === 'served');
  write(pairs[1]);
  await waitUntil(async () => (await get(1)) === 'served');

  const keys = pairs.map(({ key }) => key.split('\n')[1] ?? '');
  const shown = [
    ...(await Promise.all(
      [
        `${portolan.url}/portolan/v1/traffic`,
        `http://127.0.0.1:${portolan.port('proxy-admin')}/config_dump`,
      ].map((url) => curl('--max-time', '2', url).catch((error: { stdout?: string }) => error.stdout ?? '')),
    )),
    portolan.output(),
  ];
  assert.match(shown[0] ?? '', /BEGIN CERTIFICATE/, 'the certificates are no secret');
  for (const text of shown) for (const key of keys) assert.ok(!text.includes(key));
  for (const name of ['gateway-token', 'gateway-model.json']) {
    await waitUntil(() => statSync(join(dataDir, name)).isFile());
    assert.equal(statSync(join(dataDir, name)).mode & 0o777, 0o600, name);
  }
  const token = readFileSync(join(dataDir, 'gateway-token'), 'utf8').trim();
  const told = await curl(
    '--max-time',
    '2',
    '-H',
    `Authorization: Bearer ${token}`,
    `${portolan.url}/portolan/v1/traffic`,
  ).catch((error: { stdout?: string }) => error.stdout ?? '');
  assert.ok(told.includes(keys[1] ?? 'missing'), 'who shows the token can serve');
});

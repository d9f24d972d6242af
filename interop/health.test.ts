import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort } from '@portolan/testkit/free-port.ts';
import { launchNginx } from '@portolan/testkit/launch-nginx.ts';
import { launchPortolan, type Portolan } from '@portolan/testkit/launch-portolan.ts';
import { requireProgram } from '@portolan/testkit/require-program.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';

interface AgentCheck {
  readonly Status: string;
  readonly Output: string;
}

async function register(server: Portolan, body: object): Promise<void> {
  const answer = await fetch(`${server.url}/v1/agent/service/register`, {
    method: 'PUT',
    body: JSON.stringify(body),
  });
  assert.equal(answer.status, 200, await answer.text());
}

async function check(server: Portolan, id: string): Promise<AgentCheck | undefined> {
  const checks = (await (await fetch(`${server.url}/v1/agent/checks`)).json()) as Record<string, AgentCheck>;
  return checks[id];
}

async function untilStatus(server: Portolan, id: string, status: string): Promise<AgentCheck> {
  return waitUntil(
    async () => {
      const found = await check(server, id);
      return found?.Status === status ? found : undefined;
    },
    { what: `${id} to be ${status}` },
  );
}

const site = (port: number, code: number): string =>
  `server { listen 127.0.0.1:${port}; location / { return ${code} "from nginx\\n"; } }`;

test('a real nginx is followed through healthy, overloaded, gone and back', async (t) => {
  if (requireProgram(t, 'nginx') === undefined) return;
  const [server, port] = [await launchPortolan({ test: t }), await freePort()];
  const nginx = await launchNginx({ http: site(port, 200), test: t });
  const checks = [
    { CheckID: 'by-http', HTTP: `http://127.0.0.1:${port}/`, Interval: '1s', Timeout: '2s' },
    { CheckID: 'by-tcp', TCP: `127.0.0.1:${port}`, Interval: '1s' },
  ];
  await register(server, { Name: 'site', Port: port, Checks: checks });
  const healthy = await untilStatus(server, 'by-http', 'passing');
  assert.equal(healthy.Output, `HTTP GET http://127.0.0.1:${port}/: 200 OK Output: from nginx\n`);
  assert.equal(
    (await untilStatus(server, 'by-tcp', 'passing')).Output,
    `TCP connect 127.0.0.1:${port}: Success`,
  );

  nginx.reload({ http: site(port, 429) });
  await untilStatus(server, 'by-http', 'warning');
  assert.equal((await check(server, 'by-tcp'))?.Status, 'passing');

  await nginx.stop();
  assert.match((await untilStatus(server, 'by-http', 'critical')).Output, /connection refused/);
  await untilStatus(server, 'by-tcp', 'critical');
  const passing = await fetch(`${server.url}/v1/health/service/site?passing`);
  assert.deepEqual(await passing.json(), []);

  await launchNginx({ http: site(port, 200), test: t });
  await untilStatus(server, 'by-http', 'passing');
});

test('a TTL check outlives a kill -9 of the server, and its silence afterwards does not', async (t) => {
  const directory = tempDir('health');
  t.after(directory.remove);
  const first = await launchPortolan({ test: t, dataDir: directory.path });
  await register(first, { Name: 'job', Check: { CheckID: 'beat', TTL: '2s' } });
  const beat = await fetch(`${first.url}/v1/agent/check/pass/beat?note=fine`, { method: 'PUT' });
  assert.equal(beat.status, 200);
  first.kill('SIGKILL');
  await first.exited;
  await first.stop();
  const second = await launchPortolan({ test: t, dataDir: directory.path });
  assert.equal((await check(second, 'beat'))?.Status, 'passing');
  assert.match((await untilStatus(second, 'beat', 'critical')).Output, /TTL expired/);
});

test('nobody is critical because the server was stopped for a while', async (t) => {
  if (requireProgram(t, 'nginx') === undefined) return;
  const [server, port] = [await launchPortolan({ test: t }), await freePort()];
  await launchNginx({ http: site(port, 200), test: t });
  await register(server, {
    Name: 'site',
    Checks: [
      { CheckID: 'by-http', HTTP: `http://127.0.0.1:${port}/`, Interval: '1s', Timeout: '1s' },
      { CheckID: 'beat', TTL: '2s', Status: 'passing' },
    ],
  });
  await untilStatus(server, 'by-http', 'passing');
  const index = await changeIndex(server);
  server.kill('SIGSTOP');
  // The pause itself is the subject: longer than the TTL and the timeout.
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  server.kill('SIGCONT');
  await waitUntil(async () => (await check(server, 'by-http')) !== undefined);
  // One beat later both checks had every chance to go wrong.
  await fetch(`${server.url}/v1/agent/check/pass/beat`, { method: 'PUT' });
  assert.equal((await check(server, 'beat'))?.Status, 'passing');
  assert.equal((await check(server, 'by-http'))?.Status, 'passing');
  assert.equal(await changeIndex(server), index, 'no status changed, not even for a moment');
});

async function changeIndex(server: Portolan): Promise<string | null> {
  return (await fetch(`${server.url}/v1/health/checks/site`)).headers.get('x-consul-index');
}

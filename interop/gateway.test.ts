import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { Agent, createServer, get } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ClusterReport } from '@portolan/server/proxy/stats.ts';
import { freePort } from '@portolan/testkit/free-port.ts';
import { launchProgram } from '@portolan/testkit/launch-program.ts';
import { requireProgram } from '@portolan/testkit/require-program.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { WebSocket, WebSocketServer } from 'ws';
import { endpointAt, launchUpstream, modelOf, type Rig, startRig } from './gateway-rig.ts';

const run = promisify(execFile);

async function curl(...args: string[]): Promise<string> {
  return (await run('curl', ['--silent', '--show-error', '--max-time', '10', ...args])).stdout;
}

interface LoadResult {
  readonly requests: number;
  /** Of sockets, and answers that were not 2xx. */
  readonly errors: string;
}

/** Load for a while by the real wrk. */
async function wrk(rig: Rig, seconds: number): Promise<LoadResult> {
  const { stdout } = await run('wrk', [
    ...['-t1', '-c16', `-d${seconds}s`, '-H', 'Host: web.localhost', `http://127.0.0.1:${rig.port}/`],
  ]);
  const errors = /Socket errors:.*|Non-2xx.*/.exec(stdout)?.[0] ?? '';
  return { requests: Number(/([0-9]+) requests in/.exec(stdout)?.[1]), errors };
}

/** Why nobody can connect there; empty when one can. */
function connectError(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve('');
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
  });
}

interface Stats {
  readonly pid: number;
  readonly revision: number;
}

async function adminJson<T>(rig: Rig, path: string): Promise<T> {
  return (await (await fetch(`${rig.admin}${path}`)).json()) as T;
}

const statsOf = (rig: Rig): Promise<Stats[]> => adminJson(rig, '/stats');
const clustersOf = (rig: Rig): Promise<ClusterReport[]> => adminJson(rig, '/clusters');

/** `ok`, or what went wrong. */
function getOnce(agent: Agent, port: number): Promise<string> {
  return new Promise((resolve) => {
    const headers = { host: 'web.localhost' };
    const request = get({ agent, port, host: '127.0.0.1', headers }, (response) => {
      response.on('error', (error) => resolve(error.message));
      response.on('data', () => undefined);
      response.on('end', () => resolve(response.statusCode === 200 ? 'ok' : `${response.statusCode}`));
    });
    request.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

test('curl reaches a service by its host name, and the gateway answers for itself', async (t) => {
  if (requireProgram(t, 'curl') === undefined) return;
  const web = await launchUpstream(t, 'web');
  const rig = await startRig(t, modelOf({ web: [endpointAt(web.port)] }));
  const url = `http://127.0.0.1:${rig.port}`;
  assert.match(await curl('-H', 'Host: web.localhost', `${url}/any/path?x=1`), /^web /);
  assert.match(
    await curl('-H', 'Host: web.localhost', '-X', 'POST', '--data', 'x'.repeat(3_000), url),
    /^web /,
  );
  assert.match(await curl('--http1.0', '-H', 'Host: web.localhost', url), /^web /);
  assert.match(await curl('-i', '-H', 'Host: other.localhost', url), /^HTTP\/1\.1 404 /);
  assert.match(await curl('-i', `${url}/healthz`), /^HTTP\/1\.1 200 [\s\S]*ok\n$/);
});

test('the admin listener shows readiness, configuration, clusters and metrics', async (t) => {
  if (requireProgram(t, 'curl') === undefined) return;
  const web = await launchUpstream(t, 'web');
  const rig = await startRig(t, modelOf({ web: [endpointAt(web.port)] }));
  for (let index = 0; index < 5; index++)
    await curl('-H', 'Host: web.localhost', `http://127.0.0.1:${rig.port}/`);
  assert.equal(await curl(`${rig.admin}/readyz`), 'ok\n');
  assert.equal(await curl(`${rig.admin}/livez`), 'ok\n');
  const dump = JSON.parse(await curl(`${rig.admin}/config_dump`));
  assert.deepEqual(dump.virtualHosts.put[0].domains, ['web.localhost']);
  const clusters = JSON.parse(await curl(`${rig.admin}/clusters`));
  assert.deepEqual(
    clusters.map((one: { name: string; endpoints: unknown[] }) => [one.name, one.endpoints.length]),
    [['web', 1]],
  );
  const metrics = await curl(`${rig.admin}/metrics`);
  assert.match(metrics, /^portolan_gateway_requests_total\{cluster="web",code="2xx"\} 5$/m);
  assert.match(metrics, /^portolan_gateway_request_duration_seconds_count\{cluster="web"\} 5$/m);
  assert.match(await curl('-i', `${rig.admin}/nothing`), /^HTTP\/1\.1 404 /);
});

test('an instance that is killed under load costs no client anything, is out at once, and comes back', async (t) => {
  if (requireProgram(t, 'wrk') === undefined) return;
  const first = await launchUpstream(t, 'first');
  const second = await launchUpstream(t, 'second');
  const rig = await startRig(t, modelOf({ web: [endpointAt(first.port), endpointAt(second.port)] }));
  const stateOf = async (port: number): Promise<string | undefined> => {
    return (await clustersOf(rig))[0]?.endpoints.find((one) => one.port === port)?.state;
  };
  const load = wrk(rig, 4);
  await waitUntil(async () => ((await clustersOf(rig))[0]?.endpoints[0]?.requests ?? 0) > 200);
  first.kill('SIGKILL');
  await first.exited;
  await waitUntil(async () => (await stateOf(first.port)) === 'ejected');
  await launchUpstream(t, 'first again', first.port);
  await waitUntil(async () => (await stateOf(first.port)) === 'healthy');
  const { requests, errors } = await load;
  assert.equal(errors, '');
  assert.ok(requests > 500, `${requests} requests`);
});

test('instances that come and go under load cost no client anything', async (t) => {
  if (requireProgram(t, 'wrk') === undefined) return;
  const ups = await Promise.all(['one', 'two', 'three'].map((name) => launchUpstream(t, name)));
  const endpoints = ups.map((up) => endpointAt(up.port));
  const rig = await startRig(t, modelOf({ web: endpoints }));
  const load = wrk(rig, 3);
  let done = false;
  void load.finally(() => {
    done = true;
  });
  for (let revision = 2; !done; revision++) {
    const web = endpoints.filter((_, index) => index !== revision % 3);
    rig.control.push(modelOf({ web }, { revision }));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const { requests, errors } = await load;
  assert.equal(errors, '');
  assert.ok(requests > 500, `${requests} requests`);
});

test('a WebSocket passes through, both ways, and outlives new configuration', async (t) => {
  const http = createServer();
  const server = new WebSocketServer({ server: http });
  server.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })));
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  t.after(() => {
    for (const socket of server.clients) socket.terminate();
    http.close();
  });
  const { port } = http.address() as AddressInfo;
  const rig = await startRig(t, modelOf({ chat: [endpointAt(port)] }));
  const client = new WebSocket(`ws://127.0.0.1:${rig.port}/`, { headers: { host: 'chat.localhost' } });
  await once(client, 'open');
  const echo = async (data: string | Buffer): Promise<Buffer> => {
    client.send(data);
    const [answer] = await once(client, 'message');
    return answer as Buffer;
  };
  assert.equal((await echo('hello')).toString(), 'hello');
  const large = Buffer.alloc(3_000_000, 'abc');
  assert.equal(Buffer.compare(await echo(large), large), 0);
  rig.control.push(modelOf({}, { revision: 2 }));
  await waitUntil(async () => (await statsOf(rig)).every((worker) => worker.revision === 2));
  assert.equal((await echo('still here')).toString(), 'still here');
  client.close(1000, 'done');
  const [code] = await once(client, 'close');
  assert.equal(code, 1000);
});

test('a TCP listener is opened and closed as the model says', async (t) => {
  const web = await launchUpstream(t, 'web');
  const port = await freePort();
  const services = { web: [endpointAt(web.port)] };
  const rig = await startRig(t, modelOf(services));
  assert.equal(
    rig.listeners.list().some((one) => one.port === port),
    false,
  );
  rig.control.push(modelOf(services, { revision: 2, tcp: { web: port } }));
  const answer = await waitUntil(async () => (await fetch(`http://127.0.0.1:${port}/`)).text());
  assert.match(answer, /^web /);
  assert.ok(rig.listeners.list().some((one) => one.port === port && one.protocols.includes('tcp')));
  rig.control.push(modelOf(services, { revision: 3 }));
  await waitUntil(async () => (await connectError(port)) === 'ECONNREFUSED');
});

test('a TCP port that is taken is told, and the gateway is ready all the same', async (t) => {
  const blocker = createServer().listen(0, '127.0.0.1');
  await once(blocker, 'listening');
  t.after(() => blocker.close());
  const { port } = blocker.address() as AddressInfo;
  const web = await launchUpstream(t, 'web');
  const rig = await startRig(t, modelOf({ web: [endpointAt(web.port)] }, { tcp: { web: port } }));
  const told = await waitUntil(() => rig.gateway.diagnostics?.()[0]);
  assert.deepEqual([told.code, told.subject], ['tcp-port-unavailable', 'listener/tcp/web']);
  assert.ok(told.message.includes(String(port)));
  assert.deepEqual(rig.gateway.readiness?.(), []);
  const ready = await fetch(`${rig.admin}/readyz?verbose`);
  assert.match(await ready.text(), /^ok\nerror tcp-port-unavailable .*EADDRINUSE/);
  assert.equal(ready.status, 200);
  assert.equal((await fetch(`http://127.0.0.1:${rig.port}/healthz`)).status, 200);
});

test('a worker that is killed is replaced', async (t) => {
  const web = await launchUpstream(t, 'web');
  const rig = await startRig(t, modelOf({ web: [endpointAt(web.port)] }));
  const before = (await statsOf(rig)).map((worker) => worker.pid);
  assert.equal(before.length, 2);
  for (const pid of before) process.kill(pid, 'SIGKILL');
  // The listening sockets are ours too: whoever connects now waits for the next worker.
  assert.equal((await fetch(`http://127.0.0.1:${rig.port}/healthz`)).status, 200);
  await waitUntil(async () => {
    const pids = (await statsOf(rig)).map((worker) => worker.pid);
    return pids.length === 2 && pids.every((pid) => !before.includes(pid));
  });
});

test('the last model is used when the control plane is away at start, and the new one when it is back', async (t) => {
  const directory = tempDir('gateway');
  t.after(() => directory.remove());
  const web = await launchUpstream(t, 'web');
  const first = await startRig(t, modelOf({ web: [endpointAt(web.port)] }, { revision: 7 }), {
    stateDir: directory.path,
  });
  const port = Number(new URL(first.control.url).port);
  await waitUntil(() => existsSync(join(directory.path, 'gateway-model.json')));
  await first.stop();
  await first.control.stop();
  const second = await startRig(t, modelOf({}), {
    stateDir: directory.path,
    server: `http://127.0.0.1:${port}`,
  });
  const answer = await fetch(`http://127.0.0.1:${second.port}/`, { headers: { host: 'ignored' } });
  assert.equal(answer.status, 404);
  assert.match(await curl('-H', 'Host: web.localhost', `http://127.0.0.1:${second.port}/`), /^web /);
  second.control.push(modelOf({ web: [endpointAt(web.port)] }, { revision: 8 }));
  await second.control.start(port);
  await waitUntil(async () => (await statsOf(second)).every((worker) => worker.revision === 8));
});

test('stopping under load finishes every request that was taken', async (t) => {
  const web = await launchUpstream(t, 'web');
  const rig = await startRig(t, modelOf({ web: [endpointAt(web.port)] }));
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  const failures: string[] = [];
  let [answered, refused] = [0, 0];
  let stopping = false;
  const client = async (): Promise<void> => {
    while (!stopping || refused === 0) {
      const outcome = await getOnce(agent, rig.port);
      if (outcome === 'ok') answered++;
      else if (outcome === 'ECONNREFUSED' && stopping) refused++;
      else failures.push(outcome);
    }
  };
  const clients = Array.from({ length: 8 }, client);
  await waitUntil(() => answered > 100);
  stopping = true;
  await rig.stop();
  await Promise.all(clients);
  assert.deepEqual(failures, []);
});

test('the access log has a line of JSON for each request', async (t) => {
  const directory = tempDir('gateway');
  t.after(() => directory.remove());
  const accessLog = join(directory.path, 'access.log');
  const web = await launchUpstream(t, 'web');
  const rig = await startRig(t, modelOf({ web: [endpointAt(web.port)] }), { accessLog });
  const url = `http://127.0.0.1:${rig.port}/a?b=%22`;
  await curl('-H', 'Host: web.localhost', '-A', 'quoted " agent', url);
  const line = await waitUntil(() => readFileSync(accessLog, 'utf8').split('\n')[0]);
  const entry = JSON.parse(line);
  assert.deepEqual(
    [entry.method, entry.host, entry.path, entry.status, entry.cluster, entry.userAgent, entry.upstream],
    ['GET', 'web.localhost', '/a?b=%22', 200, 'web', 'quoted " agent', `127.0.0.1:${web.port}`],
  );
});

test('workers are replaced one by one under load without a failure', async (t) => {
  if (requireProgram(t, 'wrk') === undefined) return;
  const web = await launchUpstream(t, 'web');
  const rig = await startRig(t, modelOf({ web: [endpointAt(web.port)] }));
  const before = (await statsOf(rig)).map((worker) => worker.pid);
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  const failures: string[] = [];
  let [done, answered] = [false, 0];
  const client = async (): Promise<void> => {
    while (!done) {
      const outcome = await getOnce(agent, rig.port);
      if (outcome === 'ok') answered++;
      else failures.push(outcome);
    }
  };
  const clients = Array.from({ length: 8 }, client);
  await waitUntil(() => answered > 100);
  await rig.gateway.reload();
  const reached = answered + 100;
  await waitUntil(() => answered > reached);
  done = true;
  await Promise.all(clients);
  assert.deepEqual(failures, []);
  const after = (await statsOf(rig)).map((worker) => worker.pid);
  assert.equal(after.length, 2);
  assert.ok(after.every((pid) => !before.includes(pid)));
});

test('while a worker is away another minds its sockets', async (t) => {
  const web = await launchUpstream(t, 'web');
  const rig = await startRig(t, modelOf({ web: [endpointAt(web.port)] }));
  // The second crash in a row waits 100 ms for its replacement, the third 200 ms: long enough to be seen.
  for (let round = 0; round < 3; round++) {
    const stats = await waitUntil(async () => {
      const all = await statsOf(rig);
      return all.length === 2 && rig.gateway.readiness?.().length === 0 ? all : undefined;
    });
    process.kill(stats[0]?.pid ?? 0, 'SIGKILL');
    await waitUntil(() => (rig.gateway.readiness?.().length ?? 0) > 0);
    for (let index = 0; index < 20; index++) {
      assert.equal((await fetch(`http://127.0.0.1:${rig.port}/healthz`)).status, 200);
    }
  }
});

test('workers stop accepting and leave when their supervisor is killed', async (t) => {
  const program = await launchProgram({
    command: process.execPath,
    args: [fileURLToPath(new URL('./gateway-rig.ts', import.meta.url)), '--serve'],
    ready: /serving on/,
    test: t,
  });
  const [, port = '', pids = ''] = /serving on ([0-9]+) with ([0-9,]+)/.exec(program.output()) ?? [];
  assert.equal(await connectError(Number(port)), '');
  program.kill('SIGKILL');
  await waitUntil(async () => (await connectError(Number(port))) === 'ECONNREFUSED');
  await waitUntil(() => pids.split(',').every((pid) => !existsSync(`/proc/${pid}`)));
});

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { Agent, createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import type { GatewayStatus } from '@portolan/server/gateway/status.ts';
import { freePort } from '@portolan/testkit/free-port.ts';
import { launchPortolan, type Portolan } from '@portolan/testkit/launch-portolan.ts';
import { launchProgram, type Program } from '@portolan/testkit/launch-program.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { WebSocket, WebSocketServer } from 'ws';
import { endpointAt, FakeControlPlane, launchUpstream, modelOf } from './gateway-rig.ts';
import { portolanBin } from './portolan-process.ts';

const run = promisify(execFile);

/** `portolan gateway …` of one state directory. */
async function tell(stateDir: string, ...words: string[]): Promise<string> {
  const { stdout } = await run(process.execPath, [portolanBin, 'gateway', ...words, '--state-dir', stateDir]);
  return stdout;
}

async function statusOf(stateDir: string): Promise<GatewayStatus> {
  return JSON.parse(await tell(stateDir, 'status', '-o', 'json')) as GatewayStatus;
}

function openFilesOf(pid: number): string {
  const target = (fd: string): string => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return '';
    }
  };
  return readdirSync(`/proc/${pid}/fd`).map(target).join('\n');
}

function isThere(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}

/** Nobody waits for the end of an orphan but process 1, in its own time. */
async function allGone(...pids: readonly number[]): Promise<void> {
  await waitUntil(() => !pids.some(isThere));
}

/** Clients that ask for one service again and again, on connections that they keep, and also on new ones. */
class Load {
  answered = 0;
  readonly failures: string[] = [];
  readonly #agents = [new Agent({ keepAlive: true }), new Agent({ keepAlive: false })];
  readonly #clients: Promise<void>[];
  readonly #port: number;
  readonly #host: string;
  #done = false;

  constructor(port: number, host: string) {
    this.#port = port;
    this.#host = host;
    this.#clients = this.#agents.flatMap((agent) => [
      this.#client(agent),
      this.#client(agent),
      this.#client(agent),
    ]);
  }

  /** Resolves when so many more were answered. */
  async further(count: number): Promise<void> {
    const goal = this.answered + count;
    await waitUntil(() => this.answered >= goal || this.failures.length > 10);
  }

  async end(): Promise<void> {
    this.#done = true;
    await Promise.all(this.#clients);
    for (const agent of this.#agents) agent.destroy();
  }

  async #client(agent: Agent): Promise<void> {
    while (!this.#done) {
      const outcome = await this.#ask(agent);
      if (outcome === 'ok') this.answered++;
      else this.failures.push(outcome);
      if (outcome !== 'ok') await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  #ask(agent: Agent): Promise<string> {
    return new Promise((resolve) => {
      const options = { agent, port: this.#port, host: '127.0.0.1', headers: { host: this.#host } };
      const request = get(options, (response) => {
        response.on('error', (error) => resolve(error.message));
        response.on('data', () => undefined);
        response.on('end', () => resolve(response.statusCode === 200 ? 'ok' : `${response.statusCode}`));
      });
      request.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    });
  }
}

/** A server with the service `web`, loaded through its gateway. */
async function loadedServer(
  t: TestContext,
  args: readonly string[] = [],
): Promise<{ server: Portolan; load: Load; dataDir: string; status: GatewayStatus }> {
  const directory = tempDir('gateway-process');
  t.after(() => directory.remove());
  const dataDir = directory.path;
  const web = await launchUpstream(t, 'web');
  const server = await launchPortolan({ test: t, dataDir, args: ['--gateway-workers', '2', ...args] });
  await register(server.url, 'web', web.port);
  const port = server.port('gateway');
  await waitUntil(async () => (await outcomeOf(port, 'web.localhost')) === 200);
  const load = new Load(port, 'web.localhost');
  t.after(() => load.end());
  await load.further(50);
  return { server, load, dataDir, status: await statusOf(dataDir) };
}

async function register(server: string, name: string, port: number): Promise<void> {
  const body = JSON.stringify({ Name: name, Address: '127.0.0.1', Port: port, Tags: ['http'] });
  const { ok } = await fetch(`${server}/v1/agent/service/register`, { method: 'PUT', body });
  assert.ok(ok);
}

function outcomeOf(port: number, host: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const request = get({ agent: false, port, host: '127.0.0.1', headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.on('error', () => resolve(undefined));
  });
}

/** The data plane alone, with the service `web`, fed by a control plane that a test moves. */
async function standAlone(t: TestContext): Promise<{
  readonly program: Program;
  readonly control: FakeControlPlane;
  readonly stateDir: string;
  readonly port: number;
  readonly start: () => Promise<Program>;
}> {
  const directory = tempDir('gateway-alone');
  t.after(() => directory.remove());
  const stateDir = join(directory.path, 'state');
  const web = await launchUpstream(t, 'web');
  const control = new FakeControlPlane(modelOf({ web: [endpointAt(web.port)] }));
  await control.start();
  t.after(() => control.stop());
  const server = control.url;
  const port = await freePort();
  const start = (): Promise<Program> =>
    launchProgram({
      command: process.execPath,
      args: [
        ...[portolanBin, 'gateway', '--server', `http://127.0.0.1:1,${server}`, '--state-dir', stateDir],
        ...[
          '--listen',
          `gateway=127.0.0.1:${port}`,
          '--listen',
          'proxy-admin=127.0.0.1:0',
          '--gateway-workers',
          '2',
        ],
      ],
      ready: /^Ready in /m,
      test: t,
    });
  const program = await start();
  // On a machine that is busy the workers may come later than the banner.
  await waitUntil(async () => (await outcomeOf(port, 'web.localhost')) === 200);
  return { program, control, stateDir, port, start };
}

test('a server that is killed leaves its gateway, and the next one goes on with it', async (t) => {
  const { server, load, dataDir, status } = await loadedServer(t);
  server.kill('SIGKILL');
  await server.exited;
  await load.further(300);
  assert.equal((await statusOf(dataDir)).owner, 'orphaned');
  for (const pid of [status.pid, ...status.workers.map((worker) => worker.pid)]) {
    assert.doesNotMatch(openFilesOf(pid), /\.mdb/, 'the store is the server’s');
  }
  const next = await launchPortolan({
    test: t,
    dataDir,
    listen: server.samePorts,
    args: ['--gateway-workers', '2'],
  });
  const after = await statusOf(dataDir);
  assert.equal(after.owner, 'attached');
  assert.deepEqual(
    [after.pid, after.workers.map(({ pid }) => pid)],
    [status.pid, status.workers.map(({ pid }) => pid)],
  );
  // It listens to the new server: what is registered there is reached.
  const other = await launchUpstream(t, 'other');
  await register(next.url, 'other', other.port);
  await waitUntil(async () => (await outcomeOf(next.port('gateway'), 'other.localhost')) === 200);
  await load.further(50);
  await load.end();
  assert.deepEqual(load.failures, []);
  await next.stop();
  await allGone(after.pid, ...after.workers.map(({ pid }) => pid));
});

test('the second signal of a server leaves nothing of its gateway', async (t) => {
  const { server, load, status } = await loadedServer(t);
  await load.end();
  server.kill('SIGTERM');
  server.kill('SIGINT');
  assert.notEqual((await server.exited).code, null);
  await allGone(status.pid, ...status.workers.map(({ pid }) => pid));
});

test('a server that comes back elsewhere is followed, and other settings mean a new process and no failure', async (t) => {
  const { server, load, dataDir, status } = await loadedServer(t);
  server.kill('SIGKILL');
  await server.exited;
  const listen = server.samePorts.filter((bind) => !bind.startsWith('http='));
  const next = await launchPortolan({ test: t, dataDir, listen, args: ['--gateway-workers', '3'] });
  const after = await statusOf(dataDir);
  assert.notEqual(after.pid, status.pid);
  assert.equal(after.workers.length, 3);
  assert.deepEqual(after.servers, [next.url]);
  await load.further(100);
  await load.end();
  assert.deepEqual(load.failures, []);
  await next.stop();
  await allGone(status.pid, after.pid);
});

test('without a server the gateway ends after its time', async (t) => {
  const { server, load, status } = await loadedServer(t, [
    '--gateway-outlive',
    '1s',
    '--drain-timeout',
    '1s',
  ]);
  server.kill('SIGKILL');
  await server.exited;
  await allGone(status.pid, ...status.workers.map(({ pid }) => pid));
  await load.end();
});

test('a gateway process that is killed is started again by its server, and its workers serve until then', async (t) => {
  const { load, dataDir, status } = await loadedServer(t);
  process.kill(status.pid, 'SIGKILL');
  await waitUntil(async () => {
    const now = await statusOf(dataDir).catch(() => undefined);
    return now?.owner === 'attached' && now.pid !== status.pid && now.state.problems.length === 0;
  });
  await allGone(...status.workers.map(({ pid }) => pid));
  await load.further(50);
  await load.end();
  // Nobody is left to hand the sockets over: what waits in the queue of one that closes is reset. There are two.
  assert.ok(load.failures.length <= 2, load.failures.slice(0, 20).join(' '));
});

test('reload and upgrade of a server’s gateway cost no client anything, and the server goes on with the new process', async (t) => {
  const { server, load, dataDir, status } = await loadedServer(t);
  await tell(dataDir, 'reload');
  const reloaded = await statusOf(dataDir);
  assert.equal(reloaded.pid, status.pid);
  const before = new Set(status.workers.map(({ pid }) => pid));
  assert.ok(reloaded.workers.every(({ pid }) => !before.has(pid)));
  await load.further(50);
  await tell(dataDir, 'upgrade');
  const upgraded = await waitUntil(async () => {
    const now = await statusOf(dataDir);
    return now.owner === 'attached' ? now : undefined;
  });
  assert.notEqual(upgraded.pid, status.pid);
  await load.further(50);
  await load.end();
  assert.deepEqual(load.failures, []);
  await server.stop();
  // The drained one ends with the server, too.
  await allGone(status.pid, upgraded.pid);
});

test('a gateway alone: SIGHUP, reload and upgrade under load cost no client anything', async (t) => {
  const { program, stateDir, port } = await standAlone(t);
  const load = new Load(port, 'web.localhost');
  t.after(() => load.end());
  await load.further(50);
  const first = await statusOf(stateDir);
  assert.deepEqual([first.owner, first.pid], ['alone', program.pid]);
  program.kill('SIGHUP');
  await waitUntil(async () => (await statusOf(stateDir)).workers.every(({ pid }) => !isIn(first, pid)));
  await tell(stateDir, 'reload');
  await tell(stateDir, 'upgrade');
  await load.further(50);
  const last = await statusOf(stateDir);
  assert.notEqual(last.pid, first.pid);
  await program.exited;
  await load.further(50);
  await load.end();
  assert.deepEqual(load.failures, []);
  process.kill(last.pid, 'SIGTERM');
  await allGone(last.pid);
});

test('listeners that come, move and go under load cost no client of another anything', async (t) => {
  const { control, port } = await standAlone(t);
  const other = await launchUpstream(t, 'other');
  const web = await launchUpstream(t, 'web');
  const load = new Load(port, 'web.localhost');
  t.after(() => load.end());
  const ports = [await freePort(), await freePort()] as const;
  const services = { web: [endpointAt(web.port)], other: [endpointAt(other.port)] };
  let revision = 1;
  for (const [opened, closed] of [ports, [ports[1], ports[0]], ports] as const) {
    control.push(modelOf(services, { revision: ++revision, tcp: { other: opened } }));
    await waitUntil(async () => (await outcomeOf(opened, 'other')) === 200);
    await waitUntil(async () => (await outcomeOf(closed, 'other')) === undefined);
    await load.further(50);
  }
  control.push(modelOf(services, { revision: ++revision }));
  await waitUntil(async () => (await outcomeOf(ports[0], 'other')) === undefined);
  await load.further(50);
  await load.end();
  assert.deepEqual(load.failures, []);
});

test('a worker that is killed under load costs only what it was at, and the others go on', async (t) => {
  const { stateDir, port } = await standAlone(t);
  const load = new Load(port, 'web.localhost');
  t.after(() => load.end());
  await load.further(50);
  const before = await statusOf(stateDir);
  for (const { pid } of before.workers.slice(0, 1)) process.kill(pid, 'SIGKILL');
  await waitUntil(async () => {
    const { state, workers } = await statusOf(stateDir);
    return (
      state.problems.length === 0 && workers.length === 2 && workers.some(({ pid }) => !isIn(before, pid))
    );
  });
  await load.end();
  // Each of the six clients has at most one request under way, and its kept connection breaks once.
  assert.ok(load.failures.length <= 6, load.failures.slice(0, 20).join(' '));
});

function isIn(status: GatewayStatus, worker: number): boolean {
  return status.workers.some(({ pid }) => pid === worker);
}

test('a gateway alone that is restarted while its control plane is away goes on as before', async (t) => {
  const { program, control, stateDir, port, start } = await standAlone(t);
  assert.equal(await outcomeOf(port, 'web.localhost'), 200);
  await waitUntil(() => existsSync(join(stateDir, 'gateway-model.json')));
  await control.stop();
  await tell(stateDir, 'stop');
  await program.exited;
  await start();
  assert.equal(await outcomeOf(port, 'web.localhost'), 200);
  assert.deepEqual((await statusOf(stateDir)).state.problems, []);
});

test('a WebSocket outlives a reload and an upgrade for as long as the drain lasts', async (t) => {
  const http = createServer();
  const chat = new WebSocketServer({ server: http });
  chat.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })));
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  t.after(() => {
    for (const socket of chat.clients) socket.terminate();
    http.close();
  });
  const { control, stateDir, port } = await standAlone(t);
  control.push(modelOf({ chat: [endpointAt((http.address() as AddressInfo).port)] }, { revision: 2 }));
  await waitUntil(async () => (await statusOf(stateDir)).workers.every(({ revision }) => revision === 2));
  const client = new WebSocket(`ws://127.0.0.1:${port}/`, { headers: { host: 'chat.localhost' } });
  await once(client, 'open');
  const echo = async (text: string): Promise<void> => {
    client.send(text);
    assert.equal(String((await once(client, 'message'))[0]), text);
  };
  await tell(stateDir, 'reload');
  await echo('after the reload');
  await tell(stateDir, 'upgrade');
  await echo('after the upgrade');
  client.close();
  await once(client, 'close');
});

test('a second gateway in the same directory is refused, and one that is told to stop says first that it is not ready', async (t) => {
  const { program, stateDir, start } = await standAlone(t);
  await assert.rejects(start(), /has its state in .*portolan gateway upgrade/s);
  await tell(stateDir, 'log-level', 'debug');
  await assert.rejects(tell(stateDir, 'log-level', 'loud'), /must be one of/);
  await tell(stateDir, 'stop', '--grace', '1s');
  assert.deepEqual((await statusOf(stateDir)).state.problems, ['draining']);
  assert.deepEqual(await program.exited, { code: 0, signal: null });
  await assert.rejects(statusOf(stateDir), /no gateway runs/);
});

test('a gateway belongs to one server: another with its directory is refused', async (t) => {
  const directory = tempDir('gateway-process');
  t.after(() => directory.remove());
  // A store in memory has no lock that would keep the second one out.
  const options = { test: t, dataDir: directory.path, args: ['--gateway-workers', '1', '--store', 'memory'] };
  await launchPortolan(options);
  const { pid } = await statusOf(directory.path);
  await assert.rejects(launchPortolan(options), /belongs to another server that runs/);
  const after = await statusOf(directory.path);
  assert.deepEqual([after.pid, after.owner], [pid, 'attached']);
});

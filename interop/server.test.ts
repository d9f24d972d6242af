import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, get } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from '@portolan/testkit/free-port.ts';
import { launchPortolan, type Portolan } from '@portolan/testkit/launch-portolan.ts';
import { requireProgram } from '@portolan/testkit/require-program.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { portolanBin } from './portolan-process.ts';

const run = promisify(execFile);

/** The whole server as a process of its own, on free ports, with one worker: as small as the whole can be. */
function start(t: TestContext, dataDir: string, args: readonly string[] = []): Promise<Portolan> {
  return launchPortolan({ test: t, dataDir, args: ['--gateway-workers', '1', ...args] });
}

/** The arguments of one that is expected to give up. */
function serverArgs(dataDir: string, moved: Readonly<Record<string, string>> = {}): string[] {
  const listen = ['http', 'dns', 'gateway', 'proxy-admin'].flatMap((name) => [
    '--listen',
    `${name}=${moved[name] ?? '127.0.0.1:0'}`,
  ]);
  return [portolanBin, 'server', '--data-dir', dataDir, '--gateway-workers', '1', ...listen];
}

/** A GET through the gateway: fetch would not let the `Host` be ours. */
function throughGateway(portolan: Portolan, host: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const options = { port: portolan.port('gateway'), host: '127.0.0.1', headers: { host }, agent: false };
    const request = get(options, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    request.on('error', reject);
  });
}

function dataDir(t: TestContext): string {
  const directory = tempDir('server');
  t.after(() => directory.remove());
  return directory.path;
}

/** A backend that says its own name. */
async function backend(t: TestContext, name: string): Promise<number> {
  const server = createServer((_, response) => response.end(name));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

async function register(http: string, definition: object): Promise<void> {
  const response = await fetch(`${http}/v1/agent/service/register`, {
    method: 'PUT',
    body: JSON.stringify(definition),
  });
  assert.equal(response.status, 200, await response.text());
}

/** Runs a server that is expected to give up by itself. */
async function failedStart(args: string[]): Promise<{ code: number; stderr: string; stdout: string }> {
  try {
    const { stdout, stderr } = await run(process.execPath, args, { timeout: 30_000 });
    return { code: 0, stdout, stderr };
  } catch (thrown) {
    const { code, stdout, stderr } = thrown as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

test('a service registers over Consul, is found by DNS and is reached through the gateway', async (t) => {
  const dig = requireProgram(t, 'dig');
  if (dig === undefined) return;
  const portolan = await start(t, dataDir(t));
  const port = await backend(t, 'reviews v1');

  await register(portolan.url, { Name: 'reviews', Port: port, Tags: ['http', 'v1'] });

  const args = [
    '@127.0.0.1',
    '-p',
    String(portolan.port('dns')),
    '+short',
    'v1.reviews.service.consul',
    'SRV',
  ];
  const { stdout } = await run(dig, args);
  assert.match(stdout, new RegExp(`^1 1 ${port} .*\\.node\\.dc1\\.consul\\.$`, 'm'));

  const routed = await waitUntil(async () => {
    const answer = await throughGateway(portolan, 'reviews.localhost');
    return answer.status === 200 ? answer : undefined;
  });
  assert.equal(routed.body, 'reviews v1');
  const unknown = await throughGateway(portolan, 'nobody.localhost');
  assert.equal(unknown.status, 404);

  const ready = await fetch(`${portolan.url}/readyz?verbose`);
  assert.equal(ready.status, 200, await ready.text());
  const listeners = (await (await fetch(`${portolan.url}/portolan/v1/listeners`)).json()) as {
    name: string;
  }[];
  assert.deepEqual(listeners.map(({ name }) => name).sort(), [
    'dns',
    'gateway',
    'gateway-tls',
    'http',
    'proxy-admin',
  ]);
});

test('a change moves the traffic: a new instance gets it, a deregistered one does not', async (t) => {
  const portolan = await start(t, dataDir(t));
  const first = await backend(t, 'first');
  const second = await backend(t, 'second');
  const answers = async (wanted: string) =>
    (await throughGateway(portolan, 'shop.localhost')).body === wanted;

  await register(portolan.url, { Name: 'shop', ID: 'a', Port: first, Tags: ['http'] });
  await waitUntil(() => answers('first'));
  await register(portolan.url, { Name: 'shop', ID: 'b', Port: second, Tags: ['http'] });
  await waitUntil(() => answers('second'));
  await fetch(`${portolan.url}/v1/agent/service/deregister/a`, { method: 'PUT' });
  // The stream brings changes in order: once one answer is missing, no later request may see it.
  await register(portolan.url, { Name: 'marker', Port: second, Tags: ['http'] });
  await waitUntil(async () => (await throughGateway(portolan, 'marker.localhost')).status === 200);
  for (let count = 0; count < 20; count += 1) assert.ok(await answers('second'));

  // A service that is named for a port is reached there, with no HTTP in between.
  const tcpPort = await freePort();
  await register(portolan.url, { Name: `raw-${tcpPort}`, Port: first, Tags: ['tcp'] });
  await waitUntil(async () => (await (await fetch(`http://127.0.0.1:${tcpPort}/`)).text()) === 'first');
});

test('kill -9 under a load of registrations loses none that was acknowledged', async (t) => {
  const directory = dataDir(t);
  const portolan = await start(t, directory);
  const acknowledged = new Set<string>();
  let sent = 0;
  let stop = false;
  const sendOne = async () => {
    const id = `i-${sent++}`;
    try {
      await register(portolan.url, { Name: `load-${sent % 50}`, ID: id, Port: 80 });
      acknowledged.add(id);
    } catch (error) {
      if (!stop) throw error;
    }
  };
  // 500 a second: 5 every 10 ms, whether those before were answered or not.
  const underWay: Promise<void>[] = [];
  while (acknowledged.size < 800) {
    for (let count = 0; count < 5; count += 1) underWay.push(sendOne());
    await sleep(10);
  }
  stop = true;
  portolan.kill('SIGKILL');
  await portolan.exited;
  await Promise.all(underWay);

  const again = await start(t, directory);
  const services = (await (await fetch(`${again.url}/v1/agent/services`)).json()) as Record<string, unknown>;
  const lost = [...acknowledged].filter((id) => !Object.hasOwn(services, id));
  assert.deepEqual(lost, []);
});

test('what was registered is there after an orderly restart, with the same node id', async (t) => {
  const directory = dataDir(t);
  const first = await start(t, directory);
  await register(first.url, { Name: 'kept', Port: 80, Meta: { ['__proto__']: 'x', colour: 'blue' } });
  const before = await statusOf(first.url);
  const exit = await first.stop(20_000);
  assert.deepEqual(exit, { code: 0, signal: null }, first.output());

  const second = await start(t, directory);
  const after = await statusOf(second.url);
  assert.equal(after.nodeId, before.nodeId);
  assert.ok(after.revision >= before.revision);
  const response = await fetch(`${second.url}/v1/agent/service/kept`);
  assert.equal(((await response.json()) as { Meta: { colour: string } }).Meta.colour, 'blue');
});

async function statusOf(http: string): Promise<{ nodeId: string; revision: number }> {
  return (await (await fetch(`${http}/portolan/v1/status`)).json()) as { nodeId: string; revision: number };
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} drains: a blocking query is answered, a slow response is finished, exit code 0`, async (t) => {
    const portolan = await start(t, dataDir(t));
    const started = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<void>();
    const slow = createServer(async (_, response) => {
      started.resolve();
      await finish.promise;
      response.end('late');
    });
    slow.listen(0, '127.0.0.1');
    await once(slow, 'listening');
    t.after(() => void slow.close());
    await register(portolan.url, {
      Name: 'slow',
      Port: (slow.address() as AddressInfo).port,
      Tags: ['http'],
    });
    await waitUntil(async () => {
      const hosts = await (
        await fetch(`http://127.0.0.1:${portolan.port('proxy-admin')}/config_dump`)
      ).text();
      return hosts.includes('slow.localhost');
    });
    const index = (await fetch(`${portolan.url}/v1/health/service/slow`)).headers.get('x-consul-index');
    const blocking = fetch(`${portolan.url}/v1/health/service/slow?index=${index}&wait=60s`);
    const response = throughGateway(portolan, 'slow.localhost');
    await started.promise;

    portolan.kill(signal);
    await waitUntil(() => /"msg":"stopping"/.test(portolan.output()));
    finish.resolve();
    assert.deepEqual(await response, { status: 200, body: 'late' });
    assert.equal((await blocking).status, 200);
    assert.deepEqual(await portolan.exited, { code: 0, signal: null });
  });
}

test('the second signal ends it at once, whatever is under way', async (t) => {
  const portolan = await start(t, dataDir(t));
  const started = Promise.withResolvers<void>();
  const stuck = createServer(() => started.resolve());
  stuck.listen(0, '127.0.0.1');
  await once(stuck, 'listening');
  t.after(() => stuck.closeAllConnections());
  t.after(() => void stuck.close());
  await register(portolan.url, {
    Name: 'stuck',
    Port: (stuck.address() as AddressInfo).port,
    Tags: ['http'],
  });
  await waitUntil(async () => {
    const model = await fetch(`http://127.0.0.1:${portolan.port('proxy-admin')}/config_dump`);
    return (await model.text()).includes('stuck.localhost');
  });
  const response = throughGateway(portolan, 'stuck.localhost').catch(() => 'cut');
  await started.promise;
  portolan.kill('SIGTERM');
  await waitUntil(() => /"msg":"stopping"/.test(portolan.output()));
  portolan.kill('SIGTERM');
  assert.deepEqual(await portolan.exited, { code: 143, signal: null });
  await portolan.stop(0);
  assert.equal(await response, 'cut');
});

test('a promise that nobody awaited is logged and ends the server with 70', async (t) => {
  const defect = "process.on('SIGUSR2', () => { void Promise.reject(new Error('a planted defect')); })";
  const portolan = await launchPortolan({
    test: t,
    listen: ['gateway=off', 'proxy-admin=off'],
    env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(defect)}` },
  });
  portolan.kill('SIGUSR2');
  assert.deepEqual(await portolan.exited, { code: 70, signal: null });
  assert.match(portolan.output(), /"level":"fatal".*a planted defect.*a promise that nobody awaited/);
});

test('two servers on one data directory: the second says so and goes', async (t) => {
  const directory = dataDir(t);
  await start(t, directory);
  const second = await failedStart(serverArgs(directory));
  assert.equal(second.code, 1);
  assert.match(second.stderr, /^portolan: .*(?:another|in use|already)/im);
});

test('a port that is taken: a clear error, nothing left running', async (t) => {
  const taken = createTcpServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.after(() => void taken.close());
  const { port } = taken.address() as AddressInfo;
  for (const name of ['http', 'dns', 'gateway', 'proxy-admin']) {
    const failed = await failedStart(serverArgs(dataDir(t), { [name]: `127.0.0.1:${port}` }));
    assert.equal(failed.code, 1, failed.stderr);
    assert.match(failed.stderr, new RegExp(`^portolan: .*127\\.0\\.0\\.1:${port}`, 'm'));
  }
});

test('settings that make no sense are refused with their places, before anything starts', async (t) => {
  const directory = dataDir(t);
  const file = join(directory, 'portolan.yaml');
  writeFileSync(file, 'gateway:\n  wrokers: 2\nlisten:\n  http: 0.0.0.0:8500\n');
  const args = serverArgs(join(directory, 'data')).slice(0, 2);
  const unknownKey = await failedStart([...args, '--config', file, '--store', 'floppy']);
  assert.equal(unknownKey.code, 2);
  assert.match(unknownKey.stderr, /portolan\.yaml:2:3: gateway\.wrokers .*did you mean gateway\.workers\?/);
  assert.match(unknownKey.stderr, /--store: store must be lmdb or memory, not "floppy"/);
  assert.equal(unknownKey.stdout, '');
  writeFileSync(file, 'listen:\n  http: 0.0.0.0:8500\n');
  const reachable = await failedStart([...args, '--config', file]);
  assert.equal(reachable.code, 2);
  assert.match(reachable.stderr, /portolan\.yaml:2:3: .*--allow-anonymous/);
  const noFile = await failedStart([...args, '--config', join(directory, 'missing.yaml')]);
  assert.equal(noFile.code, 2);
  assert.match(noFile.stderr, /missing\.yaml cannot be read/);
  const noTemplates = await failedStart([
    ...serverArgs(join(directory, 'data')),
    '--templates',
    '/nonexistent',
  ]);
  assert.equal(noTemplates.code, 2);
  assert.match(noTemplates.stderr, /--templates: .*\/nonexistent/);
  const forwarder = await failedStart([...args, '--dns-forwarders', 'foo']);
  assert.match(forwarder.stderr, /must be addresses such as 10\.0\.0\.1 or 10\.0\.0\.1:53, not "foo"/);
  const nowhere = await failedStart(serverArgs('/proc/portolan'));
  assert.equal(nowhere.code, 2);
  assert.match(nowhere.stderr, /--data-dir: \/proc\/portolan cannot be used: ENOENT/);
});

test('SIGHUP reads the settings again and says what needs a restart', async (t) => {
  const directory = dataDir(t);
  const file = join(directory, 'portolan.yaml');
  writeFileSync(file, 'log:\n  level: info\n');
  const portolan = await start(t, join(directory, 'data'), ['--config', file]);
  writeFileSync(file, 'log:\n  level: debug\ndns:\n  domain: example\n');
  portolan.kill('SIGHUP');
  await waitUntil(() => /"needRestart":\["dns\.domain"\]/.test(portolan.output()));
  writeFileSync(file, 'nonsense: true\n');
  portolan.kill('SIGHUP');
  await waitUntil(() => /the settings stay as they were/.test(portolan.output()));
  assert.equal((await fetch(`${portolan.url}/livez`)).status, 200);
});

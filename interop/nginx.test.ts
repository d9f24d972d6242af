import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Agent, createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { askGeneration } from '@portolan/server/outlets/nginx/generation.ts';
import { parseConfiguration } from '@portolan/server/outlets/nginx/nginx-parser.fixture.ts';
import { askNginx, type NginxProgram } from '@portolan/server/outlets/nginx/nginx-program.ts';
import { freePort } from '@portolan/testkit/free-port.ts';
import { launchNginx } from '@portolan/testkit/launch-nginx.ts';
import { launchPortolan, type Portolan } from '@portolan/testkit/launch-portolan.ts';
import { requireProgram } from '@portolan/testkit/require-program.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { WebSocket, WebSocketServer } from 'ws';

/** An nginx that opens TCP ports too. */
async function requireNginx(t: TestContext): Promise<NginxProgram | undefined> {
  const binary = requireProgram(t, 'nginx');
  if (binary === undefined) return undefined;
  const program = await askNginx(binary);
  if (program.hasStream) return program;
  if (process.env.CI === 'true')
    throw new Error('nginx has no stream module, and CI=true lets nothing be skipped');
  t.skip('nginx has no stream module');
  return undefined;
}

function folder(t: TestContext): string {
  const directory = tempDir('nginx-outlet');
  t.after(() => directory.remove());
  return directory.path;
}

interface Rig {
  readonly portolan: Portolan;
  /** Where nginx listens. */
  readonly port: number;
  readonly dataDir: string;
}

/** A server without a gateway that runs nginx itself. */
async function startRig(
  t: TestContext,
  args: readonly string[] = [],
  reuse?: Omit<Rig, 'portolan'>,
): Promise<Rig> {
  const dataDir = reuse?.dataDir ?? folder(t);
  const port = reuse?.port ?? (await freePort());
  const nginx = args.includes('--nginx-http-file') ? [] : ['--nginx-run'];
  const portolan = await launchPortolan({
    test: t,
    dataDir,
    listen: ['gateway=off', 'dns=off', 'proxy-admin=off'],
    args: ['--nginx-listen', `127.0.0.1:${port}`, '--nginx-debounce', '20ms', ...nginx, ...args],
  });
  return { portolan, port, dataDir };
}

const reloads = ({ portolan }: Rig) => portolan.output().split('nginx runs the new configuration').length - 1;
const generation = ({ port }: Rig) => askGeneration({ address: '127.0.0.1', port });
/** What the server saw the new workers run, last of all. */
const verified = ({ portolan }: Rig) =>
  [...portolan.output().matchAll(/"generation":"([^"]+)","msg":"nginx runs the new/g)].at(-1)?.[1];
const nginxPid = ({ dataDir }: Rig) => Number(readFileSync(join(dataDir, 'nginx', 'nginx.pid'), 'utf8'));

/** What the file on disk says. */
const written = ({ dataDir }: Rig) =>
  /return 200 "([0-9a-f]{32}-[0-9a-f]{8})"/.exec(
    readFileSync(join(dataDir, 'nginx', 'nginx.conf'), 'utf8'),
  )?.[1];

/** One that ended and was not waited for by its parent yet has no command line any more. */
function isAlive(pid: number): boolean {
  return commandLine(pid) !== '';
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

/** Workers of a configuration before the present one, which finish what they have begun. */
function hasOldWorkers(master: number): boolean {
  const children = readFileSync(`/proc/${master}/task/${master}/children`, 'utf8').trim().split(' ');
  return children.some((pid) => commandLine(Number(pid)).includes('shutting down'));
}

async function readiness({ portolan }: Rig): Promise<string> {
  return (await fetch(`${portolan.url}/readyz?verbose`)).text();
}

interface Instance {
  readonly port: number;
  stop(): Promise<void>;
}

/** An instance that says its name, and stops as a well-behaved program does: what is under way is finished. */
async function instance(t: TestContext, name: string, port = 0): Promise<Instance> {
  const server: Server = createServer((_, response) => response.end(name));
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const stop = async () => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    server.closeIdleConnections();
    await closed;
  };
  t.after(async () => {
    server.closeAllConnections();
    await stop();
  });
  return { port: (server.address() as AddressInfo).port, stop };
}

async function register({ portolan }: Rig, definition: object): Promise<void> {
  const response = await fetch(`${portolan.url}/v1/agent/service/register`, {
    method: 'PUT',
    body: JSON.stringify(definition),
  });
  assert.equal(response.status, 200, await response.text());
}

async function deregister({ portolan }: Rig, id: string): Promise<void> {
  const response = await fetch(`${portolan.url}/v1/agent/service/deregister/${id}`, { method: 'PUT' });
  assert.equal(response.status, 200, await response.text());
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** One request, on a connection of its own unless there is an agent. */
function ask(port: number, host: string, agent?: Agent, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({
      ...{ host: '127.0.0.1', port, path: '/', method, headers: { host } },
      agent: agent ?? false,
    });
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      // RFC 9110 §9.2.2: a server may close an idle connection any time; what was not answered goes again.
      const closed = error.code === 'ECONNRESET' || error.code === 'EPIPE';
      if (outgoing.reusedSocket && closed) resolve(ask(port, host, agent, method));
      else reject(error);
    });
    outgoing.on('response', (response: IncomingMessage) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    outgoing.end();
  });
}

const bodyOf = async ({ port }: Rig, host: string) => (await ask(port, host)).body;

test('what is registered is served by nginx: HTTP by host, TCP by port, a default backend, and nothing once it is gone', async (t) => {
  if ((await requireNginx(t)) === undefined) return;
  const rig = await startRig(t);
  const web = await instance(t, 'web');
  const tcpPort = await freePort();
  await register(rig, { Name: 'web', Port: web.port, Tags: ['http'] });
  await register(rig, { Name: `raw-${tcpPort}`, Address: 'localhost', Port: web.port, Tags: ['tcp'] });
  await waitUntil(async () => (await bodyOf(rig, 'web.localhost')) === 'web');
  await waitUntil(async () => (await ask(tcpPort, 'whatever')).body === 'web');
  // nginx leaves its old workers beside the new ones for a moment: either may take the next connection.
  await waitUntil(() => verified(rig) === written(rig), { what: 'the old workers to take no more' });
  assert.deepEqual(await ask(rig.port, 'WEB.localhost:1234'), { status: 200, body: 'web' });
  assert.deepEqual(await ask(rig.port, 'nobody.localhost'), { status: 404, body: 'default backend - 404\n' });
  assert.match(await readiness(rig), /\[\+\]nginx ok/);

  await deregister(rig, 'web');
  await waitUntil(async () => (await ask(rig.port, 'web.localhost')).status === 404);
  const pid = nginxPid(rig);
  assert.ok(isAlive(pid));
  await rig.portolan.stop();
  assert.ok(!isAlive(pid), 'nginx ends with the server that runs it');
});

test('100 endpoint changes under load: no request fails', async (t) => {
  if ((await requireNginx(t)) === undefined) return;
  const rig = await startRig(t);
  const tcpPort = await freePort();
  const names = ['a', 'b', 'c', 'd'];
  const running = new Map<string, Instance>();
  const ports = new Map<string, number>();
  const add = async (name: string) => {
    const started = await instance(t, name, ports.get(name));
    running.set(name, started);
    ports.set(name, started.port);
    await register(rig, { Name: 'web', ID: `web-${name}`, Port: started.port, Tags: ['http'] });
    await register(rig, { Name: `raw-${tcpPort}`, ID: `raw-${name}`, Port: started.port, Tags: ['tcp'] });
  };
  for (const name of names) await add(name);
  await waitUntil(async () => (await bodyOf(rig, 'web.localhost')).length === 1);
  await waitUntil(async () => (await ask(tcpPort, 'x')).status === 200);

  const failures: string[] = [];
  const seen = new Set<string>();
  let requests = 0;
  let stopped = false;
  const client = async (port: number, agent?: Agent) => {
    while (!stopped) {
      try {
        const { status, body } = await ask(port, 'web.localhost', agent);
        seen.add(body);
        if (status !== 200) failures.push(`${status} ${body}`);
      } catch (error) {
        failures.push(String(error));
      }
      requests += 1;
    }
  };
  const agent = new Agent({ keepAlive: true });
  t.after(() => {
    stopped = true;
    agent.destroy();
  });
  const clients = [client(rig.port), client(rig.port), client(rig.port, agent), client(tcpPort)];

  for (let change = 0; change < 100; change += 1) {
    const name = names[(change >> 1) % names.length] ?? 'a';
    if (change % 2 === 0) {
      await deregister(rig, `web-${name}`);
      await deregister(rig, `raw-${name}`);
    } else await add(name);
    const file = join(rig.dataDir, 'nginx', 'nginx.conf');
    const mentions = () =>
      readFileSync(file, 'utf8').split(`server 127.0.0.1:${ports.get(name)} `).length - 1;
    await waitUntil(() => mentions() === (change % 2 === 0 ? 0 : 2));
    await waitUntil(() => verified(rig) === written(rig));
    // Only now, with new workers at work and the old ones done, does the instance go away: that is what draining is. An old worker may
    // have taken a TCP connection just before, and be about to connect.
    if (change % 2 === 0) {
      await waitUntil(() => !hasOldWorkers(nginxPid(rig)), { what: 'the old workers to end' });
      await running.get(name)?.stop();
    }
  }
  stopped = true;
  await Promise.all(clients);
  assert.deepEqual(failures, []);
  assert.ok(requests > 500, `${requests} requests`);
  assert.deepEqual([...seen].sort(), names);
  assert.ok(reloads(rig) >= 100, `${reloads(rig)} reloads`);
  t.diagnostic(`${requests} requests, ${reloads(rig)} reloads`);
});

test('a WebSocket passes, and lives on through a reload; a large body goes both ways', async (t) => {
  if ((await requireNginx(t)) === undefined) return;
  const rig = await startRig(t);
  const server = createServer(async (incoming, response) => response.end(await buffer(incoming)));
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets.clients) socket.terminate();
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  await register(rig, { Name: 'chat', Port: port, Tags: ['http'] });
  await waitUntil(() => reloads(rig) === 2);
  const client = new WebSocket(`ws://127.0.0.1:${rig.port}/`, { headers: { host: 'chat.localhost' } });
  await once(client, 'open');
  const echo = async (data: string): Promise<string> => {
    client.send(data);
    const [answer] = await once(client, 'message');
    return String(answer);
  };
  assert.equal(await echo('before'), 'before');
  await register(rig, { Name: 'other', Port: port, Tags: ['http'] });
  await waitUntil(() => reloads(rig) === 3);
  assert.equal(await echo('after'), 'after');
  client.close();
  await once(client, 'close');

  const large = 'x'.repeat(5_000_000);
  const answer = await new Promise<number>((resolve, reject) => {
    const outgoing = request({
      ...{
        host: '127.0.0.1',
        port: rig.port,
        method: 'POST',
        headers: { host: 'chat.localhost' },
        agent: false,
      },
    });
    outgoing.on('error', reject);
    outgoing.on('response', (response: IncomingMessage) => {
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        length += chunk.length;
      });
      response.on('end', () => resolve(length));
    });
    outgoing.end(large);
  });
  assert.equal(answer, large.length);
});

test('a burst of changes costs a few reloads, a change that nginx does not see none', async (t) => {
  if ((await requireNginx(t)) === undefined) return;
  const rig = await startRig(t, ['--nginx-debounce', '200ms']);
  await waitUntil(() => reloads(rig) === 1);
  for (let index = 0; index < 100; index += 1) {
    await register(rig, {
      Name: 'web',
      ID: `web-${index}`,
      Address: `10.0.0.${index}`,
      Port: 80,
      Tags: ['http'],
    });
  }
  const file = join(rig.dataDir, 'nginx', 'nginx.conf');
  await waitUntil(() => readFileSync(file, 'utf8').split('server 10.0.0.').length === 101);
  await waitUntil(() => reloads(rig) > 1);
  assert.ok(reloads(rig) <= 6, `${reloads(rig)} reloads`);
  const before = reloads(rig);
  // In the model, but neither a host nor a port: nginx has nothing to do with it.
  await register(rig, { Name: 'internal', Port: 80 });
  await register(rig, {
    Name: 'web',
    ID: 'web-0',
    Address: '10.0.0.0',
    Port: 80,
    Tags: ['http'],
    Meta: { version: 'v2' },
  });
  await register(rig, { Name: 'marker', Port: 80, Tags: ['http'] });
  await waitUntil(async () => (await ask(rig.port, 'marker.localhost')).status === 502);
  await waitUntil(() => reloads(rig) > before);
  assert.equal(reloads(rig), before + 1);
});

test('hostile registrations come through the whole server as nothing but text', async (t) => {
  if ((await requireNginx(t)) === undefined) return;
  const rig = await startRig(t);
  const evil = [
    '"; } server { listen 1; #',
    '$host',
    `$\{host}`,
    'a\\',
    'ü💥{};',
    '~^.*$',
    '../../etc/passwd',
    '*',
  ];
  for (const [index, value] of evil.entries()) {
    const tags = ['http', 'tcp', value];
    await register(rig, { Name: value, Port: 80, Tags: tags, Meta: { text: value } });
    await register(rig, { Name: `${value}-${20_000 + index}`, Port: 80, Tags: tags });
  }
  const web = await instance(t, 'web');
  await register(rig, { Name: 'web', Port: web.port, Tags: ['http'] });
  await waitUntil(async () => (await bodyOf(rig, 'web.localhost')) === 'web');
  const tree = parseConfiguration(readFileSync(join(rig.dataDir, 'nginx', 'nginx.conf'), 'utf8'));
  const http = tree.find(({ name }) => name === 'http')?.block ?? [];
  const kinds = new Set(http.map(({ name }) => name));
  kinds.delete('access_log');
  const expected = [
    'geo',
    'map',
    'server',
    'server_names_hash_bucket_size',
    'server_names_hash_max_size',
    'upstream',
  ];
  assert.deepEqual([...kinds].filter((name) => !name.endsWith('_temp_path')).sort(), expected);
  assert.match(await readiness(rig), /\[\+\]nginx ok/);
});

test('nginx that is killed is started again, and outlives a server that is killed, whose next one takes it over', async (t) => {
  if ((await requireNginx(t)) === undefined) return;
  const rig = await startRig(t);
  const web = await instance(t, 'web');
  await register(rig, { Name: 'web', Port: web.port, Tags: ['http'] });
  await waitUntil(async () => (await bodyOf(rig, 'web.localhost')) === 'web');
  await waitUntil(() => reloads(rig) === 2);
  const first = nginxPid(rig);
  process.kill(-first, 'SIGKILL');
  await waitUntil(async () => nginxPid(rig) !== first && (await bodyOf(rig, 'web.localhost')) === 'web');

  await waitUntil(() => reloads(rig) === 3);
  const second = nginxPid(rig);
  t.after(() => void (isAlive(second) && process.kill(-second, 'SIGKILL')));
  const serving = await generation(rig);
  rig.portolan.kill('SIGKILL');
  await rig.portolan.exited;
  assert.equal(await bodyOf(rig, 'web.localhost'), 'web');
  const next = await startRig(t, [], rig);
  assert.equal(await generation(next), serving);
  assert.equal(reloads(next), 0, 'what it runs already is not reloaded');
  await register(next, { Name: 'shop', Port: web.port, Tags: ['http'] });
  await waitUntil(async () => (await bodyOf(next, 'shop.localhost')) === 'web');
  assert.equal(nginxPid(next), second);
  await next.portolan.stop();
  assert.ok(!isAlive(second));
});

interface Included extends Rig {
  readonly httpFile: string;
  readonly streamFile: string;
}

/** An nginx of somebody else's, with a server of its own, that includes our files. */
async function included(
  t: TestContext,
  ownHttp: string,
  argsOf: (pidFile: string) => readonly string[] = (pidFile) => ['--nginx-pid-file', pidFile],
): Promise<Included> {
  const module = (await requireNginx(t))?.streamModule;
  const parts = folder(t);
  const [httpFile, streamFile] = [join(parts, 'http.conf'), join(parts, 'stream.conf')];
  const nginx = await launchNginx({
    main: module === undefined ? '' : `load_module ${module};`,
    http: `${ownHttp} include ${parts}/http.con[f];`,
    test: t,
  });
  writeFileSync(
    join(nginx.prefix, 'nginx.conf'),
    `${readFileSync(join(nginx.prefix, 'nginx.conf'), 'utf8')}stream { include ${parts}/stream.con[f]; }\n`,
  );
  const files = ['--nginx-http-file', httpFile, '--nginx-stream-file', streamFile];
  const rig = await startRig(t, [...files, ...argsOf(join(nginx.prefix, 'nginx.pid'))]);
  return { ...rig, httpFile, streamFile };
}

test('files that an nginx of somebody else includes: its own servers stay, ours come and go', async (t) => {
  if ((await requireNginx(t)) === undefined) return;
  const own = await freePort();
  const rig = await included(t, `server { listen 127.0.0.1:${own} default_server; return 200 own; }`);
  const web = await instance(t, 'web');
  const tcpPort = await freePort();
  await register(rig, { Name: 'web', Port: web.port, Tags: ['http'] });
  await register(rig, { Name: `raw-${tcpPort}`, Port: web.port, Tags: ['tcp'] });
  await waitUntil(async () => (await bodyOf(rig, 'web.localhost')) === 'web');
  await waitUntil(async () => (await ask(tcpPort, 'x')).body === 'web');
  assert.equal((await ask(own, 'web.localhost')).body, 'own');
  assert.deepEqual(
    readdirSync(join(rig.httpFile, '..')).sort(),
    ['http.conf', 'stream.conf'],
    'no half-written file is left',
  );
  // A name so long that nginx' own table does not hold it.
  const long = `${'x'.repeat(60)}.localhost`;
  await register(rig, { Name: 'x'.repeat(60), Port: web.port, Tags: ['http'] });
  await waitUntil(async () => (await bodyOf(rig, long)) === 'web');
});

test('a configuration that the whole nginx does not take goes back to the last good one, and readiness says why', async (t) => {
  if ((await requireNginx(t)) === undefined) return;
  // Alone ours is right; with this line it says one thing twice once a name is long.
  const rig = await included(t, 'server_names_hash_bucket_size 64;');
  const web = await instance(t, 'web');
  await register(rig, { Name: 'web', Port: web.port, Tags: ['http'] });
  await waitUntil(async () => (await bodyOf(rig, 'web.localhost')) === 'web');
  const running = await waitUntil(() => reloads(rig) === 2 && verified(rig));
  const good = readFileSync(rig.httpFile, 'utf8');
  await register(rig, { Name: 'x'.repeat(60), Port: web.port, Tags: ['http'] });
  await waitUntil(
    async () => /\[-\]nginx failed: .*did not take the configuration/.test(await readiness(rig)),
    {
      timeoutMs: 40_000,
    },
  );
  await waitUntil(() => readFileSync(rig.httpFile, 'utf8') === good);
  assert.equal(await generation(rig), running);
  assert.equal(await bodyOf(rig, 'web.localhost'), 'web');
  await deregister(rig, 'x'.repeat(60));
  await waitUntil(async () => /\[\+\]nginx ok/.test(await readiness(rig)));
  await register(rig, { Name: 'shop', Port: web.port, Tags: ['http'] });
  await waitUntil(async () => (await bodyOf(rig, 'shop.localhost')) === 'web');
});

test('files for an nginx that does not run yet are written and wait; once it runs all is well', async (t) => {
  if ((await requireNginx(t)) === undefined) return;
  const parts = folder(t);
  const [httpFile, pidFile] = [join(parts, 'http.conf'), join(parts, 'link.pid')];
  const rig = await startRig(t, ['--nginx-http-file', httpFile, '--nginx-pid-file', pidFile]);
  const web = await instance(t, 'web');
  await register(rig, { Name: 'web', Port: web.port, Tags: ['http'] });
  await waitUntil(() => readFileSync(httpFile, 'utf8').includes('web.localhost'));
  await waitUntil(async () => /\[-\]nginx failed: nginx is not running/.test(await readiness(rig)));
  const nginx = await launchNginx({ http: `include ${httpFile};`, test: t });
  writeFileSync(pidFile, readFileSync(join(nginx.prefix, 'nginx.pid')));
  assert.equal(await waitUntil(() => bodyOf(rig, 'web.localhost')), 'web');
  await waitUntil(async () => /\[\+\]nginx ok/.test(await readiness(rig)));
  assert.equal(verified(rig), await generation(rig));
});

test('a reload command is run in place of the signal, and one that fails leaves the files as they were', async (t) => {
  if ((await requireNginx(t)) === undefined) return;
  const directory = folder(t);
  const [broken, log] = [join(directory, 'broken'), join(directory, 'log')];
  const rig = await included(t, '', (pidFile) => [
    '--nginx-reload-command',
    `test ! -e ${broken} && kill -HUP $(cat ${pidFile}) && echo reloaded >> ${log}`,
  ]);
  const web = await instance(t, 'web');
  await register(rig, { Name: 'web', Port: web.port, Tags: ['http'] });
  await waitUntil(async () => (await bodyOf(rig, 'web.localhost')) === 'web');
  await waitUntil(() => reloads(rig) === 2);
  assert.equal(readFileSync(log, 'utf8'), 'reloaded\nreloaded\n');
  const good = readFileSync(rig.httpFile, 'utf8');
  writeFileSync(broken, '');
  await register(rig, { Name: 'shop', Port: web.port, Tags: ['http'] });
  await waitUntil(async () => /the reload command failed/.test(await readiness(rig)));
  assert.equal(readFileSync(rig.httpFile, 'utf8'), good);
  assert.equal(await bodyOf(rig, 'web.localhost'), 'web');
});

test('nginx -t refuses: nothing is written, nginx goes on, readiness says why', async (t) => {
  const program = await requireNginx(t);
  if (program === undefined) return;
  const directory = folder(t);
  // nginx is asked as nobody.
  chmodSync(directory, 0o755);
  const wrapper = join(directory, 'nginx');
  const broken = join(directory, 'broken');
  writeFileSync(
    wrapper,
    `#!/bin/sh\ncase "$*" in *-t*) test -e ${broken} && { echo 'nginx: [emerg] no such luck' >&2; exit 1; };; esac\nexec ${program.path} "$@"\n`,
    { mode: 0o755 },
  );
  const rig = await startRig(t, ['--nginx-binary', wrapper]);
  const web = await instance(t, 'web');
  await register(rig, { Name: 'web', Port: web.port, Tags: ['http'] });
  await waitUntil(async () => (await bodyOf(rig, 'web.localhost')) === 'web');
  const file = join(rig.dataDir, 'nginx', 'nginx.conf');
  const before = readFileSync(file, 'utf8');
  writeFileSync(broken, '');
  await register(rig, { Name: 'shop', Port: web.port, Tags: ['http'] });
  await waitUntil(async () => /\[-\]nginx failed: .*no such luck/.test(await readiness(rig)));
  assert.equal(readFileSync(file, 'utf8'), before);
  assert.equal(await bodyOf(rig, 'web.localhost'), 'web');
});

test('a TCP port that somebody else has is left out until it is free; everything else is served', async (t) => {
  if ((await requireNginx(t)) === undefined) return;
  const rig = await startRig(t);
  const other = await instance(t, 'other');
  const web = await instance(t, 'web');
  await register(rig, { Name: `raw-${other.port}`, Port: web.port, Tags: ['tcp'] });
  await register(rig, { Name: 'web', Port: web.port, Tags: ['http'] });
  await waitUntil(async () => (await bodyOf(rig, 'web.localhost')) === 'web');
  await waitUntil(() => rig.portolan.output().includes('another program has it'));
  assert.equal((await ask(other.port, 'x')).body, 'other');
  await other.stop();
  await waitUntil(async () => (await ask(other.port, 'x')).body === 'web', { timeoutMs: 20_000 });
});

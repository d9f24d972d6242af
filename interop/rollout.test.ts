import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { portolanBin, startPortolan } from './portolan-process.ts';

/** One version: answers with its name, or fails. */
async function version(t: TestContext, name: string, status: number): Promise<number> {
  const server = createServer((_, response) => response.writeHead(status).end(name));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => new Promise((resolve) => void server.close(resolve)));
  return (server.address() as AddressInfo).port;
}

/** Requests, one after the other, until `stop`; counts who answered. */
function load(gateway: number): { readonly seen: Map<string, number>; stop(): Promise<void> } {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const seen = new Map<string, number>();
  let running = true;
  const ask = (): Promise<void> =>
    new Promise((resolve) => {
      const headers = { host: 'reviews.localhost' };
      request({ host: '127.0.0.1', port: gateway, headers, agent }, (response) => {
        response.setEncoding('utf8').on('data', (name: string) => seen.set(name, (seen.get(name) ?? 0) + 1));
        response.on('end', resolve);
      })
        .on('error', () => resolve())
        .end();
    });
  const over = (async () => {
    while (running) await ask();
  })();
  return {
    seen,
    async stop() {
      running = false;
      await over;
      agent.destroy();
    },
  };
}

function portolanOf(
  server: string,
): (...args: readonly string[]) => Promise<{ code: number; stdout: string; stderr: string }> {
  return (...args) =>
    new Promise((resolve) => {
      const env = { ...process.env, PORTOLAN_SERVER: server };
      execFile(
        process.execPath,
        [portolanBin, ...args],
        { env, timeout: 30_000 },
        (error, stdout, stderr) => {
          resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
        },
      );
    });
}

test('a rollout moves the requests to a sound version, and goes back from a bad one', {
  timeout: 60_000,
}, async (t) => {
  const root = tempDir('rollout');
  t.after(() => root.remove());
  const server = await startPortolan(t, { dataDir: root.path });
  const portolan = portolanOf(server.http);
  for (const [name, status] of [
    ['v1', 200],
    ['v2', 200],
    ['v3', 500],
  ] as const) {
    const port = await version(t, name, status);
    const where = ['--id', name, '--port', `${port}`, '--address', '127.0.0.1'];
    const { code } = await portolan(
      'register',
      'reviews',
      ...where,
      '--tag',
      'http',
      '--meta',
      `version=${name}`,
    );
    assert.equal(code, 0);
  }
  const { seen, stop } = load(server.ports.gateway);
  t.after(stop);

  const sound = await portolan(
    'rollout',
    'start',
    'reviews',
    '--to',
    'v2',
    '--from',
    'v1',
    '--steps',
    '50,100',
    '--pause',
    '2500ms',
    // Of each request: the whole takes longer.
    '--timeout',
    '2s',
  );
  assert.deepEqual([sound.code, sound.stderr], [0, '']);
  assert.match(
    sound.stdout,
    /v2 {2}50%[^\n]*\nv2 100%[^\n]*\nreviews is at v2\.\nTo undo it: portolan rollback virtualservice reviews --to-revision \d+\n$/,
  );
  seen.clear();
  const bad = await portolan(
    'rollout',
    'start',
    'reviews',
    '--to',
    'v3',
    '--steps',
    '50,100',
    '--pause',
    '20s',
    '--min-requests',
    '5',
  );
  assert.equal(bad.code, 1);
  assert.match(bad.stderr, /^Went back to v2: error_rate>1% /);
  assert.ok((seen.get('v3') ?? 0) >= 5);
  const routes = await portolan('get', 'routes');
  assert.match(routes.stdout, /100% reviews#v2/);
  const unknown = await portolan('rollout', 'start', 'reviews', '--to', 'v9');
  assert.equal(unknown.code, 3);

  const [undo = ''] = /(?<=portolan ).*--to-revision \d+/.exec(sound.stdout) ?? [];
  assert.equal((await portolan(...undo.split(' '))).code, 0);
  assert.match((await portolan('get', 'routes')).stdout, / reviews#v1 /);
});

test('what somebody else changed meanwhile is not written over, and what is not moved is told', {
  timeout: 60_000,
}, async (t) => {
  const root = tempDir('rollout');
  t.after(() => root.remove());
  const server = await startPortolan(t, { dataDir: root.path });
  const portolan = portolanOf(server.http);
  for (const name of ['v1', 'v2']) {
    const where = ['--id', name, '--port', `${await version(t, name, 200)}`, '--address', '127.0.0.1'];
    const labels = ['--tag', 'http', '--meta', `version=${name}`];
    assert.equal((await portolan('register', 'shop', ...where, ...labels)).code, 0);
  }
  const write = async (manifest: object): Promise<void> => {
    const file = join(root.path, 'manifest.json');
    writeFileSync(file, JSON.stringify(manifest));
    assert.equal((await portolan('apply', '-f', file)).code, 0);
  };
  const backend = { service: { name: 'shop', port: { number: 80 } } };
  await write({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name: 'door' },
    spec: { rules: [{ host: 'door.test', http: { paths: [{ path: '/', pathType: 'Prefix', backend }] } }] },
  });
  const steps = ['--from', 'v1', '--steps', '10,100', '--pause', '6s'];
  const rollout = portolan('rollout', 'start', 'shop', '--to', 'v2', ...steps);
  await waitUntil(async () => /10% shop#v2/.test((await portolan('get', 'routes')).stdout), {
    what: 'the first step',
  });
  const theirs = { route: [{ destination: { host: 'shop', subset: 'v1' } }], timeout: '7s' };
  await write({
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: 'shop' },
    spec: { hosts: ['shop'], http: [theirs] },
  });
  const { code, stderr } = await rollout;
  assert.equal(code, 5);
  assert.match(stderr, /^Not moved, .*door\.test .*ingress\/default\/door/);
  assert.match(stderr, /changed by somebody else meanwhile/);
  const kept = (await portolan('get', 'virtualservice', 'shop', '-o', 'json')).stdout;
  assert.deepEqual(JSON.parse(kept).spec.http, [theirs]);
});

test('a rollout that cannot be watched any more goes back', { timeout: 60_000 }, async (t) => {
  const root = tempDir('rollout');
  t.after(() => root.remove());
  const server = await startPortolan(t, { dataDir: root.path });
  const portolan = portolanOf(server.http);
  for (const name of ['v1', 'v2']) {
    const where = ['--id', name, '--port', `${await version(t, name, 200)}`, '--address', '127.0.0.1'];
    const labels = ['--tag', 'http', '--meta', `version=${name}`];
    assert.equal((await portolan('register', 'shop', ...where, ...labels)).code, 0);
  }
  // Stands for a gateway's admin listener that goes away.
  const admin = createServer((_, response) => response.end('[]'));
  await new Promise<void>((resolve) => admin.listen(0, '127.0.0.1', resolve));
  t.after(() => admin.close());
  const { port } = admin.address() as AddressInfo;
  const where = [
    '--admin',
    `http://127.0.0.1:${port}`,
    '--from',
    'v1',
    '--steps',
    '10,100',
    '--pause',
    '30s',
  ];
  const rollout = portolan('rollout', 'start', 'shop', '--to', 'v2', ...where);
  await waitUntil(async () => /10% shop#v2/.test((await portolan('get', 'routes')).stdout), {
    what: 'the first step',
  });
  admin.close();
  admin.closeAllConnections();
  const { code, stderr } = await rollout;
  assert.equal(code, 1);
  assert.match(stderr, /^Went back to v1: the gateway's figures cannot be read/);
  assert.match((await portolan('get', 'routes')).stdout, / shop#v1 /);
});

test('an HTTPRoute is never moved to a service that nobody has', { timeout: 60_000 }, async (t) => {
  const root = tempDir('rollout');
  t.after(() => root.remove());
  const server = await startPortolan(t, { dataDir: root.path });
  const portolan = portolanOf(server.http);
  const where = ['--id', 'v1', '--port', `${await version(t, 'v1', 200)}`, '--address', '127.0.0.1'];
  assert.equal((await portolan('register', 'shop', ...where, '--meta', 'version=v1')).code, 0);
  const file = join(root.path, 'route.json');
  writeFileSync(
    file,
    JSON.stringify({
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name: 'front' },
      spec: { parentRefs: [{ name: 'portolan' }], rules: [{ backendRefs: [{ name: 'shop', port: 80 }] }] },
    }),
  );
  assert.equal((await portolan('apply', '-f', file)).code, 0);
  const refused = await portolan('rollout', 'start', 'shop', '--to', 'v1');
  assert.equal(refused.code, 3);
  assert.match(refused.stderr, /HTTPRoute default\/front .*there is no service v1/);
  assert.doesNotMatch((await portolan('history', 'httproute', 'front')).stdout, /updated/);
});

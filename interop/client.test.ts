import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type Client, type ClientOptions, createClient, type Fault } from '@portolan/client';
import { freePort } from '@portolan/testkit/free-port.ts';
import { launchProgram, type Program } from '@portolan/testkit/launch-program.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { portolanBin } from './portolan-process.ts';

/** A server on one port, which can be started there again. */
async function server(
  t: TestContext,
  store: 'memory' | 'lmdb',
): Promise<{ url: string; start(): Promise<Program> }> {
  const directory = tempDir('client');
  t.after(() => directory.remove());
  const port = await freePort();
  const args = [
    'server',
    '--store',
    store,
    '--data-dir',
    directory.path,
    '--listen',
    `http=127.0.0.1:${port}`,
  ];
  for (const name of ['dns', 'gateway', 'proxy-admin']) args.push('--listen', `${name}=off`);
  return {
    url: `http://127.0.0.1:${port}`,
    start: () =>
      launchProgram({
        command: process.execPath,
        args: [portolanBin, ...args],
        ready: /^Ready in/m,
        test: t,
      }),
  };
}

function client(t: TestContext, options: ClientOptions): Client {
  const made = createClient(options);
  t.after(() => made.close({ deregister: false }));
  return made;
}

async function backend(t: TestContext, name: string): Promise<{ port: number; stop(): void }> {
  const http = createServer((_, response) => response.end(name));
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const stop = (): void => {
    http.close();
    http.closeAllConnections();
  };
  t.after(stop);
  return { port: (http.address() as AddressInfo).port, stop };
}

test('a registry that forgot everything in a restart has every instance again', async (t) => {
  const { url, start } = await server(t, 'memory');
  const first = await start();
  const problems: Fault[] = [];
  const app = client(t, {
    server: url,
    confirmIntervalMs: 50,
    onProblem: (problem) => problems.push(problem),
  });
  await app.register({ name: 'ttl', port: 1, checks: [{ ttlMs: 2_000 }] });
  await app.register({ name: 'plain', port: 2, metadata: { version: 'v1' } });
  const watcher = client(t, { server: url });
  assert.equal((await watcher.resolve('ttl')).length, 1);
  assert.equal((await watcher.resolve('plain')).length, 1);
  first.kill('SIGKILL');
  await first.exited;
  await waitUntil(() => problems.length > 0);
  assert.equal((await watcher.resolve('plain')).length, 1, 'the last list stays');
  await start();
  const fresh = client(t, { server: url });
  await waitUntil(
    async () => (await fresh.resolve('ttl')).length + (await fresh.resolve('plain')).length === 2,
  );
  const [plain] = await fresh.resolve('plain');
  assert.equal(plain?.metadata.version, 'v1');
});

test('calls by name follow instances that come and go, and go on while the registry is away', async (t) => {
  const { url, start } = await server(t, 'lmdb');
  const first = await start();
  const provider = client(t, { server: url });
  const one = await backend(t, 'one');
  const two = await backend(t, 'two');
  const check = (port: number) => [{ tcp: `127.0.0.1:${port}`, intervalMs: 200 }];
  await provider.register({ name: 'echo', port: one.port, checks: check(one.port) });
  const caller = client(t, { server: url });
  const call = async (): Promise<string> => (await caller.fetch('http://echo/')).text();
  await waitUntil(async () => (await call()) === 'one');
  await provider.register({ name: 'echo', port: two.port, checks: check(two.port) });
  await waitUntil(async () => (await call()) === 'two');
  first.kill('SIGKILL');
  await first.exited;
  one.stop();
  for (let calls = 0; calls < 20; calls += 1) assert.equal(await call(), 'two');
  await start();
  await waitUntil(async () => (await caller.resolve('echo')).length === 1, { what: 'the check to notice' });
});

test('a client that closes takes its instances along', async (t) => {
  const { url, start } = await server(t, 'memory');
  await start();
  const app = createClient({ server: url });
  await app.register({ name: 'short', port: 1 });
  const watcher = client(t, { server: url });
  assert.equal((await watcher.resolve('short')).length, 1);
  await app.close();
  await waitUntil(async () => (await watcher.resolve('short')).length === 0);
});

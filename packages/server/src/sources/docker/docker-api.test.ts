import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fakeClock } from '@portolan/testkit/fake-clock.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { connectDocker, type DockerApi } from './docker-api.ts';
import { limits } from './limits.ts';

/** An engine that does what no real one does at a test's wish. */
async function strangeEngine(t: TestContext, listener: RequestListener) {
  const directory = tempDir('engine');
  const path = join(directory.path, 'docker.sock');
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    if (request.url === '/_ping') {
      response.setHeader('api-version', '1.52');
      response.end('OK');
    } else listener(request, response);
  });
  server.listen(path);
  await once(server, 'listening');
  const stop = new AbortController();
  t.after(async () => {
    stop.abort();
    server.closeAllConnections();
    server.close();
    directory.remove();
  });
  const clock = fakeClock();
  const connect = (): Promise<DockerApi> =>
    connectDocker({ address: { kind: 'unix', path }, clock, signal: stop.signal });
  return { api: await connect(), clock, asked, stop, server };
}

test('it speaks the version that both know', async (t) => {
  const { api, asked } = await strangeEngine(t, (_, response) =>
    response.end('[{"Id":"a","State":"running"},{}]'),
  );
  assert.deepEqual(await api.list(true), [{ id: 'a', alive: true }]);
  assert.equal(asked.at(-1), '/v1.44/containers/json?all=1');
});

test('an answer that never ends is cut, one that is no JSON is a fault', async (t) => {
  const { api } = await strangeEngine(t, (request, response) => {
    if (request.url?.includes('/info')) response.end('<html>');
    else response.end(Buffer.alloc(limits.maxInspectBytes + 1, 0x20));
  });
  await assert.rejects(api.inspect('a'), { code: 'too-large' });
  await assert.rejects(api.info(), { code: 'invalid', message: /not JSON/ });
});

test('the engine’s own words are the fault’s', async (t) => {
  const { api } = await strangeEngine(t, (request, response) => {
    response.statusCode = request.url?.includes('gone') ? 404 : 500;
    response.end(response.statusCode === 404 ? '{"message":"No such container: gone"}' : 'oh');
  });
  await assert.rejects(api.inspect('gone'), { code: 'not-found', message: /No such container: gone/ });
  await assert.rejects(api.inspect('other'), { code: 'unavailable', message: /500 oh/ });
});

test('an engine that holds a container’s lock runs into the timeout of that one call', async (t) => {
  const held: unknown[] = [];
  const { api, clock } = await strangeEngine(t, (_, response) => held.push(response));
  const inspected = api.inspect('hung');
  await waitUntil(() => held.length === 1);
  clock.advance(limits.inspectTimeoutMs);
  await assert.rejects(inspected, { code: 'timeout' });
  await api.ping();
});

test('a stream of events that breaks, or is no stream of events, says so', async (t) => {
  const { api, stop } = await strangeEngine(t, (request, response) => {
    const since = new URL(request.url ?? '', 'http://x').searchParams.get('since');
    response.write('{"Type":"container","Action":"start","Actor":{"ID":"a"}}\n');
    if (since === '1') response.end();
    if (since === '2') response.end('nonsense\n');
    if (since === '3') response.destroy();
  });
  const seen: string[] = [];
  const broken = async (since: string) =>
    (await api.events(since, ({ container }) => seen.push(container))).broken;
  await assert.rejects(broken('1'), { code: 'unavailable', message: /events broke off/ });
  await assert.rejects(broken('2'), { code: 'invalid' });
  await assert.rejects(broken('3'), { code: 'unavailable' });
  assert.ok(seen.length >= 2 && seen.every((id) => id === 'a'));
  const open = broken('4');
  open.catch(() => undefined);
  stop.abort();
  await assert.rejects(open);
});

test('nobody there is unavailable, with the address', async () => {
  const signal = new AbortController().signal;
  const connection = {
    address: { kind: 'unix', path: '/nowhere/docker.sock' } as const,
    clock: fakeClock(),
    signal,
  };
  await assert.rejects(connectDocker(connection), {
    code: 'unavailable',
    message: /^unix:\/\/\/nowhere\/docker\.sock cannot be reached: /,
  });
});

test('a kept connection that the engine has closed meanwhile costs a new one, no error', async (t) => {
  const sockets = new Set<Socket>();
  const { api } = await strangeEngine(t, ({ socket }, response) => {
    // Closed as the second request comes in on it.
    if (sockets.has(socket)) socket.destroy();
    sockets.add(socket);
    response.end('[]');
  });
  assert.deepEqual(await api.list(true), []);
  assert.deepEqual(await api.list(true), []);
  assert.equal(sockets.size, 2);
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { pino } from 'pino';
import type { ListenerAddress } from '../contract.ts';
import { systemClock } from '../engine/system-clock.ts';
import { readBody } from './body.ts';
import type { HttpLimits } from './limits.ts';
import { createHttpListener } from './listener.ts';
import { send, textReply } from './reply.ts';

async function startListener(limits: Partial<HttpLimits> = {}) {
  let bound: ListenerAddress | undefined;
  const lines: string[] = [];
  const listener = createHttpListener({
    bind: { address: '127.0.0.1', port: 0 },
    nodeName: 'node-1',
    limits,
    log: pino({ level: 'error' }, { write: (line: string) => void lines.push(line) }),
    clock: systemClock,
    listeners: {
      announce(listener) {
        bound = listener;
        return () => {
          bound = undefined;
        };
      },
      list: () => (bound === undefined ? [] : [bound]),
    },
  });
  await listener.start();
  const port = bound?.port ?? 0;
  return {
    listener,
    lines,
    port,
    url: `http://127.0.0.1:${port}`,
    announced: () => bound,
    [Symbol.asyncDispose]: () => listener.stop(100),
  };
}

/** All that comes back on a connection until the server closes it. */
async function untilClosed(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk) => {
    text += String(chunk);
  });
  socket.on('error', () => {});
  await once(socket, 'close');
  return text;
}

test('the longest mounted prefix answers', async () => {
  await using server = await startListener();
  server.listener.mount('/', (_request, response) => send(response, textReply(200, 'root')));
  server.listener.mount('/v1/', (_request, response) => send(response, textReply(200, 'v1')));
  assert.equal(await (await fetch(`${server.url}/v1/x`)).text(), 'v1');
  assert.equal(await (await fetch(`${server.url}/v2`)).text(), 'root');
  assert.throws(() => server.listener.mount('/v1/', () => {}), /mounted twice/);
});

test('what nobody has mounted is a 404', async () => {
  await using server = await startListener();
  assert.equal((await fetch(`${server.url}/x`)).status, 404);
});

test('a defect is a 500 with an id that the log has too', async () => {
  await using server = await startListener();
  server.listener.mount('/sync', () => {
    throw new Error('secret detail');
  });
  server.listener.mount('/async', async () => {
    throw new Error('secret detail');
  });
  for (const path of ['/sync', '/async']) {
    const response = await fetch(server.url + path, { headers: { 'x-request-id': `mine${path}` } });
    assert.equal(response.status, 500);
    assert.equal(await response.text(), `Internal error (request mine${path}).`);
    assert.ok(server.lines.some((line) => line.includes(`mine${path}`) && line.includes('secret detail')));
  }
  const unfit = await fetch(`${server.url}/sync`, { headers: { 'x-request-id': 'no "quotes"' } });
  assert.doesNotMatch(unfit.headers.get('x-request-id') ?? '"', /"/);
});

test('a web page of another origin neither reads by a foreign name nor writes', async () => {
  await using server = await startListener();
  server.listener.mount('/', (_request, response) => send(response, textReply(200, 'in')));
  const evil = { origin: 'http://evil.example' };
  assert.equal((await fetch(server.url, { method: 'PUT', headers: evil })).status, 403);
  assert.equal((await fetch(server.url, { method: 'PUT' })).status, 200);
  const socket = connect(server.port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n');
  assert.match(await untilClosed(socket), /^HTTP\/1\.1 403 /);
});

test('too many header fields are refused, not dropped', async () => {
  await using server = await startListener({ maxHeaders: 10 });
  server.listener.mount('/', (_request, response) => send(response, textReply(200, 'in')));
  const headers = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`x-${index}`, 'y']));
  assert.equal((await fetch(server.url, { headers })).status, 431);
  assert.equal((await fetch(server.url)).status, 200);
});

test('headers and bodies that do not come to an end are cut with 408', async () => {
  await using server = await startListener({
    headersTimeoutMs: 50,
    requestTimeoutMs: 100,
    timeoutCheckIntervalMs: 20,
  });
  server.listener.mount('/', async (request, response) => {
    await readBody(request, 100);
    send(response, textReply(200, 'in'));
  });
  const slowHeaders = connect(server.port, '127.0.0.1');
  slowHeaders.write('GET / HTTP/1.1\r\nHost: localhost\r\n');
  assert.match(await untilClosed(slowHeaders), /^HTTP\/1\.1 408 /);
  const slowBody = connect(server.port, '127.0.0.1');
  slowBody.write('PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nab');
  assert.match(await untilClosed(slowBody), /^HTTP\/1\.1 408 /);
});

test('an answer may take longer than a request', async () => {
  await using server = await startListener({
    headersTimeoutMs: 20,
    requestTimeoutMs: 40,
    timeoutCheckIntervalMs: 10,
  });
  server.listener.mount('/', async (_request, response) => {
    await new Promise((resolve) => setTimeout(resolve, 200));
    send(response, textReply(200, 'late'));
  });
  assert.equal(await (await fetch(server.url)).text(), 'late');
});

test('a connection too many is told so', async () => {
  await using server = await startListener({ maxConnections: 1 });
  server.listener.mount('/', (_request, response) => send(response, textReply(200, 'in')));
  const first = connect(server.port, '127.0.0.1');
  first.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await once(first, 'data');
  assert.match(await untilClosed(connect(server.port, '127.0.0.1')), /^HTTP\/1\.1 429 /);
  first.destroy();
});

test('stopping waits for what is under way, then cuts it', async () => {
  const server = await startListener();
  const held: (() => void)[] = [];
  server.listener.mount('/wait', (_request, response) => {
    held.push(() => send(response, textReply(200, 'done')));
  });
  server.listener.mount('/never', () => void held.push(() => {}));
  const answered = fetch(`${server.url}/wait`);
  const cut = fetch(`${server.url}/never`).then(
    () => 'answered',
    () => 'cut',
  );
  while (held.length < 2) await new Promise((resolve) => setImmediate(resolve));
  const stopping = server.listener.stop(100);
  assert.equal(server.announced(), undefined);
  for (const answer of held) answer();
  assert.equal(await (await answered).text(), 'done');
  assert.equal(await cut, 'cut');
  await stopping;
  await assert.rejects(fetch(server.url));
});

test('an address that is taken is named in the error', async () => {
  await using server = await startListener();
  const second = createHttpListener({
    bind: { address: '127.0.0.1', port: server.port },
    nodeName: 'x',
    log: pino({ level: 'silent' }),
    clock: systemClock,
    listeners: { announce: () => () => {}, list: () => [] },
  });
  await assert.rejects(second.start(), new RegExp(`127\\.0\\.0\\.1:${server.port}.*--listen http=`));
});

test('a listener that is off starts and stops', async () => {
  const off = createHttpListener({
    bind: undefined,
    nodeName: 'x',
    log: pino({ level: 'silent' }),
    clock: systemClock,
    listeners: { announce: () => assert.fail('announced'), list: () => [] },
  });
  await off.start();
  await off.stop(0);
});

test('a body is read whole, refused past its limit, and its connection goes on', async () => {
  await using server = await startListener();
  server.listener.mount('/', async (request, response) => {
    try {
      const body = await readBody(request, 1_000);
      send(response, textReply(200, String(body.length)));
    } catch (error) {
      send(response, textReply(413, error instanceof Error ? error.message : ''));
    }
  });
  const put = (size: number) => fetch(server.url, { method: 'PUT', body: 'x'.repeat(size) });
  for (const size of [0, 1, 1_000]) assert.equal(await (await put(size)).text(), String(size));
  assert.equal((await put(1_001)).status, 413);
  assert.match(await (await put(1_000_000)).text(), /1000000 bytes is larger than the limit of 1000/);
  const socket = connect(server.port, '127.0.0.1');
  socket.write('PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\nab');
  const [first] = await once(socket, 'data');
  assert.match(String(first), /^HTTP\/1\.1 413 /);
  socket.destroy();
});

test('large answers that nobody reads leave room for others, and one alone always passes', async () => {
  await using server = await startListener({ maxWaitingAnswerBytes: 50_000_000 });
  const shared = textReply(200, 'x'.repeat(30_000_000));
  server.listener.mount('/shared', (_request, response) => send(response, shared));
  server.listener.mount('/large', (_request, response) =>
    send(response, textReply(200, 'x'.repeat(30_000_000))),
  );
  server.listener.mount('/small', (_request, response) => send(response, textReply(200, 'small')));
  const lazy = connect(server.port, '127.0.0.1');
  lazy.write('GET /shared HTTP/1.1\r\nHost: localhost\r\n\r\n');
  lazy.once('readable', () => {});
  await once(lazy, 'readable');
  const refused = await fetch(`${server.url}/large`);
  assert.equal(refused.status, 503);
  assert.equal(refused.headers.get('retry-after'), '1');
  assert.equal((await fetch(`${server.url}/small`)).status, 200);
  const same = await fetch(`${server.url}/shared`);
  assert.equal((await same.text()).length, 30_000_000, 'the same answer again takes no more memory');
  lazy.destroy();
  await waitUntil(async () => (await (await fetch(`${server.url}/large`)).text()).length === 30_000_000);
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import {
  cluster,
  endpoint,
  modelOf,
  retryTwice,
  startPlane,
  startServer,
  statusOf,
  talk,
} from './testdata/plane-rig.ts';

const get = 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n';
const reply = (body: string, lines = ''): string =>
  `HTTP/1.1 200 OK\r\n${lines}Content-Length: ${body.length}\r\n\r\n${body}`;

/** A server that does `each` for the octets of every read. */
async function upstreamThat(t: TestContext, each: (socket: Socket, text: string) => void): Promise<number> {
  const { port } = await startServer(t, (socket) => {
    socket.on('data', (bytes) => each(socket, bytes.toString('latin1')));
    socket.on('end', () => socket.end());
  });
  return port;
}

/** A port where nobody listens. */
async function deadPort(t: TestContext): Promise<number> {
  const { port, server } = await startServer(t, () => undefined);
  server.close();
  await once(server, 'close');
  return port;
}

/** A real Node server behind; `answer` gets the request with its whole body. */
async function nodeServer(
  t: TestContext,
  answer: (
    request: IncomingMessage,
    body: Buffer,
  ) => { status?: number; headers?: Record<string, string>; body?: Buffer | string },
): Promise<number> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    request.on('error', () => undefined);
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    await new Promise((resolve) => request.on('close', resolve));
    if (!request.complete) return;
    const { status = 200, headers = {}, body = '' } = answer(request, Buffer.concat(chunks));
    response.writeHead(status, headers).end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function call(
  port: number,
  options: { method?: string; headers?: Record<string, string>; body?: Buffer | string; path?: string } = {},
): Promise<{
  status: number;
  headers: IncomingMessage['headers'];
  body: Buffer;
  trailers: NodeJS.Dict<string>;
}> {
  const request = httpRequest({
    ...{ port, host: '127.0.0.1', agent: false, path: options.path ?? '/', method: options.method ?? 'GET' },
    headers: { host: 'a.test', ...options.headers },
  });
  request.end(options.body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: Buffer.concat(chunks),
    trailers: response.trailers,
  };
}

test('an unknown host is answered by the default backend', async (t) => {
  const { port } = startPlane(t, modelOf({}));
  assert.equal((await call(port)).status, 404);
  const health = await call(port, { path: '/healthz' });
  assert.deepEqual([health.status, health.body.toString()], [200, 'ok\n']);
});

test('a cluster without endpoints is 503', async (t) => {
  const { port } = startPlane(t, modelOf({ 'a.test': cluster('a', []) }));
  assert.equal((await call(port)).status, 503);
});

test('pipelined requests are answered in order, on one connection', async (t) => {
  let count = 0;
  const upstream = await upstreamThat(t, (socket) => socket.write(reply(String(count++))));
  const { port } = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) }));
  const unknown = 'GET / HTTP/1.1\r\nHost: b.test\r\n\r\n';
  const last = 'GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n';
  const { answer } = await talk(port, [get + get + unknown + unknown + get + last]);
  const bodies = [...answer.matchAll(/\r\n\r\n([0-9]|default)/g)].map(([, body]) => body);
  assert.deepEqual(bodies, ['0', '1', 'default', 'default', '2', '3']);
});

test('bodies of any size pass unchanged both ways, by length and in chunks', async (t) => {
  const upstream = await nodeServer(t, (request, body) => ({
    headers: request.headers['x-length'] === undefined ? {} : { 'content-length': String(body.length) },
    body,
  }));
  const { port } = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) }));
  for (const size of [0, 1, 1_024, 8_192, 8_193, 65_535, 65_536, 200_000, 5_000_000]) {
    const body = Buffer.from(Array.from({ length: size }, (_, index) => (index * 7 + (index >> 9)) & 0xff));
    for (const headers of [
      { 'x-length': '1', 'content-length': String(size) },
      { 'transfer-encoding': 'chunked' },
    ]) {
      const answer = await call(port, { method: 'POST', headers: headers as Record<string, string>, body });
      assert.equal(answer.status, 200);
      assert.equal(Buffer.compare(answer.body, body), 0, `${size} octets, ${JSON.stringify(headers)}`);
    }
  }
});

test('HEAD, 204 and 304 have no body whatever their fields say, and the connection goes on', async (t) => {
  const upstream = await upstreamThat(t, (socket, text) => {
    if (text.startsWith('HEAD')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n');
    else if (text.includes('/204')) socket.write('HTTP/1.1 204 No Content\r\n\r\n');
    else if (text.includes('/304'))
      socket.write('HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\nETag: "a"\r\n\r\n');
    else socket.write(reply('end'));
  });
  const { port } = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) }));
  const head = 'HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n';
  const { answer } = await talk(port, [head + get.replace('/', '/204') + get.replace('/', '/304') + get], {
    until: (text) => text.endsWith('end'),
  });
  assert.match(answer, /Content-Length: 1234\r\n\r\nHTTP\/1\.1 204 No Content\r\n\r\nHTTP\/1\.1 304/);
});

test('an HTTP/1.0 client gets no chunks, and a connection that is closed unless it asked to keep it', async (t) => {
  const upstream = await upstreamThat(t, (socket) =>
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n'),
  );
  const { port } = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) }));
  const { answer, closed } = await talk(port, [
    'GET / HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n',
  ]);
  assert.match(answer, /Connection: close\r\n\r\nhi$/);
  assert.ok(closed);
});

test('an HTTP/1.0 client that asked for it keeps its connection', async (t) => {
  const upstream = await upstreamThat(t, (socket) => socket.write(reply('x')));
  const { port } = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) }));
  const old = 'GET / HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n';
  const { answer } = await talk(port, [old + old], { until: (text) => text.split('\r\n\r\nx').length === 3 });
  assert.equal(answer.split('Connection: keep-alive').length, 3);
});

test('a response that ends with its connection is chunked for the client, which keeps its own', async (t) => {
  const upstream = await upstreamThat(t, (socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nuntil the end'));
  const { port } = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) }));
  const { answer } = await talk(port, [get + get], { until: (text) => text.split('0\r\n\r\n').length === 3 });
  assert.equal(answer.split('Transfer-Encoding: chunked').length, 3);
});

test('interim responses pass, 100 is our own, trailers pass', async (t) => {
  const upstream = await upstreamThat(t, (socket) =>
    socket.write(
      'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n',
    ),
  );
  const { port } = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) }));
  const { answer } = await talk(port, [get], { until: (text) => text.includes('x-sum') });
  assert.match(
    answer,
    /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/x>\r\n\r\nHTTP\/1\.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nx-sum: 7\r\n\r\n$/,
  );
});

test('Expect: 100-continue is answered before the body comes', async (t) => {
  const upstream = await nodeServer(t, (request, body) => ({ body: `${request.headers.expect} ${body}` }));
  const { port } = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) }));
  const request = httpRequest({
    ...{ port, host: '127.0.0.1', method: 'POST', agent: false },
    headers: { host: 'a.test', expect: '100-continue', 'content-length': 5 },
  });
  request.flushHeaders();
  await once(request, 'continue');
  request.end('hello');
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  assert.equal((await response.toArray()).join(''), 'undefined hello');
});

test('a refused connection is tried at another endpoint, for any method, and the endpoint is out at once', async (t) => {
  const dead = await deadPort(t);
  const alive = await nodeServer(t, (_request, body) => ({ body }));
  const { port, plane } = startPlane(
    t,
    modelOf({ 'a.test': cluster('a', [endpoint(dead), endpoint(alive)]) }),
  );
  for (let index = 0; index < 10; index++) {
    const answer = await call(port, { method: 'POST', body: `body ${index}` });
    assert.deepEqual([answer.status, answer.body.toString()], [200, `body ${index}`]);
  }
  const report = plane.report().clusters[0]?.endpoints.find((one) => one.port === dead);
  assert.deepEqual([report?.state, report?.failures], ['ejected', 1]);
});

test('when every endpoint is ejected all are asked', async (t) => {
  const dead = await deadPort(t);
  const { port } = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(dead)]) }));
  assert.equal((await call(port)).status, 503);
  assert.equal((await call(port)).status, 503);
});

test('an endpoint that was refused comes back when it listens again, without new configuration', async (t) => {
  const dead = await deadPort(t);
  const alive = await nodeServer(t, () => ({ body: 'first' }));
  const { port, plane } = startPlane(
    t,
    modelOf({ 'a.test': cluster('a', [endpoint(dead), endpoint(alive)]) }),
  );
  const state = () => plane.report().clusters[0]?.endpoints.find((one) => one.port === dead)?.state;
  await waitUntil(async () => (await call(port)).status === 200 && state() === 'ejected');
  const server = createServer((_request, response) => response.end('back')).listen(dead, '127.0.0.1');
  t.after(() => server.close());
  await waitUntil(async () => (await call(port)).body.toString() === 'back');
  assert.equal(state(), 'healthy');
});

test('a reset before the response is tried elsewhere for GET, never for POST', async (t) => {
  let posts = 0;
  const bad = await upstreamThat(t, (socket, text) => {
    if (text.startsWith('POST')) posts++;
    socket.resetAndDestroy();
  });
  const good = await upstreamThat(t, (socket, text) => {
    if (text.startsWith('POST')) posts++;
    socket.write(reply('good'));
  });
  const { outlier } = cluster('a', []);
  const never = { ...outlier, consecutiveLocalFailures: 1_000 };
  const both = cluster('a', [endpoint(bad), endpoint(good)], { outlier: never });
  const { port } = startPlane(t, modelOf({ 'a.test': both }));
  for (let index = 0; index < 6; index++) assert.equal((await call(port)).body.toString(), 'good');
  const statuses: number[] = [];
  for (let index = 0; index < 6; index++) {
    statuses.push((await call(port, { method: 'POST', body: 'x' })).status);
  }
  assert.deepEqual([posts, statuses.toSorted()], [6, [200, 200, 200, 502, 502, 502]]);
});

test('a pooled connection that the server closed is no failure', async (t) => {
  let served = 0;
  const upstream = await upstreamThat(t, (socket) => {
    served++;
    if (served % 2 === 1) socket.write(reply('x'));
    else socket.resetAndDestroy();
  });
  const { port, plane } = startPlane(
    t,
    modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) }, { retry: { ...retryTwice, retries: 0 } }),
  );
  for (let index = 0; index < 5; index++) assert.equal((await call(port)).status, 200);
  assert.equal(plane.report().clusters[0]?.endpoints[0]?.failures, 0);
});

test('a body that was kept is sent again, whole', async (t) => {
  const bad = await upstreamThat(t, (socket) => socket.resetAndDestroy());
  const good = await nodeServer(t, (_request, body) => ({ body }));
  const { port } = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(bad), endpoint(good)]) }));
  for (let index = 0; index < 4; index++) {
    const answer = await call(port, { method: 'PUT', body: `again ${index}` });
    assert.deepEqual([answer.status, answer.body.toString()], [200, `again ${index}`]);
  }
});

test('a response that breaks off is broken off for the client too', async (t) => {
  const upstream = await upstreamThat(t, (socket) =>
    socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'),
  );
  const { port } = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) }));
  const { answer } = await talk(port, [get]);
  assert.match(answer, /Content-Length: 10\r\n\r\nhalf$/);
});

test('octets after a response spoil their connection, not the next answer', async (t) => {
  const upstream = await upstreamThat(t, (socket) => socket.write(`${reply('one')}${reply('evil')}`));
  const { port } = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) }));
  for (let index = 0; index < 3; index++) assert.equal((await call(port)).body.toString(), 'one');
});

test('consecutive 5xx eject an endpoint, but never more than the share that may be', async (t) => {
  const bad = await nodeServer(t, () => ({ status: 500 }));
  const worse = await nodeServer(t, () => ({ status: 500 }));
  const good = await nodeServer(t, () => ({ body: 'good' }));
  const ports = [bad, worse, good];
  const { port, plane } = startPlane(
    t,
    modelOf({
      'a.test': cluster(
        'a',
        ports.map((one) => endpoint(one)),
      ),
    }),
  );
  for (let index = 0; index < 40; index++) await call(port);
  const states = plane.report().clusters[0]?.endpoints.map((one) => one.state);
  assert.equal(states?.filter((state) => state === 'ejected').length, 1);
  assert.equal(states?.[2], 'healthy');
});

test('draining endpoints get nothing while others are there, and retired ones finish', async (t) => {
  let release = (): void => undefined;
  const slow = await upstreamThat(t, (socket) => {
    release = () => socket.write(reply('slow'));
  });
  const other = await nodeServer(t, () => ({ body: 'other' }));
  const { port, plane } = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(slow)]) }));
  const first = call(port);
  await waitUntil(() => plane.report().clusters[0]?.endpoints[0]?.requests === 1);
  plane.apply(modelOf({ 'a.test': cluster('a', [endpoint(slow, { state: 'draining' }), endpoint(other)]) }));
  for (let index = 0; index < 4; index++) assert.equal((await call(port)).body.toString(), 'other');
  plane.apply(modelOf({ 'a.test': cluster('a', [endpoint(other)]) }));
  release();
  assert.equal((await first).body.toString(), 'slow');
});

test('X-Forwarded from a trusted peer is kept and added to', async (t) => {
  const upstream = await nodeServer(t, (request) => ({ body: JSON.stringify(request.headers) }));
  const model = modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) });
  const { port } = startPlane(t, model, { trustedPeers: ['127.0.0.0/8'] });
  const answer = await call(port, {
    headers: {
      'x-forwarded-for': '10.1.1.1',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'shop.example',
      'x-request-id': 'given-by-the-edge',
      'x-real-ip': '10.1.1.1',
    },
  });
  const seen = JSON.parse(answer.body.toString());
  assert.deepEqual(
    ['for', 'proto', 'host'].map((name) => seen[`x-forwarded-${name}`]),
    ['10.1.1.1, 127.0.0.1', 'https', 'shop.example'],
  );
  assert.deepEqual([seen['x-request-id'], seen['x-real-ip']], ['given-by-the-edge', '10.1.1.1']);
});

test('a client that drips its head, or stalls its body, is cut', async (t) => {
  const upstream = await nodeServer(t, () => ({}));
  const model = modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) });
  const { port } = startPlane(t, model, { limits: { headTimeoutMs: 200, bodyStallMs: 200, lingerMs: 100 } });
  const head = await talk(port, ['GET / HTTP/1.1\r\nHo']);
  assert.equal(statusOf(head.answer), 408);
  const body = await talk(port, ['POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\nhalf']);
  assert.equal(statusOf(body.answer), 408);
  const silent = await talk(port, []);
  assert.equal(silent.answer, '');
});

test('a client that does not read is cut, and its upstream with it', async (t) => {
  const { port: upstream, sockets } = await startServer(t, (socket) => {
    socket.on('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n');
      const more = (): void => {
        while (!socket.destroyed && socket.write(Buffer.alloc(65_536)));
      };
      socket.on('drain', more);
      more();
    });
  });
  const model = modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) });
  const { port, plane } = startPlane(t, model, { limits: { writeStallMs: 300 } });
  const client = connect(port, '127.0.0.1');
  client.on('error', () => undefined);
  client.pause();
  client.write(get);
  await waitUntil(() => sockets.size === 1);
  await waitUntil(() => sockets.size === 0 && plane.openConnections === 0);
  client.destroy();
});

test('a silent upstream is 504, and the whole-request timeout holds', async (t) => {
  const { port: silent } = await startServer(t, (socket) => socket.resume());
  const retry = { retries: 1, on: retryTwice.on, perTryTimeoutMs: 150 };
  const perTry = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(silent)]) }, { retry }));
  assert.equal((await call(perTry.port)).status, 504);
  assert.equal(perTry.plane.report().clusters[0]?.endpoints[0]?.requests, 2);
  const whole = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(silent)]) }, { timeoutMs: 150 }));
  assert.equal((await call(whole.port)).status, 504);
});

test('over the limit of connections a request waits its turn, and over that limit it is 503', async (t) => {
  const waiting: (() => void)[] = [];
  const upstream = await upstreamThat(t, (socket) => waiting.push(() => socket.write(reply('x'))));
  const small = cluster('a', [endpoint(upstream)], {
    maxConnections: 1,
    maxPendingRequests: 1,
    connectTimeoutMs: 5_000,
  });
  const { port, plane } = startPlane(t, modelOf({ 'a.test': small }));
  const first = call(port);
  await waitUntil(() => waiting.length === 1);
  const second = call(port);
  await waitUntil(() => plane.report().clusters[0]?.pending === 1);
  assert.equal((await call(port)).status, 503);
  waiting.shift()?.();
  assert.equal((await first).status, 200);
  await waitUntil(() => waiting.length === 1);
  waiting.shift()?.();
  assert.equal((await second).status, 200);
});

test('an answer before the whole request is passed on, and the connection closed', async (t) => {
  const upstream = await upstreamThat(t, (socket) =>
    socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno'),
  );
  const { port } = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) }));
  const { answer } = await talk(port, [
    `POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(1_000)}`,
  ]);
  assert.match(answer, /^HTTP\/1\.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno$/);
});

test('a client that leaves takes its upstream request with it', async (t) => {
  const { port: upstream, sockets } = await startServer(t, (socket) =>
    socket.resume().on('end', () => socket.end()),
  );
  const { port, plane } = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) }));
  const client = connect(port, '127.0.0.1');
  client.write(get);
  await waitUntil(() => plane.report().clusters[0]?.busy === 1);
  client.resetAndDestroy();
  await waitUntil(() => plane.report().clusters[0]?.busy === 0 && sockets.size === 0);
});

test('a half-closed client still gets its answer', async (t) => {
  const upstream = await upstreamThat(t, (socket) => setImmediate(() => socket.write(reply('late'))));
  const { port } = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) }));
  const { answer } = await talk(port, [get], { end: true });
  assert.match(answer, /late$/);
});

test('a TCP listener passes octets both ways, each end closed on its own', async (t) => {
  const { port: upstream } = await startServer(t, (socket) => {
    let all = '';
    socket.on('data', (bytes) => {
      all += bytes;
    });
    socket.on('end', () => socket.end(`got ${all.length}`));
  });
  const dead = await deadPort(t);
  const model = modelOf({ 'a.test': cluster('a', [endpoint(dead), endpoint(upstream)]) }, { tcp: { a: 1 } });
  const { port, plane } = startPlane(t, model, { door: { kind: 'stream', key: 'tcp 1' } });
  for (let index = 0; index < 4; index++) {
    const { answer } = await talk(port, ['x'.repeat(300_000)], { end: true });
    assert.equal(answer, 'got 300000');
  }
  assert.equal(plane.report().clusters[0]?.endpoints.find((one) => one.port === dead)?.state, 'ejected');
  await waitUntil(() => plane.openConnections === 0);
});

test('draining finishes what is under way and says that it is the last', async (t) => {
  let release = (): void => undefined;
  const upstream = await upstreamThat(t, (socket) => {
    release = () => socket.write(reply('done'));
  });
  const { port, plane } = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) }));
  const answering = talk(port, [get]);
  await waitUntil(() => plane.report().clusters[0]?.busy === 1);
  plane.beginDrain();
  plane.endIdle();
  release();
  const { answer, closed } = await answering;
  assert.match(answer, /Connection: close\r\n\r\ndone$/);
  assert.ok(closed);
  await waitUntil(() => plane.openConnections === 0);
});

test('an upstream that does not take a body is 504, and the client is not read meanwhile', async (t) => {
  const { port: upstream } = await startServer(t, (socket) => socket.pause());
  const model = modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) });
  const { port } = startPlane(t, model, { limits: { writeStallMs: 300, lingerMs: 100 } });
  const client = connect(port, '127.0.0.1');
  t.after(() => client.destroy());
  client.on('error', () => undefined);
  let answer = '';
  client.on('data', (bytes) => {
    answer += bytes;
  });
  client.write('POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000000000\r\n\r\n');
  const more = (): void => {
    while (!client.destroyed && client.write(Buffer.alloc(65_536)));
  };
  client.on('drain', more);
  more();
  await waitUntil(() => answer.startsWith('HTTP/1.1 504 '));
  assert.ok(client.bytesWritten < 100_000_000);
});

test('clusters that come and go do not pile up', (t) => {
  const { plane } = startPlane(t, modelOf({}));
  for (let round = 0; round < 30; round++) {
    const hosts = Array.from({ length: 100 }, (_, index) => [
      `${round}-${index}.test`,
      cluster(`${round}-${index}`, []),
    ]);
    plane.apply(modelOf(Object.fromEntries(hosts)));
  }
  assert.ok(plane.report().clusters.length <= 1_200);
});

test('a tunnel whose far end does not read holds its client back', async (t) => {
  const { port: upstream } = await startServer(t, (socket) => socket.pause());
  const model = modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) }, { tcp: { a: 1 } });
  const { port } = startPlane(t, model, { door: { kind: 'stream', key: 'tcp 1' } });
  const client = connect(port, '127.0.0.1');
  t.after(() => client.destroy());
  client.on('error', () => undefined);
  const more = (): void => {
    while (!client.destroyed && client.write(Buffer.alloc(65_536)));
  };
  client.on('drain', more);
  more();
  const taken = (): number => client.bytesWritten - client.writableLength;
  let before = -1;
  await waitUntil(
    () => {
      const still = taken() === before && before > 0;
      before = taken();
      return still;
    },
    { everyMs: 200 },
  );
  assert.ok(before < 50_000_000, `${before} octets went into the tunnel`);
});

test('over the limit of client connections a new one is closed at once', async (t) => {
  const { port, plane } = startPlane(t, modelOf({}), { limits: { maxConnections: 2 } });
  const clients = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
  for (const client of clients) client.on('error', () => undefined);
  await waitUntil(() => plane.openConnections === 2);
  assert.equal((await talk(port, [])).answer, '');
  assert.equal(plane.report().refusedConnections, 1);
  for (const client of clients) client.destroy();
  await waitUntil(() => plane.openConnections === 0);
  assert.equal((await call(port)).status, 404);
});

test('a client that pipelines without reading is not served ahead of what it reads', async (t) => {
  const body = 'x'.repeat(100_000);
  let served = 0;
  const upstream = await upstreamThat(t, (socket) => {
    served++;
    socket.write(reply(body));
  });
  const { port, plane } = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) }));
  const requests = 500;
  const client = connect(port, '127.0.0.1');
  t.after(() => client.destroy());
  client.pause();
  client.write(get.repeat(requests));
  let before = -1;
  await waitUntil(
    () => {
      const still = served === before && served > 0;
      before = served;
      return still && plane.report().clusters[0]?.busy === 0;
    },
    { everyMs: 200 },
  );
  assert.ok(served < 200, `${served} responses were fetched for nobody`);
  let received = 0;
  client.on('data', (bytes) => {
    received += bytes.length;
  });
  client.resume();
  await waitUntil(() => received === requests * reply(body).length);
});

test('what comes before its turn has a limit for all clients together', async (t) => {
  const { port: silent } = await startServer(t, (socket) => socket.resume().on('end', () => socket.end()));
  const model = modelOf({ 'a.test': cluster('a', [endpoint(silent)]) });
  const { port, plane } = startPlane(t, model, { limits: { maxAheadBytes: 10_000 } });
  const { answer } = await talk(port, [get, get.repeat(1_000)]);
  assert.equal(answer, '');
  await waitUntil(() => plane.openConnections === 0 && plane.report().clusters[0]?.busy === 0);
  const waiting = talk(port, [get, get.repeat(10)]);
  await waitUntil(() => plane.report().clusters[0]?.busy === 1);
  assert.equal(plane.openConnections, 1);
  plane.close();
  await waiting;
});

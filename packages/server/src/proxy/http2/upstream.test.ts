import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { Cluster } from '@portolan/core/traffic/model.ts';
import {
  cluster,
  endpoint,
  modelOf,
  oneResponse,
  startPlane,
  startServer,
  statusOf,
  type TestScope,
  talk,
} from '../testdata/plane-rig.ts';

type Serve = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

interface Http2Upstream {
  readonly port: number;
  readonly server: Http2Server;
  readonly sessions: ServerHttp2Session[];
}

async function startHttp2(
  test: TestScope,
  serve: Serve,
  options: { maxConcurrentStreams?: number } = {},
): Promise<Http2Upstream> {
  const server = createServer({ settings: options, strictSingleValueFields: false });
  const sessions: ServerHttp2Session[] = [];
  server.on('session', (session) => {
    session.on('error', () => undefined);
    sessions.push(session);
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    serve(stream, headers);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, server, sessions };
}

function through(test: TestScope, ports: readonly number[], more: Partial<Cluster> = {}): number {
  const endpoints = ports.map((port) => endpoint(port));
  return startPlane(test, modelOf({ 'a.test': cluster('a', endpoints, { protocol: 'http2', ...more }) }))
    .port;
}

const get = (path = '/', more = ''): string => `GET ${path} HTTP/1.1\r\nHost: a.test\r\n${more}\r\n`;

test('a request of HTTP/1 is sent on by HTTP/2, and its answer comes back', async (t) => {
  let seen: IncomingHttpHeaders = {};
  const { port: upstream, sessions } = await startHttp2(t, (stream, headers) => {
    seen = headers;
    stream.respond({
      ':status': 200,
      'content-type': 'text/plain',
      'content-length': 5,
      'set-cookie': ['a=1', 'b=2'],
    });
    stream.end('hello');
  });
  const port = through(t, [upstream]);
  const { answer } = await talk(
    port,
    [get('/x?y=1', 'Cookie: c=3\r\nX-Own: v\r\nTE: trailers\r\nConnection: te\r\n')],
    { until: oneResponse },
  );
  assert.equal(statusOf(answer), 200);
  assert.match(answer, /\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n/);
  assert.match(answer, /\r\n\r\nhello$/);
  assert.equal(seen[':path'], '/x?y=1');
  assert.equal(seen[':authority'], 'a.test');
  assert.equal(seen['x-own'], 'v');
  assert.equal(seen.te, 'trailers');
  assert.equal(seen.connection, undefined);
  assert.equal(seen['x-forwarded-for'], '127.0.0.1');
  await talk(port, [get()], { until: oneResponse });
  assert.equal(sessions.length, 1);
});

test('trailers pass from HTTP/2 to HTTP/1 and back', async (t) => {
  let trailers: IncomingHttpHeaders = {};
  const { port: upstream } = await startHttp2(t, (stream) => {
    stream.on('trailers', (fields) => (trailers = fields));
    stream.resume();
    stream.on('end', () => {
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '1', host: 'evil' }));
      stream.end('body');
    });
  });
  const port = through(t, [upstream]);
  const { answer } = await talk(
    port,
    [
      'POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n',
      '3\r\nabc\r\n0\r\nX-Check: ok\r\nContent-Length: 9\r\n\r\n',
    ],
    { until: (text) => text.includes('\r\n0\r\n') && text.endsWith('\r\n\r\n') },
  );
  assert.match(answer, /\r\n4\r\nbody\r\n0\r\nx-sum: 1\r\n\r\n$/);
  assert.deepEqual(Object.keys(trailers), ['x-check']);
});

test('HEAD, 204 and 304 have no body, and the connection goes on', async (t) => {
  const { port: upstream } = await startHttp2(t, (stream, headers) => {
    const status = Number(headers[':path']?.slice(1)) || 200;
    stream.respond({ ':status': status, etag: '"x"', ...(status === 200 ? { 'content-length': 1000 } : {}) });
    stream.end();
  });
  const port = through(t, [upstream]);
  const text = `HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n${get('/204')}${get('/304')}`;
  const { answer } = await talk(port, [text], { until: (all) => all.split('HTTP/1.1 ').length === 4 });
  assert.deepEqual(answer.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 200', 'HTTP/1.1 204', 'HTTP/1.1 304']);
  assert.match(answer, /content-length: 1000\r\n/i);
});

test('bodies of any size pass unchanged', async (t) => {
  const { port: upstream } = await startHttp2(t, (stream, headers) => {
    stream.respond({
      ':status': 200,
      ...(headers['content-length'] === undefined ? {} : { 'content-length': headers['content-length'] }),
    });
    stream.pipe(stream);
  });
  const port = through(t, [upstream]);
  for (const size of [1, 100_000, 5_000_000]) {
    const body = Buffer.alloc(size, 'abcdefghij');
    const head = `POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${size}\r\n\r\n`;
    const { answer } = await talk(port, [head, body], { until: oneResponse });
    assert.equal(answer.slice(answer.indexOf('\r\n\r\n') + 4), body.toString('latin1'), `${size}`);
  }
});

test('streams over the limit of the endpoint get another connection', async (t) => {
  const streams: ServerHttp2Stream[] = [];
  const { port: upstream, sessions } = await startHttp2(
    t,
    (stream) => {
      streams.push(stream);
      if (streams.length < 6) return;
      for (const one of streams) {
        one.respond({ ':status': 200 });
        one.end('ok');
      }
    },
    { maxConcurrentStreams: 2 },
  );
  const port = through(t, [upstream], { maxConnections: 8 });
  // What the endpoint allows is known once its first answer came.
  const first = talk(port, [get()], { until: oneResponse });
  while (streams.length === 0) await new Promise(setImmediate);
  const answers = await Promise.all([
    first,
    ...Array.from({ length: 5 }, () => talk(port, [get()], { until: (text) => text.includes('0\r\n\r\n') })),
  ]);
  assert.deepEqual(
    answers.map(({ answer }) => statusOf(answer)),
    [200, 200, 200, 200, 200, 200],
  );
  assert.ok(sessions.length >= 3, `${sessions.length} connections`);
});

test('a stream that is refused, and one that comes after GOAWAY, are sent again, whatever the method', async (t) => {
  let refusals = 0;
  const { port: upstream } = await startHttp2(t, (stream) => {
    if (refusals++ === 0) {
      stream.close(constants.NGHTTP2_REFUSED_STREAM);
      return;
    }
    stream.respond({ ':status': 200, 'content-length': 2 });
    stream.end('ok');
  });
  const model = modelOf(
    { 'a.test': cluster('a', [endpoint(upstream)], { protocol: 'http2' }) },
    { retry: { retries: 2, on: ['refused-stream'], perTryTimeoutMs: 0 } },
  );
  const { port } = startPlane(t, model);
  const post = 'POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc';
  assert.equal(statusOf((await talk(port, [post], { until: oneResponse })).answer), 200);
  assert.equal(refusals, 2);
});

test('an endpoint that closes its connections when they are idle, or with GOAWAY, fails nobody', async (t) => {
  const { port: upstream, sessions } = await startHttp2(t, (stream) => {
    stream.respond({ ':status': 200, 'content-length': 2 });
    stream.end('ok');
  });
  const endpoints = [endpoint(upstream)];
  const model = modelOf({ 'a.test': cluster('a', endpoints, { protocol: 'http2' }) });
  const { port, plane } = startPlane(t, model);
  for (const close of ['close', 'destroy', 'close'] as const) {
    assert.equal(statusOf((await talk(port, [get()], { until: oneResponse })).answer), 200);
    const last = sessions.at(-1);
    last?.[close]();
  }
  assert.equal(statusOf((await talk(port, [get()], { until: oneResponse })).answer), 200);
  assert.equal(plane.report().clusters[0]?.endpoints[0]?.failures, 0);
});

test('a response that breaks off is broken off for the client too', async (t) => {
  const { port: upstream, sessions } = await startHttp2(t, (stream) => {
    stream.respond({ ':status': 200 });
    stream.write('half');
  });
  const port = through(t, [upstream]);
  const { answer, closed } = await talk(port, [get()], {
    until: (text) => {
      if (text.includes('half')) sessions[0]?.destroy();
      return false;
    },
  });
  assert.ok(closed);
  assert.doesNotMatch(answer, /0\r\n\r\n$/);
});

test('a response with what HTTP/2 forbids, or with a line break in it, is 502', async (t) => {
  const { port: upstream } = await startHttp2(t, (stream, headers) => {
    stream.respond([':status', '200', ...(headers['x-ask'] as string).split('|')]);
    stream.end();
  });
  const port = through(t, [upstream]);
  const ask = async (field: string): Promise<number> =>
    statusOf((await talk(port, [get('/', `X-Ask: ${field}\r\n`)], { until: oneResponse })).answer);
  assert.equal(await ask('x-fine|1'), 200);
  assert.equal(await ask('content-length|1|content-length|2'), 502);
});

test('an endpoint that no longer answers a PING is given up, and its request sent elsewhere', async (t) => {
  // Empty SETTINGS, and nothing more.
  const frozen = await startServer(t, (socket) => {
    socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
    socket.resume();
  });
  const alive = await startHttp2(t, (stream) => {
    stream.respond({ ':status': 200, 'content-length': 2 });
    stream.end('ok');
  });
  const endpoints = [endpoint(frozen.port), endpoint(alive.port)];
  const model = modelOf({ 'a.test': cluster('a', endpoints, { protocol: 'http2' }) });
  const { port } = startPlane(t, model, { limits: { upstreamQuietMs: 50, upstreamPingMs: 50 } });
  const answers = await Promise.all([0, 1].map(() => talk(port, [get()], { until: oneResponse })));
  assert.deepEqual(
    answers.map(({ answer }) => statusOf(answer)),
    [200, 200],
  );
});

test('whatever fields a client may send, they pass or are left out, and nothing breaks', async (t) => {
  let seen: string[] = [];
  const { port: upstream, server } = await startHttp2(t, (stream) => {
    stream.respond({ ':status': 200, 'content-length': 2 });
    stream.end('ok');
  });
  server.on('stream', (_stream, _headers, _flags, raw: string[]) => {
    seen = raw;
  });
  const port = through(t, [upstream]);
  const fields = [
    ...['HTTP2-Settings: x', 'TE: gzip', 'Proxy-Connection: close', 'Keep-Alive: 5'],
    ...[
      'Content-Type: a/b',
      'Content-Type: c/d',
      'Authorization: a',
      'Authorization: b',
      'Range: x',
      'Range: y',
    ],
    ...[
      "!#$%&'*+-^`|~09: odd",
      'X-Latin: \xe9\xff\x80',
      'X-Empty:',
      '__proto__: x',
      'Cookie: a=1',
      'Cookie: b=2',
    ],
  ];
  for (let count = 0; count < 2; count++) {
    const { answer } = await talk(port, [Buffer.from(get('/', `${fields.join('\r\n')}\r\n`), 'latin1')], {
      until: oneResponse,
    });
    assert.equal(statusOf(answer), 200);
  }
  assert.ok(seen.includes("!#$%&'*+-^`|~09"));
  assert.ok(!seen.includes('http2-settings') && !seen.includes('te') && !seen.includes('keep-alive'));
  assert.deepEqual(
    seen.filter((_, index) => seen[index - 1] === 'content-type'),
    ['a/b', 'c/d'],
  );
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type ClientHttp2Session, connect, constants, type OutgoingHttpHeaders } from 'node:http2';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import {
  cluster,
  endpoint,
  modelOf,
  oneResponse,
  Recorder,
  startPlane,
  startServer,
  statusOf,
  type TestScope,
  talk,
} from '../testdata/plane-rig.ts';

interface Answer {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly body: string;
  readonly trailers: Record<string, unknown>;
}

function client(test: TestScope, port: number): ClientHttp2Session {
  const session = connect(`http://127.0.0.1:${port}`);
  session.on('error', () => undefined);
  test.after(() => session.destroy());
  return session;
}

async function ask(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body?: string | Buffer,
): Promise<Answer> {
  const stream = session.request({ ':authority': 'a.test', ...headers }, { endStream: body === undefined });
  let answer = '';
  let trailers = {};
  stream.setEncoding('latin1');
  stream.on('data', (text: string) => (answer += text));
  stream.on('trailers', (fields) => (trailers = fields));
  const closed = once(stream, 'close');
  if (body !== undefined) stream.end(body);
  const [response] = await once(stream, 'response');
  await closed;
  return { status: response[':status'], headers: response, body: answer, trailers };
}

test('a request by HTTP/2 in clear is sent on by HTTP/1, and its answer comes back', async (t) => {
  const recorder = new Recorder();
  const { port: upstream } = await startServer(t, (socket) => recorder.serve(socket));
  const { port } = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) }));
  const session = client(t, port);
  const answer = await ask(session, { ':path': '/x?y=1', cookie: ['a=1', 'b=2'], te: 'trailers' });
  assert.equal(answer.status, 200);
  assert.equal(answer.body, 'ok');
  assert.match(recorder.seen, /^GET \/x\?y=1 HTTP\/1\.1\r\nHost: a\.test\r\n/);
  assert.match(recorder.seen, /\r\ncookie: a=1; b=2\r\n/);
  assert.match(recorder.seen, /\r\nX-Forwarded-For: 127\.0\.0\.1\r\n/);
  assert.equal((await ask(session, { ':path': '/nothing', ':authority': 'b.test' })).status, 404);
});

test('bodies of any size pass unchanged, both ways', async (t) => {
  const { port: upstream } = await startServer(t, echoHttp1);
  const { port } = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) }));
  const session = client(t, port);
  for (const size of [0, 1, 70_000, 3_000_000]) {
    const body = Buffer.alloc(size, 'abcdefghij');
    for (const length of [{}, { 'content-length': size }]) {
      const answer = await ask(session, { ':method': 'POST', ':path': '/', ...length }, body);
      assert.equal(answer.status, 200);
      assert.ok(answer.body === body.toString('latin1'), `${size} octets`);
    }
  }
});

test('trailers pass both ways', async (t) => {
  let seen = '';
  const { port: upstream } = await startServer(t, (socket) => {
    socket.on('data', (bytes: Buffer) => {
      seen += bytes.toString('latin1');
      if (!seen.endsWith('\r\n\r\n') || !seen.includes('\r\n0\r\n')) return;
      socket.write(
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\nHost: evil\r\n\r\n',
      );
    });
  });
  const { port } = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) }));
  const stream = client(t, port).request(
    { ':method': 'POST', ':authority': 'a.test', ':path': '/' },
    { waitForTrailers: true },
  );
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-check': 'yes', authorization: 'no' }));
  stream.end('body');
  stream.resume();
  const [trailers] = await once(stream, 'trailers');
  assert.equal(trailers['x-sum'], '1');
  assert.equal(trailers.host, undefined);
  assert.match(seen, /\r\n4\r\nbody\r\n0\r\nx-check: yes\r\n\r\n$/);
});

test('interim responses, HEAD and answers of our own are as HTTP/2 has them', async (t) => {
  const { port: upstream } = await startServer(t, (socket) => {
    socket.on('data', (bytes: Buffer) => {
      const head = bytes.toString('latin1').startsWith('HEAD');
      socket.write(
        'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\nKeep-Alive: timeout=9\r\n\r\n',
      );
      if (!head) socket.write('hello');
    });
  });
  const { port } = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) }));
  const session = client(t, port);
  const head = await ask(session, { ':method': 'HEAD', ':path': '/' });
  assert.deepEqual([head.status, head.headers['content-length'], head.body], [200, '5', '']);
  assert.equal(head.headers['keep-alive'], undefined);
  const stream = session.request({ ':authority': 'a.test', ':path': '/' });
  const [hints] = await once(stream, 'headers');
  assert.equal(hints.link, '</a>');
  stream.close();
  const none = await ask(session, { ':authority': 'b.test', ':path': '/' });
  assert.equal(none.status, 404);
  assert.match(none.body, /404/);
});

test('Expect: 100-continue is answered before the body comes', async (t) => {
  const { port: upstream } = await startServer(t, echoHttp1);
  const { port } = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) }));
  const stream = client(t, port).request({
    ...{ ':method': 'POST', ':authority': 'a.test', ':path': '/' },
    ...{ expect: '100-continue', 'content-length': 2 },
  });
  await once(stream, 'continue');
  stream.end('ab');
  const [response] = await once(stream, 'response');
  assert.equal(response[':status'], 200);
  stream.close();
});

test('an answer before the whole request is passed on, and the rest is not wanted', async (t) => {
  const { port: upstream } = await startServer(t, (socket) => {
    socket.once('data', () => socket.write('HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno'));
  });
  const { port } = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) }));
  const session = client(t, port);
  const stream = session.request({ ':method': 'POST', ':authority': 'a.test', ':path': '/' });
  stream.write('begin');
  const [response] = await once(stream, 'response');
  assert.equal(response[':status'], 413);
  let body = '';
  stream.on('data', (bytes) => (body += bytes));
  await once(stream, 'close');
  assert.equal(body, 'no');
  assert.equal(stream.rstCode, constants.NGHTTP2_NO_ERROR);
  assert.equal((await ask(session, { ':authority': 'b.test', ':path': '/healthz' })).status, 200);
});

test('a client that does not read holds its upstream back, and is cut by time', async (t) => {
  let sent = 0;
  const { port: upstream } = await startServer(t, (socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      const more = (): void => {
        sent += 65_536;
        if (socket.write(`10000\r\n${'x'.repeat(65_536)}\r\n`)) setImmediate(more);
        else socket.once('drain', more);
      };
      more();
    });
  });
  const model = modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) });
  const { port, plane } = startPlane(t, model, { limits: { writeStallMs: 300 } });
  const stream = client(t, port).request({ ':authority': 'a.test', ':path': '/' });
  stream.pause();
  stream.on('error', () => undefined);
  await new Promise((resolve) => stream.on('close', resolve));
  assert.notEqual(stream.rstCode, constants.NGHTTP2_NO_ERROR);
  assert.ok(sent < 20_000_000, `${sent} octets`);
  await waitUntil(() => (plane.report().clusters[0]?.busy === 0 ? true : undefined));
});

test('an upstream that does not take a body holds the client back', async (t) => {
  const { port: upstream } = await startServer(t, (socket) => socket.pause());
  const model = modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) });
  const { port } = startPlane(t, model, { limits: { writeStallMs: 300 } });
  const stream = client(t, port).request({ ':method': 'POST', ':authority': 'a.test', ':path': '/' });
  stream.on('error', () => undefined);
  stream.write(Buffer.alloc(5_000_000));
  const [response] = await once(stream, 'response');
  assert.equal(response[':status'], 504);
  assert.ok(stream.writableLength > 0, 'most of it waits at the client');
  stream.close();
});

test('a client that gives up takes its upstream request with it', async (t) => {
  const { port: upstream, sockets } = await startServer(t, (socket) => {
    socket.resume();
    socket.on('end', () => socket.end());
  });
  const { port } = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) }));
  const stream = client(t, port).request({ ':authority': 'a.test', ':path': '/' });
  await waitUntil(() => (sockets.size === 1 ? true : undefined));
  stream.close(constants.NGHTTP2_CANCEL);
  await waitUntil(() => (sockets.size === 0 ? true : undefined));
});

test('draining finishes what is under way, and takes nothing more', async (t) => {
  let answer: () => void = () => undefined;
  const { port: upstream } = await startServer(t, (socket) => {
    socket.once('data', () => {
      answer = () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
  });
  const { port, plane } = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) }));
  const session = client(t, port);
  const stream = session.request({ ':authority': 'a.test', ':path': '/' });
  await waitUntil(() => (plane.report().clusters[0]?.busy === 1 ? true : undefined));
  const goaway = once(session, 'goaway');
  plane.beginDrain();
  const [code] = await goaway;
  assert.equal(code, constants.NGHTTP2_NO_ERROR);
  answer();
  const [response] = await once(stream, 'response');
  assert.equal(response[':status'], 200);
  stream.resume();
  await once(session, 'close');
  await waitUntil(() => (plane.openConnections === 0 ? true : undefined));
});

test('the preface may come in pieces, and what only begins like it is HTTP/1', async (t) => {
  const recorder = new Recorder();
  const { port: upstream } = await startServer(t, (socket) => recorder.serve(socket));
  const { port } = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) }));
  const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 'latin1');
  const pieces = Array.from(preface, (octet) => Buffer.from([octet]));
  const { answer } = await talk(port, pieces, { until: (text) => text.length >= 9 });
  assert.equal(answer.charCodeAt(3), 4, 'SETTINGS');
  for (const cut of [1, 2, 3, 6]) {
    const text = 'PRINT / HTTP/1.1\r\nHost: a.test\r\n\r\n';
    const http1 = await talk(port, [text.slice(0, cut), text.slice(cut)], { until: oneResponse });
    assert.equal(statusOf(http1.answer), 200);
  }
});

/** Answers each request with its body, decoded. */
function echoHttp1(socket: Socket): void {
  const parser = createHttpServer((request, response) => request.pipe(response));
  parser.emit('connection', socket);
}

test('a large upload that its service takes slowly is no flood', async (t) => {
  let taken = 0;
  const { port: upstream } = await startServer(t, (socket) => {
    socket.on('data', (bytes: Buffer) => {
      taken += bytes.length;
      socket.pause();
      setImmediate(() => socket.resume());
      if (taken > 30_000_000) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    });
  });
  const { port } = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) }));
  const session = client(t, port);
  const stream = session.request({
    ':method': 'POST',
    ':authority': 'a.test',
    ':path': '/',
    'content-length': 30_000_000,
  });
  const piece = Buffer.alloc(100_000);
  for (let sent = 0; sent < 30_000_000; sent += piece.length) {
    if (!stream.write(piece)) await once(stream, 'drain');
  }
  stream.end();
  const [response] = await once(stream, 'response');
  assert.equal(response[':status'], 200);
  stream.close();
});

test('whatever fields a service may send, they pass or are left out, and nothing breaks', async (t) => {
  const fields = [
    ...['HTTP2-Settings: x', 'TE: gzip', 'Proxy-Connection: close', 'Upgrade: h2c', 'Trailer: x'],
    ...[
      'Content-Type: a/b',
      'Content-Type: c/d',
      'ETag: "1"',
      'ETag: "2"',
      'Date: x',
      'Date: y',
      'Age: 1',
      'Age: 2',
    ],
    ...[
      "!#$%&'*+-.^_`|~09: odd",
      'X-Latin: \xe9\xff\x80',
      'X-Empty:',
      'X-Tab: a\tb',
      '__proto__: x',
      'constructor: y',
    ],
  ];
  const { port: upstream } = await startServer(t, (socket) => {
    socket.on('data', () => {
      const interim = `HTTP/1.1 103 Early\r\n${fields.join('\r\n')}\r\n\r\n`;
      socket.write(
        `${interim}HTTP/1.1 200 OK\r\n${fields.join('\r\n')}\r\nContent-Length: 2\r\n\r\nok`,
        'latin1',
      );
    });
  });
  const { port } = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) }));
  const session = client(t, port);
  const { status, headers, body } = await ask(session, { ':path': '/' });
  assert.deepEqual([status, body], [200, 'ok']);
  assert.equal(headers["!#$%&'*+-.^_`|~09"], 'odd');
  assert.equal(headers['http2-settings'], undefined);
  assert.equal((await ask(session, { ':path': '/' })).status, 200);
});

import assert from 'node:assert/strict';
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
import { flag, frame, frameType, literals, RawClient, requestFields } from './raw-client.fixture.ts';

const calm = 11;

async function start(test: TestScope) {
  const recorder = new Recorder();
  const { port: upstream } = await startServer(test, (socket) => recorder.serve(socket));
  const { port, plane } = startPlane(test, modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) }));
  return { port, plane, recorder };
}

/** How a request with these fields is answered: by a status, or by the end of its stream. */
async function answerTo(test: TestScope, port: number, block: Buffer, body?: Buffer): Promise<string> {
  const client = await RawClient.open(test, port);
  client.headers(1, block, body === undefined);
  if (body !== undefined) client.send(frame(frameType.data, flag.endStream, 1, body));
  const answer = await client.answer(1);
  client.socket.destroy();
  return answer;
}

const refused = /^(?:rst:1|rst:11|closed|4[0-9]{2})$/;

test('what is no valid request of HTTP/2 never reaches an upstream', async (t) => {
  const { port, recorder } = await start(t);
  const vectors: readonly (readonly [string, Buffer, Buffer?])[] = [
    ['RFC 9113 §8.2.1: a capital in a name', requestFields([['X-Up', '1']])],
    ['RFC 9113 §8.2.2: connection', requestFields([['connection', 'close']])],
    ['RFC 9113 §8.2.2: keep-alive', requestFields([['keep-alive', '1']])],
    ['RFC 9113 §8.2.2: proxy-connection', requestFields([['proxy-connection', 'close']])],
    ['RFC 9113 §8.2.2: transfer-encoding', requestFields([['transfer-encoding', 'chunked']])],
    ['RFC 9113 §8.2.2: upgrade', requestFields([['upgrade', 'websocket']])],
    ['RFC 9113 §8.2.2: te other than trailers', requestFields([['te', 'gzip']])],
    [
      'RFC 9113 §8.3: a pseudo-header field after others',
      literals([
        [':method', 'GET'],
        [':scheme', 'http'],
        ['x', '1'],
        [':path', '/'],
      ]),
    ],
    ['RFC 9113 §8.3: an unknown pseudo-header field', requestFields([], { ':other': '1' })],
    ['RFC 9113 §8.3: :status in a request', requestFields([], { ':status': '200' })],
    [
      'RFC 9113 §8.3.1: :path twice',
      literals([
        [':method', 'GET'],
        [':scheme', 'http'],
        [':path', '/'],
        [':path', '/b'],
        [':authority', 'a.test'],
      ]),
    ],
    [
      'RFC 9113 §8.3.1: no :method',
      literals([
        [':scheme', 'http'],
        [':path', '/'],
        [':authority', 'a.test'],
      ]),
    ],
    [
      'RFC 9113 §8.3.1: no :scheme',
      literals([
        [':method', 'GET'],
        [':path', '/'],
        [':authority', 'a.test'],
      ]),
    ],
    [
      'RFC 9113 §8.3.1: no :path',
      literals([
        [':method', 'GET'],
        [':scheme', 'http'],
        [':authority', 'a.test'],
      ]),
    ],
    ['RFC 9113 §8.3.1: an empty :path', requestFields([], { ':path': '' })],
    ['RFC 9113 §8.3.1: a :path without slash', requestFields([], { ':path': 'x' })],
    ['RFC 9113 §8.3.1: an absolute :path', requestFields([], { ':path': 'http://b.test/' })],
    ['RFC 9113 §8.3.1: * but for OPTIONS', requestFields([], { ':path': '*' })],
    ['RFC 9113 §8.3.1: userinfo', requestFields([], { ':authority': 'u@a.test' })],
    ['RFC 9113 §8.3.1: :authority and host disagree', requestFields([['host', 'b.test']])],
    [
      'RFC 9110 §7.2: host twice',
      literals([
        [':method', 'GET'],
        [':scheme', 'http'],
        [':path', '/'],
        ['host', 'a.test'],
        ['host', 'a.test'],
      ]),
    ],
    [
      'RFC 9110 §7.2: no host at all',
      literals([
        [':method', 'GET'],
        [':scheme', 'http'],
        [':path', '/'],
      ]),
    ],
    ['a space in :path', requestFields([], { ':path': '/a HTTP/1.1' })],
    ['a line break in :path', requestFields([], { ':path': '/ HTTP/1.1\r\nx: y\r\n\r\n' })],
    ['a line break in :method', requestFields([], { ':method': 'GET / HTTP/1.1\r\nx: y\r\n\r\nGET' })],
    ['a line break in :authority', requestFields([], { ':authority': 'a.test\r\nx: y' })],
    ['a line break in :scheme', requestFields([], { ':scheme': 'http\r\n' })],
    ['another scheme', requestFields([], { ':scheme': 'ftp' })],
    ['a path that climbs', requestFields([], { ':path': '/../x' })],
    ['a path that hides a separator', requestFields([], { ':path': '/a%2fb' })],
    ['a path with a parameter behind dots', requestFields([], { ':path': '/a/..;/b' })],
    ['a fragment', requestFields([], { ':path': '/a#b' })],
    ['a name that imitates', requestFields([['x_forwarded_for', '1.2.3.4']])],
    [
      'CONNECT',
      literals([
        [':method', 'CONNECT'],
        [':authority', 'a.test:443'],
      ]),
    ],
    ['extended CONNECT', requestFields([], { ':method': 'CONNECT', ':protocol': 'websocket' })],
    [
      'RFC 9110 §8.6: content-length twice',
      requestFields([
        ['content-length', '1'],
        ['content-length', '1'],
      ]),
      Buffer.from('x'),
    ],
    [
      'RFC 9110 §8.6: a content-length that is no number',
      requestFields([['content-length', '+1']]),
      Buffer.from('x'),
    ],
    ['RFC 9113 §8.1.1: less than content-length', requestFields([['content-length', '5']]), Buffer.from('x')],
    [
      'RFC 9113 §8.1.1: more than content-length',
      requestFields([['content-length', '1']]),
      Buffer.from('xyz'),
    ],
    ['RFC 9113 §8.1.1: content-length without a body', requestFields([['content-length', '1']])],
    ['TRACE with a body', requestFields([], { ':method': 'TRACE' }), Buffer.from('x')],
    [
      'a head that is too large',
      requestFields(Array.from({ length: 40 }, (_, index) => [`x-${index}`, 'y'.repeat(500)] as const)),
    ],
    [
      'too many fields',
      requestFields(Array.from({ length: 120 }, (_, index) => [`x-${index}`, 'y'] as const)),
    ],
  ];
  for (const [name, block, body] of vectors) {
    await t.test(name, async (t) => {
      recorder.seen = '';
      assert.match(await answerTo(t, port, block, body), refused);
      assert.doesNotMatch(recorder.seen, /\r\n\r\n(?:.*x: y|$)/s, recorder.seen);
      assert.doesNotMatch(recorder.seen, /x: y|b\.test/);
    });
  }
  assert.equal(await answerTo(t, port, requestFields()), '200');
  assert.equal(await answerTo(t, port, requestFields([['host', 'a.test']])), '200');
});

test('a field that no line could hold is left out', async (t) => {
  const { port, recorder } = await start(t);
  const vectors: readonly (readonly [string, Buffer])[] = [
    ['RFC 9113 §8.2.1: a space in a name', requestFields([['x y', '1']])],
    ['RFC 9113 §8.2.1: a colon in a name', requestFields([['x:y', '1']])],
    ['RFC 9113 §8.2.1: an empty name', requestFields([['', '1']])],
    ['RFC 9113 §8.2.1: CR LF in a value', requestFields([['x', 'a\r\nhost: b']])],
    ['RFC 9113 §8.2.1: LF in a value', requestFields([['x', 'a\nb']])],
    ['RFC 9113 §8.2.1: NUL in a value', requestFields([['x', 'a\0b']])],
  ];
  for (const [name, block] of vectors) {
    await t.test(name, async (t) => {
      recorder.seen = '';
      await answerTo(t, port, block);
      assert.doesNotMatch(recorder.seen, /\r\nx[: ]|\r\n:|\r\nhost: b|\0|[^\r]\n/);
    });
  }
});

test('a body that is shorter than was said never lets another request take its place upstream', async (t) => {
  let connections = 0;
  const recorder = new Recorder();
  const { port: upstream } = await startServer(t, (socket) => {
    connections++;
    recorder.serve(socket);
  });
  const { port } = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) }));
  const client = await RawClient.open(t, port);
  client.headers(1, requestFields([['content-length', '50']], { ':method': 'POST' }), false);
  client.send(frame(frameType.data, 0, 1, Buffer.from('abc')));
  await waitUntil(() => (recorder.seen.endsWith('abc') ? true : undefined));
  client.send(frame(frameType.rstStream, 0, 1, Buffer.from([0, 0, 0, 0])));
  client.headers(3, requestFields([], { ':path': '/second' }));
  assert.equal(await client.answer(3), '200');
  assert.equal(connections, 2);
});

test('streams that are opened and reset end the connection, and others do not notice', async (t) => {
  const { port, plane } = await start(t);
  const client = await RawClient.open(t, port);
  const reset = Buffer.from([0, 0, 0, 8]);
  for (let stream = 1; stream < 4_000 && !client.closed; stream += 2) {
    client.headers(stream, requestFields());
    client.send(frame(frameType.rstStream, 0, stream, reset));
    if (stream % 200 === 1) await new Promise(setImmediate);
  }
  await client.until(() => false);
  assert.equal(client.closed, true);
  assert.ok(client.goaway === undefined || client.goaway === calm || client.goaway === 2, `${client.goaway}`);
  const { answer } = await talk(port, ['GET / HTTP/1.1\r\nHost: a.test\r\n\r\n'], { until: oneResponse });
  assert.equal(statusOf(answer), 200);
  await waitUntil(() => (plane.report().clusters[0]?.busy === 0 ? true : undefined));
});

test('streams that the client makes us reset count like those that it resets itself', async (t) => {
  const { port, plane } = await start(t);
  const client = await RawClient.open(t, port);
  const nothing = Buffer.alloc(4);
  for (let stream = 1; stream < 4_000 && !client.closed; stream += 2) {
    client.headers(stream, requestFields());
    client.send(frame(frameType.windowUpdate, 0, stream, nothing));
    if (stream % 200 === 1) await new Promise(setImmediate);
  }
  await client.until(() => false);
  assert.equal(client.closed, true);
  await waitUntil(() => (plane.report().clusters[0]?.busy === 0 ? true : undefined));
});

test('CONTINUATION frames without end are cut', async (t) => {
  const { port } = await start(t);
  const client = await RawClient.open(t, port);
  client.send(frame(frameType.headers, flag.endStream, 1, requestFields()));
  for (let count = 0; count < 1_000 && !client.closed; count++) {
    client.send(frame(frameType.continuation, 0, 1, literals([[`x-${count}`, 'y']])));
    if (count % 20 === 0) await new Promise(setImmediate);
  }
  await client.until(() => false);
  assert.equal(client.closed, true);
});

for (const [name, one] of [
  ['PING', frame(frameType.ping, 0, 0, Buffer.alloc(8))],
  ['SETTINGS', frame(frameType.settings, 0, 0)],
] as const) {
  test(`a flood of ${name} ends the connection`, async (t) => {
    const { port, plane } = await start(t);
    const client = await RawClient.open(t, port);
    for (let count = 0; count < 2_000 && !client.closed; count++) {
      client.send(one);
      if (count % 50 === 0) await new Promise(setImmediate);
    }
    await client.until(() => false);
    assert.equal(client.closed, true);
    assert.equal(plane.report().downstreamConnections, 0);
  });
}

for (const [name, one] of [
  ['WINDOW_UPDATE', frame(frameType.windowUpdate, 0, 0, Buffer.from([0, 0, 0, 1]))],
  ['PRIORITY', frame(frameType.priority, 0, 1, Buffer.from([0, 0, 0, 0, 1]))],
  ['frames of an unknown type', frame(0xbb, 0, 0, Buffer.alloc(64))],
] as const) {
  test(`a flood of ${name} ends the connection`, async (t) => {
    const { port } = await start(t);
    const client = await RawClient.open(t, port);
    client.headers(1, requestFields());
    assert.equal(await client.answer(1), '200');
    const many = Buffer.concat(Array.from({ length: 5_000 }, () => one));
    while (!client.closed) {
      client.send(many);
      await new Promise<void>((resolve) => {
        setImmediate(resolve);
      });
    }
    assert.equal(client.closed, true);
  });
}

test('empty DATA frames without end are cut', async (t) => {
  const { port } = await start(t);
  const client = await RawClient.open(t, port);
  client.headers(1, requestFields([], { ':method': 'POST' }), false);
  const many = Buffer.concat(Array.from({ length: 5_000 }, () => frame(frameType.data, 0, 1)));
  while (!client.closed) {
    client.send(many);
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  }
  assert.equal(client.closed, true);
});

test('no more streams are served at once than were offered', async (t) => {
  const { port } = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(await silentUpstream(t))]) }));
  const client = await RawClient.open(t, port);
  for (let stream = 1; stream < 2 * 150; stream += 2) client.headers(stream, requestFields());
  assert.equal(await client.answer(299), 'rst:7');
  client.socket.destroy();
});

async function silentUpstream(test: TestScope): Promise<number> {
  const { port } = await startServer(test, (socket) => socket.resume());
  return port;
}

test('a client that ends its connection leaves nothing behind', async (t) => {
  const { port: upstream, sockets } = await startServer(t, (socket) => {
    socket.on('end', () => socket.end());
    socket.resume();
  });
  const { port, plane } = startPlane(t, modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) }));
  const client = await RawClient.open(t, port);
  client.headers(1, requestFields());
  await waitUntil(() => (sockets.size === 1 ? true : undefined));
  client.socket.end();
  await waitUntil(() => (plane.openConnections === 0 && sockets.size === 0 ? true : undefined));
});

test('a client that never opens a stream is cut by time, and one that drips its head too', async (t) => {
  const { port: upstream } = await startServer(t, () => undefined);
  const model = modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) });
  const { port } = startPlane(t, model, { limits: { headTimeoutMs: 200, keepAliveTimeoutMs: 200 } });
  const idle = await RawClient.open(t, port);
  const dripping = await RawClient.open(t, port);
  dripping.send(frame(frameType.headers, flag.endStream, 1, requestFields()).subarray(0, 12));
  const preface = await talk(port, ['PRI * HT']);
  assert.ok(preface.closed);
  await idle.until(() => false);
  await dripping.until(() => false);
  assert.ok(idle.closed && dripping.closed);
});

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import type {
  Cluster,
  Listener,
  TcpListener,
  TrafficMessage,
  WeightedTarget,
} from '@portolan/core/traffic/model.ts';
import { edgeTable } from '@portolan/core/traffic/route.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { proxyHeader } from './proxy-protocol/write.ts';
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
} from './testdata/plane-rig.ts';

const door = { kind: 'stream', key: 'tcp 1' } as const;
const request = 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n';

function withListener(clusters: readonly Cluster[], listener: Partial<TcpListener>): TrafficMessage {
  const model = modelOf(Object.fromEntries(clusters.map((one) => [`${one.name}.test`, one])));
  const targets: readonly WeightedTarget[] = clusters.map(({ name }) => ({ weight: 1, cluster: name }));
  const whole: Listener = { name: 'tcp-1', protocol: 'tcp', bind: { port: 1 }, targets, ...listener };
  return { ...model, listeners: { put: [whole], remove: [] } };
}

function namedServer(t: TestScope, name: string): Promise<{ port: number }> {
  return startServer(t, (socket) => socket.end(name));
}

/** What the server behind the door says to a client from an address of its own. */
function said(port: number, localAddress = '127.0.0.1'): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    socket.on('data', (bytes) => {
      text += bytes;
    });
    socket.on('error', () => undefined).on('close', () => resolve(text));
  });
}

test('TCP connections are shared out by weight, and the share of nobody is closed', async (t) => {
  const servers = await Promise.all(['a', 'b'].map((name) => namedServer(t, name)));
  const clusters = servers.map(({ port }, index) => cluster('ab'[index] ?? '', [endpoint(port)]));
  const targets = [{ weight: 3, cluster: 'a' }, { weight: 1 }, { weight: 0, cluster: 'b' }];
  const { port } = startPlane(t, withListener(clusters, { targets }), { door });
  const seen = new Map<string, number>();
  for (let index = 0; index < 200; index++) {
    const name = await said(port);
    seen.set(name, (seen.get(name) ?? 0) + 1);
  }
  assert.deepEqual([...seen.keys()].sort(), ['', 'a']);
  // 150 are expected; 4 standard deviations.
  assert.ok(Math.abs((seen.get('a') ?? 0) - 150) <= 25, `${seen.get('a')} of 200`);
});

test('an address keeps the instance that it got, until that instance is gone', async (t) => {
  const servers = await Promise.all(['a', 'b', 'c'].map((name) => namedServer(t, name)));
  const endpoints = servers.map(({ port }) => endpoint(port));
  const model = (list = endpoints): TrafficMessage =>
    withListener([cluster('web', list)], { affinityMs: 60_000 });
  const { port, plane } = startPlane(t, model(), { door });
  const names: string[] = [];
  for (let client = 1; client <= 6; client++) {
    const address = `127.0.0.${client}`;
    const name = await said(port, address);
    names.push(name);
    for (let again = 0; again < 3; again++) assert.equal(await said(port, address), name, address);
  }
  assert.deepEqual([...new Set(names)].sort(), ['a', 'b', 'c'], 'others get others');
  const first = names[0] ?? '';
  const left = endpoints.filter((_, index) => 'abc'[index] !== first);
  plane.apply(model(left));
  const next = await said(port, '127.0.0.1');
  assert.notEqual(next, first);
  plane.apply(model());
  assert.equal(await said(port, '127.0.0.1'), next, 'and stays there');
});

async function proxied(t: TestScope, handshakeTimeoutMs = 10_000) {
  const recorder = new Recorder();
  const { port: upstream } = await startServer(t, (socket) => recorder.serve(socket));
  const model = modelOf({ 'a.test': cluster('a', [endpoint(upstream)]) });
  const listener: Listener = {
    ...{ name: 'http-1', protocol: 'http', bind: { port: 1 }, table: edgeTable },
    proxyProtocol: true,
  };
  const options = { door, limits: { handshakeTimeoutMs } };
  const plane = startPlane(t, { ...model, listeners: { put: [listener], remove: [] } }, options);
  return { ...plane, recorder };
}

const source = { address: '192.0.2.9', port: 4_711 };
const destination = { address: '192.0.2.1', port: 80 };

for (const version of ['v1', 'v2'] as const) {
  test(`PROXY protocol ${version}: the client is whom the header says, however it is cut`, async (t) => {
    const { port, recorder } = await proxied(t);
    const all = proxyHeader(version, source, destination) + request;
    for (const pieces of [[all], [...all], [all.slice(0, 20), all.slice(20)]]) {
      recorder.seen = '';
      const { answer } = await talk(port, pieces, { until: oneResponse });
      assert.equal(statusOf(answer), 200);
      assert.match(recorder.seen, /X-Forwarded-For: 192\.0\.2\.9\r\n/);
    }
    const own = proxyHeader(version, undefined, undefined) + request;
    recorder.seen = '';
    assert.equal(statusOf((await talk(port, [own], { until: oneResponse })).answer), 200);
    assert.match(recorder.seen, /X-Forwarded-For: 127\.0\.0\.1\r\n/, 'the sender’s own connection');
  });
}

test('what waits for the rest of its ClientHello is bounded for all together', async (t) => {
  const listener: Listener = { name: 'tls-1', protocol: 'tls', bind: { port: 1 }, table: edgeTable };
  const model = { ...modelOf({}), listeners: { put: [listener], remove: [] } };
  const { port, plane } = startPlane(t, model, { door, limits: { maxAheadBytes: 50_000 } });
  // A record of 16,000 octets, and nearly all of them.
  const part = Buffer.concat([Buffer.from([22, 3, 1, 62, 128, 1, 0, 62, 124, 3, 3]), Buffer.alloc(15_000)]);
  const clients = Array.from({ length: 5 }, () => {
    const socket = connect(port, '127.0.0.1', () => socket.write(part));
    socket.on('error', () => undefined);
    return socket;
  });
  t.after(() => {
    for (const socket of clients) socket.destroy();
  });
  await waitUntil(() => plane.report().refusals['entry-overflow'] === 2);
  assert.equal(plane.openConnections, 3);
});

test('without a header, with a malformed or a slow one, a connection is closed without a word', async (t) => {
  const { port, plane, recorder } = await proxied(t, 300);
  for (const text of [request, `PROXY TCP4 1.2.3.4\r\n${request}`, `PROXY ${'x'.repeat(5_000)}`]) {
    assert.deepEqual(await talk(port, [text]), { answer: '', closed: true });
  }
  assert.deepEqual(await talk(port, ['PROXY TCP4 192.0.2.9 ']), { answer: '', closed: true });
  assert.equal(recorder.requests, 0);
  const { refusals } = plane.report();
  assert.deepEqual([refusals['proxy-protocol-header'], refusals['entry-timeout']], [3, 1]);
  await waitUntil(() => plane.openConnections === 0);
});

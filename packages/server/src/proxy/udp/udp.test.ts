import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import type { TrafficMessage, UdpListener, WeightedTarget } from '@portolan/core/traffic/model.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { systemClock } from '../../engine/system-clock.ts';
import { DataPlane } from '../data-plane.ts';
import { defaultLimits, type GatewayLimits } from '../limits.ts';
import { cluster, endpoint, modelOf, type TestScope } from '../testdata/plane-rig.ts';
import { isUdpFree } from './is-udp-free.ts';

async function udpSocket(t: TestScope, address = '127.0.0.1'): Promise<{ socket: Socket; port: number }> {
  const socket = createSocket('udp4');
  socket.bind(0, address);
  await once(socket, 'listening');
  let closed = false;
  socket.on('close', () => {
    closed = true;
  });
  t.after(() => {
    if (!closed) socket.close();
  });
  return { socket, port: socket.address().port };
}

/** Answers every datagram with a name and what was said. */
async function echo(t: TestScope, name: string): Promise<{ port: number; sources: Set<number> }> {
  const { socket, port } = await udpSocket(t);
  const sources = new Set<number>();
  socket.on('message', (datagram, { port: from, address }) => {
    sources.add(from);
    socket.send(`${name}:${datagram}`, from, address);
  });
  return { port, sources };
}

function udpModel(ports: readonly number[], more: Partial<UdpListener> = {}): TrafficMessage {
  const targets: WeightedTarget[] = [{ weight: 1, cluster: 'dns' }];
  const listener: UdpListener = { name: 'udp-53', protocol: 'udp', bind: { port: 53 }, targets, ...more };
  const model = modelOf({
    'a.test': cluster(
      'dns',
      ports.map((port) => endpoint(port)),
    ),
  });
  return { ...model, listeners: { put: [listener], remove: [] } };
}

async function startUdp(t: TestScope, model: TrafficMessage, limits: Partial<GatewayLimits> = {}) {
  const plane = new DataPlane({
    ...{ clock: systemClock, random: Math.random, trustedPeers: [], accessLog: undefined },
    limits: { ...defaultLimits, ...limits },
  });
  plane.apply(model);
  const door = await plane.listenUdp({ kind: 'udp', key: 'udp 53', address: '127.0.0.1', port: 0 });
  t.after(() => {
    plane.beginDrain();
    plane.close();
  });
  return { plane, door, port: door.port };
}

/** Sends until something comes back, as clients of UDP must. */
async function ask(socket: Socket, port: number, text: string): Promise<{ said: string; from: number }> {
  let answer: { said: string; from: number } | undefined;
  const onMessage = (datagram: Buffer, source: { port: number }): void => {
    answer = { said: datagram.toString(), from: source.port };
  };
  socket.on('message', onMessage);
  socket.send(text, port, '127.0.0.1');
  await waitUntil(() => answer !== undefined);
  socket.off('message', onMessage);
  return answer as never;
}

test('datagrams of one source go to one endpoint, and answers come from the door', async (t) => {
  const backends = await Promise.all([echo(t, 'one'), echo(t, 'two')]);
  const { port, door } = await startUdp(t, udpModel(backends.map((backend) => backend.port)));
  const names = new Set<string>();
  for (let client = 0; client < 4; client++) {
    const { socket } = await udpSocket(t);
    const first = await ask(socket, port, 'a');
    assert.equal(first.from, port);
    const name = first.said.split(':')[0] ?? '';
    names.add(name);
    for (const text of ['b', 'c']) assert.equal((await ask(socket, port, text)).said, `${name}:${text}`);
  }
  assert.deepEqual([...names].sort(), ['one', 'two']);
  assert.equal(door.sessions, 4);
  assert.deepEqual(
    backends.map(({ sources }) => sources.size),
    [2, 2],
    'a source of its own for each session',
  );
});

test('a session that is silent is forgotten', async (t) => {
  const { port: backend } = await echo(t, 'one');
  const { port, door } = await startUdp(t, udpModel([backend], { idleMs: 100 }));
  const { socket } = await udpSocket(t);
  await ask(socket, port, 'a');
  assert.equal(door.sessions, 1);
  await waitUntil(() => door.sessions === 0);
  assert.equal((await ask(socket, port, 'b')).said, 'one:b');
});

test('where nobody listens the next endpoint is asked, with the same datagram', async (t) => {
  const { port: backend } = await echo(t, 'alive');
  const gone = await udpSocket(t);
  gone.socket.close();
  await once(gone.socket, 'close');
  const { port, plane } = await startUdp(t, udpModel([gone.port, backend]));
  for (let client = 0; client < 4; client++) {
    const { socket } = await udpSocket(t);
    assert.equal((await ask(socket, port, 'a')).said, 'alive:a');
  }
  const report = plane.report().clusters[0]?.endpoints.find((one) => one.port === gone.port);
  assert.ok((report?.failures ?? 0) > 0, 'and it is held against the other');
});

test('a large datagram passes whole, both ways', async (t) => {
  const { port: backend } = await echo(t, 'one');
  const { port } = await startUdp(t, udpModel([backend]));
  const { socket } = await udpSocket(t);
  const large = 'x'.repeat(60_000);
  assert.equal((await ask(socket, port, large)).said, `one:${large}`);
});

test('sessions are bounded in number and rate, and the silent give way', async (t) => {
  const { port: backend } = await echo(t, 'one');
  const limits = { maxUdpSessions: 2, maxNewUdpSessionsPerSecond: 3 };
  const { port, plane, door } = await startUdp(t, udpModel([backend]), limits);
  const clients = await Promise.all([udpSocket(t), udpSocket(t), udpSocket(t)]);
  for (const { socket } of clients.slice(0, 2)) await ask(socket, port, 'a');
  const third = clients[2]?.socket as Socket;
  third.send('too much', port, '127.0.0.1');
  await waitUntil(() => plane.report().refusedConnections === 1);
  assert.equal(door.sessions, 2);
  let said = '';
  third.on('message', (datagram) => {
    said = datagram.toString();
  });
  await waitUntil(() => {
    third.send('later', port, '127.0.0.1');
    return said === 'one:later';
  });
  assert.equal(door.sessions, 2);
});

test('a door that leads to itself stays quiet, and a cluster without endpoints is silent', async (t) => {
  const { plane, port } = await startUdp(t, udpModel([1]));
  plane.apply(udpModel([port]));
  const { socket } = await udpSocket(t);
  socket.send('a', port, '127.0.0.1');
  await waitUntil(() => (plane.report().acceptedConnections ?? 0) === 1);
  plane.apply(udpModel([]));
  socket.send('b', port, '127.0.0.1');
  await waitUntil(() => plane.report().acceptedConnections === 2);
  plane.apply({ ...udpModel([]), listeners: { put: [], remove: [] } });
  socket.send('c', port, '127.0.0.1');
});

test('whether a port can be had is found out without keeping it', async (t) => {
  const { port } = await udpSocket(t);
  assert.equal(await isUdpFree({ address: '127.0.0.1', port }), 'EADDRINUSE');
  assert.equal(await isUdpFree({ address: '127.0.0.1', port: 0 }), undefined);
  assert.equal(await isUdpFree({ address: '192.0.2.1', port: 0 }), 'EADDRNOTAVAIL');
});

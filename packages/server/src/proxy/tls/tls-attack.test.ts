import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket, connect as tcpConnect } from 'node:net';
import { before, test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import type { TrafficMessage } from '@portolan/core/traffic/model.ts';
import { edgeTable } from '@portolan/core/traffic/route.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import type { Issued } from '../../certificates/issue.ts';
import {
  cluster,
  endpoint,
  modelOf,
  Recorder,
  startPlane,
  startServer,
  type TestScope,
} from '../testdata/plane-rig.ts';
import { TestAuthority } from '../testdata/test-certificates.ts';

let issued: Issued;

before(async () => {
  issued = await (await TestAuthority.create()).issue(['a.test']);
});

function startTls(t: TestScope, upstream: number) {
  const then = { type: 'http', table: edgeTable } as const;
  const model: TrafficMessage = {
    ...modelOf({ '*': cluster('web', [endpoint(upstream)]) }),
    listeners: {
      put: [{ name: 'gateway-tls', protocol: 'tls', bind: 'gateway-tls', table: edgeTable }],
      remove: [],
    },
    certificates: { put: [{ name: 'a', chain: issued.chain, key: issued.key }], remove: [] },
    tlsHosts: {
      put: [
        {
          ...{ name: 'edge', table: edgeTable, serverNames: ['*'] },
          action: { type: 'terminate', certificates: ['a'], then },
        },
      ],
      remove: [],
    },
  };
  return startPlane(t, model, { door: { kind: 'stream', key: 'gateway-tls' } });
}

async function tlsTo(t: TestScope, port: number): Promise<TLSSocket> {
  const socket = connect({ port, host: '127.0.0.1', servername: 'a.test', rejectUnauthorized: false });
  t.after(() => {
    socket.destroy();
  });
  await once(socket, 'secureConnect');
  socket.on('error', () => undefined);
  return socket;
}

/** A man in the middle, who hands on what the client says, changed. */
async function meddler(
  t: TestScope,
  port: number,
  change: (bytes: Buffer, index: number) => Buffer,
): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const far = tcpConnect(port, '127.0.0.1');
    let index = 0;
    for (const socket of [client, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        client.destroy();
        far.destroy();
      });
    }
    client.on('data', (bytes: Buffer) => far.write(change(bytes, index++)));
    far.on('data', (bytes) => client.write(bytes));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  return (server.address() as AddressInfo).port;
}

/** What a client says first. */
async function helloOf(t: TestScope): Promise<Buffer> {
  let hello = Buffer.alloc(0);
  const { port } = await startServer(t, (socket) => {
    socket.on('data', (bytes: Buffer) => {
      hello = Buffer.concat([hello, bytes]);
    });
  });
  const client = connect({ port, host: '127.0.0.1', servername: 'a.test' });
  client.on('error', () => undefined);
  await waitUntil(() => hello.length > 100);
  client.destroy();
  return hello;
}

test('handshakes that break off anywhere, or go on with nonsense, leave nothing behind', async (t) => {
  const recorder = new Recorder();
  const { port: upstream } = await startServer(t, (socket) => recorder.serve(socket));
  const { port, plane } = startTls(t, upstream);
  const hello = await helloOf(t);
  const breakers = Array.from({ length: 200 }, async (_, index) => {
    const socket = tcpConnect(port, '127.0.0.1');
    socket.on('error', () => undefined).on('data', () => undefined);
    await once(socket, 'connect');
    const cut = Math.floor((hello.length * index) / 150);
    socket.write(hello.subarray(0, cut));
    if (cut > hello.length) socket.write(Buffer.alloc(100, index));
    if (index % 3 === 0) socket.end();
    else setImmediate(() => socket.resetAndDestroy());
    await once(socket, 'close');
  });
  await Promise.all(breakers);
  await waitUntil(() => plane.openConnections === 0);
  const socket = await tlsTo(t, port);
  socket.write('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n');
  assert.match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 200 /);
});

test('octets that were changed on their way end the connection, and nothing of them is heard', async (t) => {
  const recorder = new Recorder();
  const { port: upstream } = await startServer(t, (socket) => recorder.serve(socket));
  const { port, plane } = startTls(t, upstream);
  let spoil = false;
  const middle = await meddler(t, port, (bytes) => {
    if (spoil) bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) ^ 1;
    return bytes;
  });
  const socket = await tlsTo(t, middle);
  socket.write('GET /good HTTP/1.1\r\nHost: a.test\r\n\r\n');
  await once(socket, 'data');
  spoil = true;
  socket.write('GET /spoilt HTTP/1.1\r\nHost: a.test\r\n\r\n');
  await waitUntil(() => plane.openConnections === 0);
  assert.match(recorder.seen, /good/);
  assert.doesNotMatch(recorder.seen, /spoilt/);
});

test('a client that does not read holds its upstream back, over TLS too', async (t) => {
  let sent = 0;
  const { port: upstream } = await startServer(t, (socket) => {
    socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'));
    const chunk = Buffer.from(`10000\r\n${'x'.repeat(65_536)}\r\n`);
    const more = (): void => {
      while (!socket.destroyed && socket.write(chunk)) sent += chunk.length;
      sent += chunk.length;
      socket.once('drain', more);
    };
    socket.once('data', more);
  });
  const { port, plane } = startTls(t, upstream);
  const socket = await tlsTo(t, port);
  socket.pause();
  socket.write('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n');
  let before = -1;
  // It stands still when the buffers of the kernel and ours are full.
  await waitUntil(
    () => {
      const still = sent === before && sent > 0;
      before = sent;
      return still;
    },
    { everyMs: 300 },
  );
  assert.ok(sent < 64 * 1_048_576, `${sent} octets are under way`);
  socket.destroy();
  await waitUntil(() => plane.openConnections === 0);
});

test('nobody renegotiates', async (t) => {
  const recorder = new Recorder();
  const { port: upstream } = await startServer(t, (socket) => recorder.serve(socket));
  const { port } = startTls(t, upstream);
  const options = { servername: 'a.test', rejectUnauthorized: false, maxVersion: 'TLSv1.2' } as const;
  const socket = connect({ port, host: '127.0.0.1', ...options });
  socket.on('error', () => undefined);
  t.after(() => {
    socket.destroy();
  });
  await once(socket, 'secureConnect');
  const error = await new Promise((resolve) => {
    socket.renegotiate({}, resolve);
    socket.once('error', resolve);
    socket.once('close', () => resolve(new Error('closed')));
  });
  assert.ok(error instanceof Error, 'it is refused');
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import {
  createServer as createHttp2Server,
  createSecureServer,
  type Http2SecureServer,
  type Http2Server,
  type ServerHttp2Session,
} from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { addressRules } from '@portolan/core/base/address-rules.ts';
import { systemClock } from '../engine/system-clock.ts';
import type { Dialer } from './dial.ts';
import type { ProbeResult } from './probe.ts';
import { h2pingProber } from './probe-h2ping.ts';
import { Resolver } from './resolve.ts';

const cert = readFileSync(new URL('./testdata/self-signed-cert.pem', import.meta.url));
const key = readFileSync(new URL('./testdata/self-signed-key.pem', import.meta.url));
const dialer: Dialer = { rules: addressRules(), resolver: new Resolver(systemClock) };

function probed(address: string, tls = false, tlsSkipVerify = false): Promise<ProbeResult> {
  const prober = h2pingProber({ type: 'h2ping', address, tls, tlsSkipVerify }, dialer);
  return new Promise((resolve) => void prober.start(resolve));
}

async function listening(t: TestContext, server: Server | Http2Server | Http2SecureServer): Promise<string> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('an H2PING check passes where an HTTP/2 server acknowledges the ping', async (t) => {
  const server = createHttp2Server();
  const pinged = new Promise((resolve) =>
    server.on('session', (session: ServerHttp2Session) => session.on('ping', resolve)),
  );
  const address = await listening(t, server);
  assert.deepEqual(await probed(address), {
    status: 'passing',
    output: `HTTP/2 ping of ${address}: success`,
  });
  await pinged;
});

test('an H2PING check over TLS verifies the certificate unless told to skip that', async (t) => {
  const address = await listening(t, createSecureServer({ cert, key }));
  assert.match((await probed(address, true)).output, /self-signed/);
  assert.equal((await probed(address, true, true)).status, 'passing');
});

test('a server over TLS that only speaks HTTP/1.1 is critical', async (t) => {
  const address = await listening(t, createHttpsServer({ cert, key }));
  const { status, output } = await probed(address, true, true);
  assert.equal(status, 'critical');
  assert.match(output, /does not offer h2|no application protocol|EOF|alert/i);
});

test('a target that refuses, or speaks something else, is critical', async (t) => {
  const spam = await listening(
    t,
    createServer((socket) => socket.write('220 mail.test ESMTP\r\n'.repeat(20))),
  );
  assert.equal((await probed(spam)).status, 'critical');
  const gone = createServer().listen(0, '127.0.0.1');
  await once(gone, 'listening');
  const { port } = gone.address() as AddressInfo;
  gone.close();
  await once(gone, 'close');
  assert.match((await probed(`127.0.0.1:${port}`)).output, /connection refused/);
  assert.match((await probed('169.254.169.254:443')).output, /health checks may not connect to/);
});

test('a target that accepts and says nothing is critical when the time is up', async (t) => {
  const accepted = Promise.withResolvers<Socket>();
  const address = await listening(t, createServer(accepted.resolve));
  const done = Promise.withResolvers<ProbeResult>();
  const prober = h2pingProber({ type: 'h2ping', address, tls: false, tlsSkipVerify: false }, dialer);
  const run = prober.start(done.resolve);
  const socket = await accepted.promise;
  socket.resume();
  run.timeOut();
  assert.deepEqual(await done.promise, {
    status: 'critical',
    output: `HTTP/2 ping of ${address} failed: i/o timeout`,
  });
  await once(socket, 'close');
});

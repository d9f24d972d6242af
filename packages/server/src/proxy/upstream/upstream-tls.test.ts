import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createSecureServer, type SecureServerOptions } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { test } from 'node:test';
import { createServer, TLSSocket, type TlsOptions } from 'node:tls';
import type { Certificate, Cluster, TrafficMessage, UpstreamTls } from '@portolan/core/traffic/model.ts';
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
import { TestAuthority } from '../testdata/test-certificates.ts';

const get = 'GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n';

function answerOk(socket: TLSSocket): void {
  socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
}

async function startTls(
  test: TestScope,
  options: TlsOptions,
  serve = answerOk,
): Promise<{ readonly port: number; readonly sockets: TLSSocket[] }> {
  const sockets: TLSSocket[] = [];
  const server = createServer(options, (socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    serve(socket);
  });
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, sockets };
}

function withTls(
  port: number,
  tls: UpstreamTls,
  more: Partial<Cluster> = {},
  certificates: Certificate[] = [],
): TrafficMessage {
  const model = modelOf({ 'a.test': cluster('a', [endpoint(port)], { tls, ...more }) });
  return { ...model, certificates: { put: certificates, remove: [] } };
}

async function statusThrough(test: TestScope, model: TrafficMessage): Promise<number> {
  const { port } = startPlane(test, model);
  const { answer } = await talk(port, [get], { until: oneResponse });
  return statusOf(answer);
}

test('an endpoint is believed by its authority and its name, and by nothing less', async (t) => {
  const [good, other] = await Promise.all([TestAuthority.create(), TestAuthority.create('Another')]);
  const leaf = await good.issue(['web.internal', '*.wild.internal']);
  const { port } = await startTls(t, { cert: leaf.chain, key: leaf.key });
  const status = (tls: UpstreamTls): Promise<number> => statusThrough(t, withTls(port, tls));
  const ca = good.chain;
  assert.equal(await status({ verify: true, ca, serverName: 'web.internal' }), 200);
  assert.equal(await status({ verify: true, ca, serverName: 'x.wild.internal' }), 200);
  assert.equal(await status({ verify: true, ca, serverName: 'else.internal' }), 503);
  assert.equal(await status({ verify: true, ca }), 503, "the request's host is asked for");
  assert.equal(await status({ verify: true, ca: other.chain, serverName: 'web.internal' }), 503);
  assert.equal(await status({ verify: true, serverName: 'web.internal' }), 503, 'the system knows it not');
  assert.equal(await status({ verify: false }), 200);
  assert.equal(
    await status({ verify: true, ca, serverName: 'x', subjectAltNames: ['no.internal', 'web.internal'] }),
    200,
  );
  assert.equal(
    await status({ verify: true, ca, serverName: 'web.internal', subjectAltNames: ['no.internal'] }),
    503,
  );
  assert.equal(await status({ verify: true, ca: 'no certificate', serverName: 'web.internal' }), 503);
});

test('the server name that is asked for is the setting, else the host of the request', async (t) => {
  const authority = await TestAuthority.create();
  const leaf = await authority.issue(['a.test', 'named.test']);
  const { port, sockets } = await startTls(t, { cert: leaf.chain, key: leaf.key });
  const ca = authority.chain;
  assert.equal(await statusThrough(t, withTls(port, { verify: true, ca, serverName: 'named.test' })), 200);
  assert.equal(await statusThrough(t, withTls(port, { verify: true, ca })), 200);
  const names = sockets.map((socket) => (socket as TLSSocket & { servername: string }).servername);
  assert.deepEqual(names, ['named.test', 'a.test']);
});

test('a client certificate is shown where one is named', async (t) => {
  const authority = await TestAuthority.create();
  const [server, client] = await Promise.all([
    authority.issue(['a.test']),
    authority.issue(['gateway.test']),
  ]);
  const { port, sockets } = await startTls(t, {
    ...{ cert: server.chain, key: server.key, ca: authority.chain },
    ...{ requestCert: true, rejectUnauthorized: true },
  });
  const certificates = [{ name: 'mine', chain: client.chain, key: client.key }];
  const tls = { verify: true, ca: authority.chain };
  assert.equal(await statusThrough(t, withTls(port, { ...tls, certificate: 'mine' }, {}, certificates)), 200);
  assert.equal(sockets[0]?.getPeerCertificate().subject.CN, 'gateway.test');
  assert.notEqual(await statusThrough(t, withTls(port, tls, {}, certificates)), 200);
});

test('connections are kept, and new ones resume the session', async (t) => {
  const authority = await TestAuthority.create();
  const leaf = await authority.issue(['a.test']);
  const { port: upstream, sockets } = await startTls(t, { cert: leaf.chain, key: leaf.key });
  const { port } = startPlane(t, withTls(upstream, { verify: true, ca: authority.chain }));
  for (let count = 0; count < 3; count++) await talk(port, [get], { until: oneResponse });
  assert.equal(sockets.length, 1);
  assert.equal(sockets[0]?.isSessionReused(), false);
  const closed = once(sockets[0] as TLSSocket, 'close');
  sockets[0]?.destroy();
  await closed;
  assert.equal(statusOf((await talk(port, [get], { until: oneResponse })).answer), 200);
  assert.equal(sockets[1]?.isSessionReused(), true);
});

async function startSecureHttp(test: TestScope, options: SecureServerOptions, h2: boolean): Promise<number> {
  const server = h2
    ? createSecureServer({ allowHTTP1: true, ...options }, (request, response) => {
        response.end(request.httpVersion);
      })
    : createHttpsServer(options, (request, response) => {
        response.end(request.httpVersion);
      });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const open = new Set<{ destroy(): void }>();
  server.on('secureConnection', (socket: TLSSocket) => open.add(socket));
  test.after(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

test('what is spoken is agreed upon by ALPN', async (t) => {
  const authority = await TestAuthority.create();
  const leaf = await authority.issue(['a.test']);
  const options = { cert: leaf.chain, key: leaf.key };
  const both = await startSecureHttp(t, options, true);
  const old = await startSecureHttp(t, options, false);
  const tls = { verify: true, ca: authority.chain };
  const body = async (upstream: number, protocol: 'http1' | 'http2' | 'auto'): Promise<string> => {
    const { port } = startPlane(t, withTls(upstream, tls, { protocol }));
    const { answer } = await talk(port, [get], { until: oneResponse });
    return `${statusOf(answer)} ${/[12]\.[01]/.exec(answer.slice(answer.indexOf('\r\n\r\n')))?.[0]}`;
  };
  assert.equal(await body(both, 'auto'), '200 2.0');
  assert.equal(await body(both, 'http2'), '200 2.0');
  assert.equal(await body(both, 'http1'), '200 1.1');
  assert.equal(await body(old, 'auto'), '200 1.1');
  assert.equal((await body(old, 'http2')).slice(0, 3), '503');
});

test('a WebSocket is carried over TLS to its service', async (t) => {
  const authority = await TestAuthority.create();
  const leaf = await authority.issue(['a.test']);
  const { port: upstream } = await startTls(t, { cert: leaf.chain, key: leaf.key }, (socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhi');
      socket.on('data', (bytes) => socket.write(bytes));
    });
  });
  const tls = { verify: true, ca: authority.chain };
  const { port } = startPlane(t, withTls(upstream, tls, { protocol: 'auto' }));
  const upgrade = 'GET / HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';
  const { answer } = await talk(port, [upgrade, 'more'], { until: (text) => text.endsWith('himore') });
  assert.equal(statusOf(answer), 101);
});

test('a TCP listener speaks TLS to endpoints that want it', async (t) => {
  const authority = await TestAuthority.create();
  const leaf = await authority.issue(['db.test']);
  const { port: upstream } = await startTls(t, { cert: leaf.chain, key: leaf.key }, (socket) => {
    socket.on('data', (bytes) => socket.write(bytes));
  });
  const tls = { verify: true, ca: authority.chain, serverName: 'db.test' };
  const db = cluster('db', [endpoint(upstream)], { tls });
  const model = modelOf({ 'a.test': db }, { tcp: { db: 1 } });
  const { port } = startPlane(t, model, { door: { kind: 'stream', key: 'tcp 1' } });
  const { answer } = await talk(port, ['octets'], { until: (text) => text === 'octets' });
  assert.equal(answer, 'octets');
});

test('endpoints that want it are told by the PROXY protocol whose connection it is, before TLS', async (t) => {
  const authority = await TestAuthority.create();
  const leaf = await authority.issue(['a.test']);
  const headers: string[] = [];
  const { port: upstream } = await startServer(t, (socket) => {
    socket.once('data', (bytes) => {
      const end = bytes.indexOf('\r\n') + 2;
      headers.push(bytes.toString('latin1', 0, end));
      socket.pause();
      socket.unshift(bytes.subarray(end));
      if (bytes[end] !== 0x16 && end < bytes.length) serveOnce(socket);
      else serveOnce(new TLSSocket(socket, { isServer: true, cert: leaf.chain, key: leaf.key }));
    });
  });
  const clear = startPlane(
    t,
    modelOf({ 'a.test': cluster('a', [endpoint(upstream)], { proxyProtocol: 'v1' }) }),
  );
  const secure = startPlane(
    t,
    withTls(upstream, { verify: true, ca: authority.chain }, { proxyProtocol: 'v1' }),
  );
  for (const { port } of [clear, secure]) {
    const { answer } = await talk(port, [get], { until: oneResponse });
    assert.equal(statusOf(answer), 200);
    const header = new RegExp(`^PROXY TCP4 127\\.0\\.0\\.1 127\\.0\\.0\\.1 [1-9][0-9]* ${port}\\r\\n$`);
    assert.match(headers.at(-1) ?? '', header);
  }
  await talk(clear.port, [get], { until: oneResponse });
  assert.equal(headers.length, 3, 'another client gets another connection');
});

function serveOnce(socket: Socket): void {
  socket.on('error', () => undefined);
  socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  socket.resume();
}

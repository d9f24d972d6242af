import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { addressRules } from '@portolan/core/base/address-rules.ts';
import { systemClock } from '../engine/system-clock.ts';
import type { Dialer } from './dial.ts';
import type { HttpProbe } from './http-request.ts';
import type { ProbeResult } from './probe.ts';
import { type AskingProbe, proberOf } from './prober.ts';
import { type Lookup, Resolver } from './resolve.ts';

const certificate = {
  cert: readFileSync(new URL('./testdata/self-signed-cert.pem', import.meta.url), 'utf8'),
  key: readFileSync(new URL('./testdata/self-signed-key.pem', import.meta.url), 'utf8'),
};

const resolvesTo =
  (...addresses: string[]): Lookup =>
  (_host, callback) =>
    setImmediate(
      callback,
      null,
      addresses.map((address) => ({ address })),
    );

function dialer(lookup: Lookup = resolvesTo('127.0.0.1'), extra: Partial<Dialer> = {}): Dialer {
  return { rules: addressRules(), resolver: new Resolver(systemClock, lookup), ...extra };
}

function probed(probe: AskingProbe, using: Dialer = dialer()): Promise<ProbeResult> {
  return new Promise((resolve) => void proberOf(probe, using).start(resolve));
}

/** Lets the probe run until `reached`, then its time is up. */
function timedOut(probe: AskingProbe, reached: Promise<unknown>): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const run = proberOf(probe, dialer()).start(resolve);
    void reached.then(() => run.timeOut());
  });
}

async function listening(t: TestContext, server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
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

const httpTarget = (t: TestContext, listener: RequestListener): Promise<number> =>
  listening(t, createHttpServer(listener));
const rawTarget = (t: TestContext, onSocket: (socket: Socket) => void): Promise<number> =>
  listening(t, createServer(onSocket));

function http(url: string, changes: Partial<HttpProbe> = {}): HttpProbe {
  return {
    type: 'http',
    url,
    method: '',
    headers: {},
    body: '',
    tlsServerName: '',
    tlsSkipVerify: false,
    ...changes,
  };
}

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

for (const [code, status] of [
  [200, 'passing'],
  [204, 'passing'],
  [299, 'passing'],
  [429, 'warning'],
  [302, 'critical'],
  [404, 'critical'],
  [503, 'critical'],
] as const) {
  test(`HTTP ${code} is ${status}`, async (t) => {
    const port = await httpTarget(t, (_request, response) => response.writeHead(code).end());
    assert.equal((await probed(http(`http://127.0.0.1:${port}/`))).status, status);
  });
}

test('an HTTP check says what it asked and what was answered', async (t) => {
  const port = await httpTarget(t, (_request, response) => response.end('all is well'));
  const url = `http://127.0.0.1:${port}/health?deep=1`;
  assert.deepEqual(await probed(http(url)), {
    status: 'passing',
    output: `HTTP GET ${url}: 200 OK Output: all is well`,
  });
});

test('an HTTP check sends its method, headers and body, and frames them itself', async (t) => {
  let seen = '';
  const port = await httpTarget(t, async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { host, authorization, connection } = request.headers;
    seen = [request.method, request.url, host, request.headers['x-a'], authorization, connection, body].join(
      '|',
    );
    response.end();
  });
  const probe = http(`http://me:pa%20ss@127.0.0.1:${port}/x`, {
    method: 'post',
    headers: {
      'X-A': ['1', '2'],
      Host: ['other.test'],
      'Content-Length': ['999'],
      Connection: ['keep-alive'],
    },
    body: 'grüezi',
  });
  assert.equal((await probed(probe)).status, 'passing');
  const credentials = Buffer.from('me:pa ss').toString('base64');
  assert.equal(seen, `POST|/x|other.test|1, 2|Basic ${credentials}|close|grüezi`);
});

test('a redirect is not followed', async (t) => {
  let asked = 0;
  const port = await httpTarget(t, (_request, response) => {
    asked += 1;
    response.writeHead(302, { Location: '/elsewhere' }).end();
  });
  const result = await probed(http(`http://127.0.0.1:${port}/`));
  assert.match(result.output, /: 302 Found Output: /);
  assert.equal(asked, 1);
});

test('of a large body only the first 4 KiB are read and kept', async (t) => {
  const port = await httpTarget(t, (_request, response) => {
    response.on('error', () => undefined).writeHead(200);
    const more = (): void =>
      void (response.destroyed || response.write('x'.repeat(65_536), () => setImmediate(more)));
    more();
  });
  const { status, output } = await probed(http(`http://127.0.0.1:${port}/`));
  assert.equal(status, 'passing');
  assert.equal(output.length - output.indexOf('Output: ') - 'Output: '.length, 4_096);
});

test('a connection that is refused is critical, in words that Consul uses', async () => {
  const port = await closedPort();
  const reason = `dial tcp 127.0.0.1:${port}: connect: connection refused`;
  assert.deepEqual(await probed(http(`http://127.0.0.1:${port}/a`)), {
    status: 'critical',
    output: `Get "http://127.0.0.1:${port}/a": ${reason}`,
  });
  assert.deepEqual(await probed({ type: 'tcp', address: `127.0.0.1:${port}`, tls: false }), {
    status: 'critical',
    output: reason,
  });
});

test('an answer that does not come is critical when time is up', async (t) => {
  const asked = Promise.withResolvers<void>();
  const port = await rawTarget(t, (socket) => socket.once('data', () => asked.resolve()));
  const result = await timedOut(http(`http://127.0.0.1:${port}/`), asked.promise);
  assert.equal(result.status, 'critical');
  assert.match(result.output, /context deadline exceeded/);
});

test('a head whose body never ends counts when time is up', async (t) => {
  const flushed = Promise.withResolvers<void>();
  const port = await httpTarget(t, (_request, response) => {
    response.writeHead(200, { 'Content-Length': 100 });
    response.write('half');
    // The probe must have read it: the kernel has, once it acknowledged; one more turn hands it on.
    setTimeout(flushed.resolve, 50);
  });
  const result = await timedOut(http(`http://127.0.0.1:${port}/`), flushed.promise);
  assert.equal(result.status, 'passing');
  assert.match(result.output, /Output: half$/);
});

for (const [name, wire] of [
  ['says nothing and closes', ''],
  ['speaks another protocol', 'SSH-2.0-OpenSSH_9.2\r\n'],
  ['ends within the head', 'HTTP/1.1 200 OK\r\nContent-'],
  ['sends a head without end', `HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(10_000)}`],
] as const) {
  test(`a target that ${name} is critical`, async (t) => {
    const port = await rawTarget(t, (socket) => socket.once('data', () => socket.end(wire)));
    const result = await probed(http(`http://127.0.0.1:${port}/`));
    assert.equal(result.status, 'critical', result.output);
  });
}

test('a target that resets the connection is critical', async (t) => {
  const port = await rawTarget(t, (socket) => socket.once('data', () => socket.resetAndDestroy()));
  const result = await probed(http(`http://127.0.0.1:${port}/`));
  assert.match(result.output, /connection reset by peer|EOF/);
});

test('an HTTPS check refuses a certificate that nobody trusts, unless told to skip that', async (t) => {
  const port = await listening(
    t,
    createHttpsServer(certificate, (_request, response) => response.end('secret')),
  );
  const url = `https://127.0.0.1:${port}/`;
  const refused = await probed(http(url));
  assert.equal(refused.status, 'critical');
  assert.match(refused.output, /tls: .*certificate/);
  assert.equal(
    (await probed(http(url, { tlsSkipVerify: true }))).output,
    `HTTP GET ${url}: 200 OK Output: secret`,
  );
});

test('an HTTPS check verifies the name it was told, against the authorities it was given', async (t) => {
  const port = await listening(
    t,
    createHttpsServer(certificate, (_request, response) => response.end()),
  );
  const trusting = dialer(undefined, { caPem: certificate.cert });
  const url = `https://127.0.0.1:${port}/`;
  assert.equal((await probed(http(url), trusting)).status, 'passing');
  assert.equal((await probed(http(url, { tlsServerName: 'checked.test' }), trusting)).status, 'passing');
  assert.equal((await probed(http(`https://checked.test:${port}/`), trusting)).status, 'passing');
  const wrong = await probed(http(url, { tlsServerName: 'other.test' }), trusting);
  assert.match(wrong.output, /tls: .*other\.test/);
});

test('a TCP check passes when the connection is there', async (t) => {
  const port = await rawTarget(t, () => undefined);
  assert.deepEqual(await probed({ type: 'tcp', address: `127.0.0.1:${port}`, tls: false }), {
    status: 'passing',
    output: `TCP connect 127.0.0.1:${port}: Success`,
  });
});

test('a TCP check over TLS passes with the handshake', async (t) => {
  const port = await listening(t, createHttpsServer(certificate));
  const probe = { type: 'tcp', address: `127.0.0.1:${port}`, tls: true } as const;
  assert.equal((await probed(probe, dialer(undefined, { caPem: certificate.cert }))).status, 'passing');
  assert.equal((await probed(probe)).status, 'critical');
});

test('a TCP check whose connection does not come about is critical when time is up', async () => {
  const never: Lookup = () => undefined;
  const result = await new Promise<ProbeResult>((resolve) => {
    const run = proberOf({ type: 'tcp', address: 'slow.test:80', tls: false }, dialer(never)).start(resolve);
    run.timeOut();
  });
  assert.deepEqual(result, { status: 'critical', output: 'dial tcp slow.test:80: i/o timeout' });
});

for (const [name, probe] of [
  ['no URL', http('nonsense')],
  ['a URL of another scheme', http('file:///etc/passwd')],
  ['a method with a space', http('http://127.0.0.1/', { method: 'GET / HTTP/1.1\r\nX:' })],
  ['a header with a line feed', http('http://127.0.0.1/', { headers: { 'X-A': ['b\r\nEvil: 1'] } })],
  ['a header name with a colon', http('http://127.0.0.1/', { headers: { 'X:': ['b'] } })],
  ['port 0', http('http://127.0.0.1:0/')],
  ['a TCP address without port', { type: 'tcp', address: '127.0.0.1', tls: false }],
  ['a TCP port out of range', { type: 'tcp', address: '127.0.0.1:70000', tls: false }],
  ['a TCP host with a slash', { type: 'tcp', address: 'a/b:80', tls: false }],
  ['a gRPC target without port', { type: 'grpc', target: 'localhost/x', tls: false, tlsSkipVerify: false }],
] as const) {
  test(`a check with ${name} is critical and says why`, async () => {
    const result = await probed(probe);
    assert.equal(result.status, 'critical');
    assert.notEqual(result.output, '');
  });
}

const metadata = '169.254.169.254';
for (const probe of [
  http(`http://${metadata}/latest/meta-data`),
  http('http://[::ffff:169.254.169.254]/'),
  http('http://[::ffff:a9fe:a9fe]/'),
  http('http://2852039166/'),
  http('http://0xa9fea9fe/'),
  http('http://0251.0376.0251.0376/'),
  http('http://169.16689662/'),
  http('https://[fd00:ec2::254]/'),
  http('http://0.0.0.0:8500/'),
  http('http://[::]:8500/'),
  { type: 'tcp', address: `${metadata}:80`, tls: false },
  { type: 'tcp', address: '[fe80::1]:80', tls: false },
  { type: 'grpc', target: `${metadata}:80/x`, tls: false, tlsSkipVerify: true },
] satisfies AskingProbe[]) {
  const shown = 'url' in probe ? probe.url : 'address' in probe ? probe.address : probe.target;
  test(`no check goes to ${shown}`, async () => {
    const result = await probed(probe);
    assert.equal(result.status, 'critical');
    assert.match(result.output, /health checks may not connect to/);
  });
}

test('no check goes to a name that resolves to a denied address', async () => {
  for (const address of [metadata, '::ffff:169.254.169.254', 'fe80::1%eth0', '0.0.0.0']) {
    const using = dialer(resolvesTo(address));
    for (const probe of [
      http('http://innocent.test/'),
      { type: 'tcp', address: '2852039166:80', tls: false },
    ] as const) {
      const { status, output } = await probed(probe, using);
      assert.equal(status, 'critical');
      assert.match(output, /health checks may not connect to .*: it resolves to/);
    }
  }
});

test('of a name with several addresses only the allowed ones are tried, one after the other', async (t) => {
  const port = await httpTarget(t, (_request, response) => response.end());
  const using = dialer(resolvesTo(metadata, '127.0.0.2', '127.0.0.1'));
  assert.equal((await probed(http(`http://many.test:${port}/`), using)).status, 'passing');
});

test('a name that does not exist is critical', async () => {
  const missing: Lookup = (_host, callback) =>
    setImmediate(callback, Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' }), []);
  const result = await probed(http('http://missing.test/'), dialer(missing));
  assert.equal(result.output, 'Get "http://missing.test/": dial tcp: lookup missing.test: no such host');
});

test('a cancelled probe says nothing and leaves no connection', async (t) => {
  const asked = Promise.withResolvers<Socket>();
  const port = await rawTarget(t, (socket) => socket.once('data', () => asked.resolve(socket)));
  const run = proberOf(http(`http://127.0.0.1:${port}/`), dialer()).start(() =>
    assert.fail('it was cancelled'),
  );
  const socket = await asked.promise;
  run.cancel();
  await once(socket, 'close');
  run.timeOut();
});

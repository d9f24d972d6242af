import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import { addressRules } from '@portolan/core/base/address-rules.ts';
import { systemClock } from '../engine/system-clock.ts';
import type { Dialer } from './dial.ts';
import type { ProbeResult } from './probe.ts';
import { grpcProber } from './probe-grpc.ts';
import { Resolver } from './resolve.ts';

const cert = readFileSync(new URL('./testdata/self-signed-cert.pem', import.meta.url));
const key = readFileSync(new URL('./testdata/self-signed-key.pem', import.meta.url));
const dialer: Dialer = { rules: addressRules(), resolver: new Resolver(systemClock) };

function probed(target: string, tls = false, using = dialer, tlsSkipVerify = false): Promise<ProbeResult> {
  const prober = grpcProber({ type: 'grpc', target, tls, tlsSkipVerify }, using);
  return new Promise((resolve) => void prober.start(resolve));
}

const same = (bytes: Buffer): Buffer => bytes;

/** A real gRPC server whose health service answers by the name in the request. */
async function grpcServer(
  t: TestContext,
  statuses: Readonly<Record<string, number>>,
  credentials: ServerCredentials = ServerCredentials.createInsecure(),
): Promise<number> {
  const server = new Server();
  const definition = {
    Check: {
      path: '/grpc.health.v1.Health/Check',
      requestStream: false,
      responseStream: false,
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    },
  };
  server.addService(definition, {
    Check: (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>): void => {
      const service = call.request.subarray(2).toString();
      const serving = statuses[service];
      if (serving === undefined) callback({ code: status.NOT_FOUND, details: 'unknown service' });
      else callback(null, Buffer.from([0x08, serving]));
    },
  });
  t.after(() => server.forceShutdown());
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
  });
}

test('a gRPC check passes where a real server serves', async (t) => {
  const port = await grpcServer(t, { '': 1, books: 1, broken: 2 });
  assert.deepEqual(await probed(`127.0.0.1:${port}`), {
    status: 'passing',
    output: `gRPC check 127.0.0.1:${port}: success`,
  });
  assert.equal((await probed(`127.0.0.1:${port}/books`)).status, 'passing');
});

test('a gRPC check is critical where the service does not serve, or is unknown', async (t) => {
  const port = await grpcServer(t, { broken: 2 });
  const broken = await probed(`127.0.0.1:${port}/broken`);
  assert.equal(broken.status, 'critical');
  assert.match(broken.output, /NOT_SERVING/);
  const unknown = await probed(`127.0.0.1:${port}/what`);
  assert.match(unknown.output, /code = NotFound desc = unknown service/);
});

test('a gRPC server without a health service is critical', async (t) => {
  const server = new Server();
  t.after(() => server.forceShutdown());
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  assert.match((await probed(`127.0.0.1:${port}`)).output, /code = Unimplemented/);
});

test('a gRPC check over TLS verifies the certificate unless told to skip that', async (t) => {
  const credentials = ServerCredentials.createSsl(null, [{ cert_chain: cert, private_key: key }]);
  const port = await grpcServer(t, { '': 1 }, credentials);
  const target = `127.0.0.1:${port}`;
  assert.equal((await probed(target, true)).status, 'critical');
  assert.equal((await probed(target, true, dialer, true)).status, 'passing');
  assert.equal((await probed(target, true, { ...dialer, caPem: cert.toString() })).status, 'passing');
});

test('a target that refuses, or speaks something else, is critical', async () => {
  const server = createServer((socket) =>
    socket
      .on('error', () => undefined)
      .resume()
      .end('HTTP/1.1 400 Bad Request\r\n\r\n'),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const foreign = await probed(`127.0.0.1:${port}`);
  assert.equal(foreign.status, 'critical', foreign.output);
  server.close();
  await once(server, 'close');
  assert.match((await probed(`127.0.0.1:${port}`)).output, /connection refused/);
});

for (const [name, answer] of [
  ['an HTTP error', (stream: ServerHttp2Stream) => stream.respond({ ':status': 503 }, { endStream: true })],
  ['no status', (stream: ServerHttp2Stream) => stream.respond({ ':status': 200 }, { endStream: true })],
  [
    'too long a message',
    (stream: ServerHttp2Stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
      stream.end(Buffer.alloc(100_000));
    },
  ],
  ['a reset', (stream: ServerHttp2Stream) => stream.close(2)],
  ['the end of the connection', (stream: ServerHttp2Stream) => stream.session?.destroy()],
] as const) {
  test(`a gRPC target that answers with ${name} is critical`, async (t) => {
    const server = createHttp2Server();
    const sessions = new Set<{ destroy(): void }>();
    server.on('session', (session) => sessions.add(session.on('error', () => undefined)));
    server.on('stream', (stream) => {
      stream.on('error', () => undefined);
      answer(stream);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => {
      for (const session of sessions) session.destroy();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const result = await probed(`127.0.0.1:${port}`);
    assert.equal(result.status, 'critical');
    assert.match(result.output, /rpc error: code = /);
  });
}

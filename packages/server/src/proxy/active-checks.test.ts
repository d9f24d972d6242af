import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttp2Server, createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { ActiveCheck, Cluster, Endpoint } from '@portolan/core/traffic/model.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import type { DataPlane } from './data-plane.ts';
import { cluster, endpoint, modelOf, startPlane, type TestScope } from './testdata/plane-rig.ts';
import { TestAuthority } from './testdata/test-certificates.ts';
import { askMany, shares, startUpstream } from './testdata/upstream-rig.ts';

const http: ActiveCheck = {
  probe: { type: 'http', path: '/health' },
  ...{ intervalMs: 20, timeoutMs: 2_000, healthyThreshold: 2, unhealthyThreshold: 2 },
};

function start(
  scope: TestScope,
  ports: readonly number[],
  activeCheck: ActiveCheck,
  overrides: Partial<Cluster> = {},
): { readonly plane: DataPlane; readonly port: number } {
  const list = ports.map((port): Endpoint => endpoint(port));
  return startPlane(
    scope,
    modelOf({ 'web.test': cluster('web', list, { activeCheck, panicPercent: 0, ...overrides }) }),
  );
}

function checkOf(plane: DataPlane, port: number): string {
  return plane.report().clusters[0]?.endpoints.find((one) => one.port === port)?.check ?? 'absent';
}

test('an endpoint whose check fails gets nothing until it passes again', async (scope) => {
  const [ill, well] = [
    await startUpstream(scope, 'ill', { health: 500 }),
    await startUpstream(scope, 'well'),
  ];
  const { plane, port } = start(scope, [ill.port, well.port], http);
  await askMany(port, 1);
  await waitUntil(() => checkOf(plane, ill.port) === 'failing' && checkOf(plane, well.port) === 'passing');
  assert.deepEqual(shares(await askMany(port, 10)), { well: 10 });
  ill.behave({});
  await waitUntil(() => checkOf(plane, ill.port) === 'passing');
  assert.deepEqual(Object.keys(shares(await askMany(port, 10))).sort(), ['ill', 'well']);
  assert.ok(ill.checks > 2);
});

test('a status may be expected that is no success', async (scope) => {
  const upstream = await startUpstream(scope, 'odd', { health: 418 });
  const probe = { type: 'http', path: '/health', expect: [[410, 420]] } as const;
  const { plane } = start(scope, [upstream.port], { ...http, probe });
  await waitUntil(() => checkOf(plane, upstream.port) === 'passing');
});

test('TCP checks see that nobody listens, and that somebody does again', async (scope) => {
  const upstream = await startUpstream(scope, 'only');
  const { plane, port } = start(scope, [upstream.port], { ...http, probe: { type: 'tcp' } });
  await askMany(port, 1);
  await waitUntil(() => checkOf(plane, upstream.port) === 'passing');
  await upstream.kill();
  await waitUntil(() => checkOf(plane, upstream.port) === 'failing');
  await upstream.revive();
  await waitUntil(() => checkOf(plane, upstream.port) === 'passing');
});

test('an endpoint that does not answer in time fails', async (scope) => {
  const upstream = await startUpstream(scope, 'mute', { silent: true });
  const probe = { type: 'http', path: '/', host: 'health.test' } as const;
  const { plane } = start(scope, [upstream.port], { ...http, probe, timeoutMs: 50 });
  await waitUntil(() => checkOf(plane, upstream.port) === 'failing');
});

test('gRPC checks ask grpc.health.v1', async (scope) => {
  let asked = '';
  let status = 2;
  const server = createHttp2Server();
  server.on('stream', (stream, headers) => {
    stream.on('data', (bytes: Buffer) => {
      asked = `${headers[':path']} ${bytes.subarray(7).toString()}`;
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(Buffer.from([0, 0, 0, 0, 2, 8, status]));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  scope.after(() => void server.close());
  const { port: upstream } = server.address() as AddressInfo;
  const { plane, port } = start(scope, [upstream], {
    ...http,
    probe: { type: 'grpc', service: 'shop.Cart' },
  });
  await askMany(port, 1);
  await waitUntil(() => checkOf(plane, upstream) === 'failing');
  assert.equal(asked, '/grpc.health.v1.Health/Check shop.Cart');
  status = 1;
  await waitUntil(() => checkOf(plane, upstream) === 'passing');
});

test('a cluster that nobody uses is checked once, not at the interval, until somebody does', async (scope) => {
  const [idle, used] = [await startUpstream(scope, 'idle'), await startUpstream(scope, 'used')];
  const settings = { activeCheck: http, panicPercent: 0 };
  const model = modelOf({
    'idle.test': cluster('idle', [endpoint(idle.port)], settings),
    'used.test': cluster('used', [endpoint(used.port)], settings),
  });
  const { port } = startPlane(scope, model);
  await waitUntil(async () => {
    await askMany(port, 1, { headers: { Host: 'used.test' } });
    return idle.checks > 0 && used.checks > 8;
  });
  assert.equal(idle.checks, 1);
  await askMany(port, 1, { headers: { Host: 'idle.test' } });
  await waitUntil(() => idle.checks > 3);
});

test('checks speak TLS where the cluster does, and verify as it does', async (scope) => {
  const authority = await TestAuthority.create();
  const { chain: cert, key } = await authority.issue(['web.internal']);
  const server = createSecureServer({ cert, key, allowHTTP1: true });
  server.on('request', (request, response) => {
    if (request.url === '/health') response.writeHead(204).end();
  });
  server.on('stream', (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
    stream.end(Buffer.from([0, 0, 0, 0, 2, 8, 1]));
  });
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  scope.after(() => void server.close());
  const { port: upstream } = server.address() as AddressInfo;
  const tls = { verify: true, ca: authority.chain, serverName: 'web.internal' };
  const checks: ActiveCheck[] = [
    http,
    { ...http, probe: { type: 'tcp' } },
    { ...http, probe: { type: 'grpc', service: '' } },
  ];
  for (const check of checks) {
    const trusting = start(scope, [upstream], check, { tls });
    await waitUntil(() => checkOf(trusting.plane, upstream) === 'passing');
    const strict = start(scope, [upstream], check, { tls: { ...tls, serverName: 'other.internal' } });
    await waitUntil(() => checkOf(strict.plane, upstream) === 'failing');
  }
});

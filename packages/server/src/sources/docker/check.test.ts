import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readCheck } from './check.ts';

const target = { address: '10.0.0.1', port: 8080 };
const read = (metadata: Readonly<Record<string, string>>, at = target) =>
  readCheck(new Map(Object.entries(metadata)), at);
const probeOf = (metadata: Readonly<Record<string, string>>, at = target) =>
  read(metadata, at).check?.definition.probe;

const http = { type: 'http', headers: {}, body: '', tlsServerName: '' };

test('no check is asked for, or one whose text is empty', () => {
  assert.deepEqual(read({}), { check: undefined, problems: [] });
  assert.deepEqual(read({ check_http: '', check_interval: '1s' }), { check: undefined, problems: [] });
});

test('HTTP, HTTPS, TCP, gRPC and TTL', () => {
  assert.deepEqual(probeOf({ check_http: '/health?deep=1', check_http_method: 'HEAD' }), {
    ...http,
    url: 'http://10.0.0.1:8080/health?deep=1',
    method: 'HEAD',
    tlsSkipVerify: false,
  });
  assert.deepEqual(probeOf({ check_https: 'health', check_tls_skip_verify: 'true' }), {
    ...http,
    url: 'https://10.0.0.1:8080/health',
    method: 'GET',
    tlsSkipVerify: true,
  });
  assert.deepEqual(probeOf({ check_tcp: 'true' }), { type: 'tcp', address: '10.0.0.1:8080', tls: false });
  assert.deepEqual(probeOf({ check_tcp: 'true' }, { address: 'fd00::1', port: 1 }), {
    type: 'tcp',
    address: '[fd00::1]:1',
    tls: false,
  });
  assert.deepEqual(probeOf({ check_grpc: 'true', check_grpc_use_tls: 'true', check_tls_skip_verify: '1' }), {
    type: 'grpc',
    target: '10.0.0.1:8080',
    tls: true,
    tlsSkipVerify: true,
  });
  const ttl = read({ check_ttl: '30s', check_interval: '1s' }).check?.definition;
  assert.deepEqual([ttl?.probe, ttl?.intervalMs, ttl?.timeoutMs], [{ type: 'ttl', ttlMs: 30_000 }, 0, 0]);
});

test('the first kind in Registrator’s order is the check', () => {
  assert.equal(probeOf({ check_tcp: 'true', check_http: '/' })?.type, 'http');
  assert.equal(probeOf({ check_grpc: 'true', check_tcp: 'true' })?.type, 'tcp');
  assert.equal(read({ check_cmd: 'true', check_tcp: 'true' }).check, undefined);
});

test('commands are refused with a reason, never run', () => {
  for (const kind of ['check_cmd', 'check_script']) {
    const { check, problems } = read({ [kind]: 'curl $SERVICE_IP' });
    assert.equal(check, undefined);
    assert.match(problems.join(), new RegExp(`^SERVICE_${kind.toUpperCase()} is refused: `));
  }
});

test('times: defaults, Consul’s floors, and a problem for what is none', () => {
  const plain = read({ check_tcp: '1' }).check;
  assert.deepEqual(
    [plain?.definition.intervalMs, plain?.definition.timeoutMs, plain?.definition.deregisterAfterMs],
    [10_000, 10_000, 0],
  );
  const short = read({ check_tcp: '1', check_interval: '1ms', check_deregister_after: '1s' }).check;
  assert.deepEqual([short?.definition.intervalMs, short?.definition.deregisterAfterMs], [1_000, 60_000]);
  const wrong = read({ check_tcp: '1', check_interval: 'often' });
  assert.equal(wrong.check?.definition.intervalMs, 10_000);
  assert.deepEqual(wrong.problems, [
    'SERVICE_CHECK_INTERVAL must be a duration such as 10s or 1m30s, not "often"',
  ]);
  assert.equal(read({ check_ttl: 'soon' }).check, undefined);
  assert.deepEqual(read({ check_ttl: '0' }).problems, ['SERVICE_CHECK_TTL "0" cannot be asked']);
});

test('the initial status is critical unless one of the three is said', () => {
  assert.equal(read({ check_tcp: '1' }).check?.status, 'critical');
  assert.equal(read({ check_tcp: '1', check_initial_status: 'passing' }).check?.status, 'passing');
  const odd = read({ check_tcp: '1', check_initial_status: 'fine' });
  assert.equal(odd.check?.status, 'critical');
  assert.equal(odd.problems.length, 1);
});

test('a path leads nowhere but to the container', () => {
  for (const path of [
    '@evil.example/',
    '//evil.example/',
    '\\\\evil.example',
    ':99/',
    '.evil.example',
    '?x',
    '#x',
  ]) {
    const probe = probeOf({ check_http: path });
    assert.equal(probe?.type === 'http' && new URL(probe.url).host, '10.0.0.1:8080', path);
  }
  assert.equal(read({ check_http: '/', check_http_method: 'GET /x HTTP/1.1\r\n' }).check, undefined);
});

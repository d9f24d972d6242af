import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { Fault } from '@portolan/core/base/fault.ts';
import type { CheckRecord } from '@portolan/core/catalog/records.ts';
import fc from 'fast-check';
import { packSnapshot, unpackSnapshot } from './snapshot-archive.ts';
import { readRecord } from './snapshot-records.ts';
import { startTestServer, type TestServer } from './test-server.fixture.ts';
import { readState } from './translate-snapshot.ts';

async function saved(server: TestServer): Promise<Buffer> {
  const response = await fetch(`${server.url}/v1/snapshot`);
  assert.equal(response.status, 200);
  return Buffer.from(await response.arrayBuffer());
}

async function restored(server: TestServer, body: Buffer): Promise<[number, string]> {
  const response = await fetch(`${server.url}/v1/snapshot`, { method: 'PUT', body: new Uint8Array(body) });
  return [response.status, await response.text()];
}

/** A list without what only tells when it was written. */
function timeless(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, item) => (key === 'CreateIndex' || key === 'ModifyIndex' ? 0 : item)),
  );
}

const lists = [
  '/v1/catalog/nodes',
  '/v1/health/service/web',
  '/v1/health/service/db',
  '/v1/agent/services',
  '/v1/agent/checks',
  '/v1/kv/?recurse',
  '/v1/session/list',
  '/v1/query',
];

test('what was saved is there again in an empty server, and what was there is gone', async () => {
  await using server = await startTestServer();
  await server.put('/v1/agent/service/register', {
    ...{ ID: 'w1', Name: 'web', Port: 80, Tags: ['a'], Meta: { __proto__x: 'y', constructor: 'z' } },
    TaggedAddresses: { wan: { Address: '1.2.3.4', Port: 1 } },
    Checks: [
      { HTTP: 'http://127.0.0.1:1/', Interval: '10s', Header: { 'X-A': ['b'] } },
      { TTL: '30s', Status: 'passing' },
    ],
  });
  await server.put('/v1/catalog/register', {
    ...{ Node: 'n2', Address: '10.0.0.2', NodeMeta: { rack: '1' } },
    Service: { Service: 'db', Port: 5432 },
    Check: { CheckID: 'up', Name: 'up', Status: 'passing', ServiceID: 'db' },
  });
  const { ID } = (await server.put('/v1/session/create', { TTL: '60s' })).json as { ID: string };
  await server.put(`/v1/kv/leader?acquire=${ID}`, 'me');
  await server.put('/v1/kv/bin?flags=18446744073709551615', Buffer.from([0, 255, 10]).toString('latin1'));
  await server.request('POST', '/v1/query', {
    Name: 'find',
    Service: { Service: 'web', Tags: ['a'], NodeMeta: {} },
    DNS: { TTL: '5s' },
  });
  const archive = await saved(server);
  await using other = await startTestServer();
  await other.put('/v1/kv/stale', 'x');
  await other.put('/v1/agent/service/register', { Name: 'stale' });
  assert.deepEqual(await restored(other, archive), [200, '']);
  for (const list of lists) {
    assert.deepEqual(timeless((await other.get(list)).json), timeless((await server.get(list)).json), list);
  }
  assert.equal((await other.get('/v1/catalog/service/consul')).text.includes('node-1'), true);
  assert.equal(((await other.put(`/v1/session/renew/${ID}`)).json as unknown[]).length, 1);
});

test('a snapshot is a tar that tar can read, with sums that hold', async () => {
  await using server = await startTestServer();
  const archive = await saved(server);
  const list = execFileSync('tar', ['-tz'], { input: archive, encoding: 'utf8' });
  assert.deepEqual(list.trim().split('\n'), ['meta.json', 'state.bin', 'SHA256SUMS']);
});

test('what is damaged, foreign or too large is refused, and nothing is lost', async () => {
  await using server = await startTestServer({ config: { maxSnapshotBytes: 100_000 } });
  await server.put('/v1/kv/a', 'x');
  const archive = await saved(server);
  const tar = gunzipSync(archive);
  const changed = Buffer.from(tar);
  changed.write('eQ==', tar.indexOf('eA=='), 'latin1');
  const foreign = await packSnapshot({ meta: '{}', state: Buffer.from('raft\n') }, 0);
  const wrongRecord = await packSnapshot(
    {
      meta: '{}',
      state: Buffer.from('{"format":"portolan-catalog","version":1,"records":1}\n{"kind":"node","name":5}\n'),
    },
    0,
  );
  const wrongNode = await packSnapshot(
    {
      meta: '{}',
      state: Buffer.from(
        '{"format":"portolan-catalog","version":1,"records":1}\n{"kind":"node","name":"","origin":{}}\n',
      ),
    },
    0,
  );
  const refusals: (readonly [Buffer, number])[] = [
    [Buffer.alloc(0), 400],
    [Buffer.from('hello'), 400],
    [archive.subarray(0, 100), 400],
    [gzipSync(changed), 400],
    [gzipSync(tar.subarray(0, 600)), 400],
    [foreign, 400],
    [wrongRecord, 400],
    [wrongNode, 400],
    [gzipSync(Buffer.alloc(1_000_000)), 413],
    [Buffer.alloc(200_000), 413],
  ];
  for (const [at, [body, status]] of refusals.entries()) {
    const [actual, words] = await restored(server, body);
    assert.equal(actual, status, `${at}: ${words}`);
  }
  assert.equal((await server.get('/v1/kv/a?raw')).text, 'x');
});

test('a record of a snapshot is judged as a registration is', () => {
  const origin = { dialect: 'consul', source: 'agent', node: 'n' };
  const check = (probe: object) => ({
    ...{ kind: 'check', node: 'n', id: 'c', name: 'c', status: 'passing', output: '', notes: '', origin },
    definition: { probe, intervalMs: 1000, timeoutMs: 1000, deregisterAfterMs: 0 },
  });
  const node = (address: unknown) => ({ kind: 'node', name: 'n', address, adminState: 'in-service', origin });
  const wrong = [
    check({ type: 'script', command: 'rm' }),
    check({ type: 'http', url: 'file:///etc/passwd' }),
    check({ type: 'http', url: 'http://a/', headers: { 'A\r\nB': ['x'] } }),
    check({ type: 'tcp', address: 'a b:1' }),
    check({ type: 'ttl', ttlMs: -1 }),
    node('a b'),
    node(7),
    { kind: 'node', name: 'n' },
    { kind: 'tree' },
    { kind: 'lease', id: 'l', origin, extra: { 'consul.session': { behavior: 'explode' } } },
    { kind: 'rule', apiVersion: 'consul.portolan/v1', ruleKind: 'PreparedQuery', name: 'q', origin },
  ];
  for (const record of wrong) assert.throws(() => readRecord(record), Fault, JSON.stringify(record));
  const good = check({ type: 'http', url: 'http://a/', headers: { 'X-A': ['b'] } });
  assert.deepEqual((readRecord(good) as CheckRecord).definition?.probe.type, 'http');
});

test('any bytes are a state or a fault', () => {
  fc.assert(
    fc.property(fc.oneof(fc.json().map(Buffer.from), fc.uint8Array().map(Buffer.from)), (noise) => {
      const header = Buffer.from('{"format":"portolan-catalog","version":1,"records":1}\n');
      for (const state of [noise, Buffer.concat([header, noise])]) {
        try {
          for (const record of readState(state)) assert.equal(typeof record.kind, 'string');
        } catch (thrown) {
          assert.ok(thrown instanceof Fault, String(thrown));
        }
      }
    }),
  );
});

test('an archive comes out as it went in', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: 'binary' }),
      fc.uint8Array({ maxLength: 2_000 }),
      async (text, bytes) => {
        const meta = text.toWellFormed();
        const packed = await packSnapshot({ meta, state: Buffer.from(bytes) }, 1_700_000_000_000);
        const out = await unpackSnapshot(packed, 100_000);
        assert.deepEqual([out.meta, [...out.state]], [meta, [...bytes]]);
      },
    ),
    { numRuns: 50 },
  );
});

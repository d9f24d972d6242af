import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '@portolan/core/base/fault.ts';
import type { View } from '../../contract.ts';
import { startTestServer } from './test-server.fixture.ts';

const register = '/v1/agent/service/register';

test('a body at the limit is taken, one past it is refused with 413', async () => {
  await using server = await startTestServer();
  const half = 512 * 1024;
  assert.equal((await server.put('/v1/kv/big', 'x'.repeat(half))).text, 'true');
  assert.equal((await server.get('/v1/kv/big?raw')).text.length, half);
  const over = await server.put('/v1/kv/big', 'x'.repeat(half + 1));
  assert.equal(over.status, 413);
  assert.match(over.text, /^Request body\(524289 bytes\) too large, max size: 524288 bytes\. See /);
  const meta = await server.put(register, { Name: 'x', Tags: ['y'.repeat(1024 * 1024)] });
  assert.equal(meta.status, 413);
});

test('a body that is not UTF-8 is refused where it is JSON, and kept where it is a value', async () => {
  await using server = await startTestServer();
  const bytes = new Uint8Array([0x22, 0xff, 0xfe, 0x22]);
  const refused = await fetch(server.url + register, { method: 'PUT', body: bytes });
  assert.equal(refused.status, 400);
  assert.equal(await refused.text(), 'The request body is not UTF-8.');
  await fetch(`${server.url}/v1/kv/bytes`, { method: 'PUT', body: bytes });
  const raw = await fetch(`${server.url}/v1/kv/bytes?raw`);
  assert.deepEqual(new Uint8Array(await raw.arrayBuffer()), bytes);
});

test('a key longer than the limit is refused', async () => {
  await using server = await startTestServer();
  assert.equal((await server.put(`/v1/kv/${'k'.repeat(1024)}`, 'x')).status, 200);
  assert.equal((await server.put(`/v1/kv/${'k'.repeat(1025)}`, 'x')).status, 413);
});

test('concurrent compare-and-set lets exactly one through', async () => {
  await using server = await startTestServer();
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) => server.put('/v1/kv/lock?cas=0', String(index))),
  );
  assert.equal(answers.filter((answer) => answer.text === 'true').length, 1);
});

test('a registration with a bad check registers nothing', async () => {
  await using server = await startTestServer();
  const checks = [{ TTL: '10s' }, { TTL: 'soon' }];
  assert.equal((await server.put(register, { Name: 'web', Checks: checks })).status, 400);
  assert.equal((await server.get('/v1/agent/services')).text, '{}');
  assert.equal((await server.get('/v1/agent/checks')).text, '{}');
});

test('every write is one revision', async () => {
  await using server = await startTestServer();
  const before = server.engine.view.revision;
  await server.put(register, { Name: 'web', Checks: [{ TTL: '10s' }, { TTL: '20s' }] });
  assert.equal(server.engine.view.revision, before + 1);
  await server.put(register, { Name: 'web', Checks: [{ TTL: '10s' }, { TTL: '20s' }] });
  assert.equal(server.engine.view.revision, before + 1);
});

test('maintenance survives a re-registration, and ends with its check', async () => {
  await using server = await startTestServer();
  await server.put(register, { Name: 'web' });
  await server.put('/v1/agent/service/maintenance/web?enable=true');
  await server.put(register, { Name: 'web', Port: 81 });
  assert.equal((await server.get('/v1/health/service/web?passing')).text, '[]');
  await server.put('/v1/agent/check/deregister/_service_maintenance:web');
  assert.match((await server.get('/v1/health/service/web?passing')).text, /"Port":81/);
});

test("another dialect's instance is shown, and not changed from here", async () => {
  await using server = await startTestServer();
  await server.put(register, { Name: 'mine' });
  await server.engine.submit((draft) => {
    const mine = draft.instanceOnNode('node-1', 'mine')?.record ?? assert.fail();
    const origin = { dialect: 'docker', source: 'unix:///var/run/docker.sock', node: 'node-1' };
    draft.put({ ...mine, service: 'box', id: 'box', origin });
  });
  assert.match((await server.get('/v1/agent/services')).text, /"box"/);
  for (const path of ['/v1/agent/service/deregister/box', '/v1/agent/service/maintenance/box?enable=true']) {
    const answer = await server.put(path);
    assert.equal(answer.status, 403, path);
    assert.match(answer.text, /^Permission denied: service ID "box" is kept by docker/);
  }
  assert.equal((await server.put(register, { Name: 'box' })).status, 403);
  assert.equal(
    (await server.put('/v1/catalog/deregister', { Node: 'node-1', ServiceID: 'box' })).status,
    403,
  );
});

test('while the store is away reads go on and say so, writes fail', async () => {
  await using server = await startTestServer();
  const { engine } = server;
  const view: View = {
    ...engine.view,
    catalog: engine.view.catalog,
    stale: { sinceMonotonicMs: 0, reason: 'gone' },
  };
  Object.defineProperty(engine, 'view', { get: () => view });
  engine.submit = () => Promise.reject(new Fault('unavailable', 'the store cannot be reached: gone'));
  const read = await server.get('/v1/catalog/services');
  assert.equal(read.status, 200);
  assert.equal(read.headers.get('x-consul-knownleader'), 'false');
  assert.ok(Number(read.headers.get('x-consul-lastcontact')) > 0);
  const consistent = await server.get('/v1/catalog/services?consistent');
  assert.equal(consistent.status, 500);
  assert.equal(consistent.text, 'No cluster leader');
  assert.equal((await server.get('/v1/status/leader')).text, '""');
  const write = await server.put(register, { Name: 'x' });
  assert.equal(write.status, 503);
  assert.match(write.text, /store cannot be reached/);
});

test('a full disk is 507', async () => {
  await using server = await startTestServer();
  server.engine.submit = () => Promise.reject(new Fault('full', 'the disk is full'));
  assert.equal((await server.put('/v1/kv/x', 'y')).status, 507);
});

test('the server registers itself once: a restart on the same store writes nothing', async () => {
  await using server = await startTestServer();
  assert.equal(server.engine.view.revision, 1);
  const { registerSelf } = await import('./self.ts');
  await server.engine.submit((draft) => registerSelf(draft, server.context.identity, 8500));
  assert.equal(server.engine.view.revision, 1);
});

test('a path with unprintable characters is refused, and so is a key with NUL that a body names', async () => {
  await using server = await startTestServer();
  for (const path of ['/v1/kv/a%00b', '/v1/kv/a%0ab', '/v1/kv/%E2%80%8B', '/v1/catalog/service/a%7f']) {
    assert.equal((await server.put(path, 'x')).status, 400, path);
  }
  const verb = { KV: { Verb: 'set', Key: 'a\0b', Value: '' } };
  assert.notEqual((await server.put('/v1/txn', [verb])).status, 200);
  assert.equal((await server.get('/v1/kv/?keys')).text, '[]');
  assert.equal((await server.put('/v1/kv/%C3%BC%20%E2%82%AC', 'x')).status, 200);
});

test('an instance has no more than 64 checks, however they come', async () => {
  await using server = await startTestServer();
  const checks = Array.from({ length: 64 }, (_, index) => ({ CheckID: `c${index}`, TTL: '10s' }));
  assert.equal((await server.put(register, { Name: 'web', Checks: checks })).status, 200);
  const more = await server.put('/v1/agent/check/register', { Name: 'more', TTL: '10s', ServiceID: 'web' });
  assert.equal(more.status, 400);
  assert.match(more.text, /service ID "web" would have more than 64 checks/);
  const other = await server.put(register, { Name: 'web', Check: { CheckID: 'other', TTL: '10s' } });
  assert.equal(other.status, 400);
  assert.equal((await server.put(register, { Name: 'web', Checks: checks })).status, 200);
  const replaced = { Name: 'web', Check: { CheckID: 'other', TTL: '10s' } };
  assert.equal((await server.put(`${register}?replace-existing-checks=true`, replaced)).status, 200);
  const found = Object.keys(JSON.parse((await server.get('/v1/agent/checks')).text));
  assert.deepEqual(found, ['other']);
});

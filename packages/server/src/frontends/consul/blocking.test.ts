import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { startTestServer, type TestServer } from './test-server.fixture.ts';

const register = '/v1/agent/service/register';

/** How many requests the server holds open for `topic`, seen by the engine's own count of waits. */
function blockedOn(server: TestServer) {
  let waits = 0;
  const { engine } = server;
  const watch = engine.watch.bind(engine);
  engine.watch = (...args) => {
    waits += 1;
    return watch(...args);
  };
  return { until: (count: number) => waitUntil(() => waits >= count, { what: `${count} blocked requests` }) };
}

test('a watcher of a service is answered when it changes, with the new index', async () => {
  await using server = await startTestServer();
  await server.put(register, { Name: 'web', Port: 80 });
  const before = await server.get('/v1/health/service/web');
  const blocked = blockedOn(server);
  const waiting = server.get(`/v1/health/service/web?index=${before.index}&wait=60s`);
  await blocked.until(1);
  await server.put(register, { Name: 'web', Port: 81 });
  const after = await waiting;
  assert.ok(after.index > before.index);
  assert.match(after.text, /"Port":81/);
});

test('an unrelated write wakes nobody and moves no index', async () => {
  await using server = await startTestServer();
  await server.put(register, { Name: 'web', Port: 80 });
  const { index } = await server.get('/v1/health/service/web');
  const blocked = blockedOn(server);
  let answered = false;
  const waiting = server.get(`/v1/health/service/web?index=${index}&wait=60s`).then((answer) => {
    answered = true;
    return answer;
  });
  await blocked.until(1);
  await server.put(register, { Name: 'other', Port: 80 });
  await server.put('/v1/kv/a', 'x');
  assert.equal((await server.get('/v1/health/service/web')).index, index);
  assert.equal(answered, false);
  await server.put('/v1/agent/service/deregister/web');
  assert.equal((await waiting).text, '[]');
});

test('when the time is over the same index comes back', async () => {
  await using server = await startTestServer();
  const { index, text } = await server.get('/v1/catalog/nodes');
  const again = await server.get(`/v1/catalog/nodes?index=${index}&wait=10ms`);
  assert.equal(again.index, index);
  assert.equal(again.text, text);
});

test('a missing key can be waited for', async () => {
  await using server = await startTestServer();
  const { index, status } = await server.get('/v1/kv/a/b');
  assert.equal(status, 404);
  const blocked = blockedOn(server);
  const one = server.get(`/v1/kv/a/b?index=${index}&wait=60s`);
  const prefix = server.get(`/v1/kv/a/?recurse&index=${index}&wait=60s`);
  await blocked.until(2);
  await server.put('/v1/kv/a/b', 'now');
  assert.match((await one).text, /"Value":"bm93"/);
  assert.match((await prefix).text, /"Key":"a\/b"/);
});

test('an index from the future is answered at once: the client starts over', async () => {
  await using server = await startTestServer();
  const { index, status } = await server.get('/v1/catalog/services?index=1000000&wait=60s');
  assert.equal(status, 200);
  assert.ok(index < 1_000_000);
});

test('a service that was not there yet can be waited for', async () => {
  await using server = await startTestServer();
  const { index } = await server.get('/v1/health/service/new');
  const blocked = blockedOn(server);
  const waiting = server.get(`/v1/health/service/new?index=${index}&wait=60s`);
  await blocked.until(1);
  await server.put(register, { Name: 'new' });
  assert.match((await waiting).text, /"Service":"new"/);
});

test('watchers of one service get one and the same encoded answer', async () => {
  await using server = await startTestServer();
  await server.put(register, { Name: 'web', Port: 80 });
  const { index } = await server.get('/v1/health/service/web');
  const blocked = blockedOn(server);
  const waiting = Array.from({ length: 50 }, () =>
    server.get(`/v1/health/service/web?index=${index}&wait=60s`),
  );
  await blocked.until(50);
  await server.put(register, { Name: 'web', Port: 81 });
  const answers = await Promise.all(waiting);
  assert.equal(new Set(answers.map((answer) => answer.text)).size, 1);
  assert.match(answers[0]?.text ?? '', /"Port":81/);
});

test('pretty, stale and tag are told apart though the answers are kept', async () => {
  await using server = await startTestServer();
  await server.put(register, { Name: 'web', Tags: ['a'] });
  for (let round = 0; round < 2; round += 1) {
    assert.doesNotMatch((await server.get('/v1/health/service/web')).text, /\n/);
    assert.match((await server.get('/v1/health/service/web?pretty')).text, /\n {4}\{/);
    assert.equal((await server.get('/v1/health/service/web?tag=b')).text, '[]');
    const stale = await server.get('/v1/health/service/web?stale');
    assert.equal(stale.headers.get('x-consul-effective-consistency'), 'stale');
  }
});

test('stopping answers every watcher with what is true now', async () => {
  const server = await startTestServer();
  const { index, text } = await server.get('/v1/catalog/services');
  const blocked = blockedOn(server);
  const waiting = server.get(`/v1/catalog/services?index=${index}&wait=60s`);
  await blocked.until(1);
  await server.stop();
  const answer = await waiting;
  assert.equal(answer.status, 200);
  assert.equal(answer.text, text);
  assert.equal(answer.index, index);
});

test('a watcher that goes away leaves nothing behind', async () => {
  await using server = await startTestServer();
  const { index } = await server.get('/v1/catalog/services');
  const signals: AbortSignal[] = [];
  const watch = server.engine.watch.bind(server.engine);
  server.engine.watch = (topic, after, options) => {
    if (options.signal !== undefined) signals.push(options.signal);
    return watch(topic, after, options);
  };
  const leaving = new AbortController();
  const waiting = fetch(`${server.url}/v1/catalog/services?index=${index}&wait=60s`, {
    signal: leaving.signal,
  });
  await waitUntil(() => signals.length === 1);
  leaving.abort();
  await assert.rejects(waiting);
  await waitUntil(() => signals[0]?.aborted);
});

test('an agent service is waited for by its hash', async () => {
  await using server = await startTestServer();
  await server.put(register, { Name: 'web', Port: 80 });
  const first = await server.get('/v1/agent/service/web');
  const hash = first.headers.get('x-consul-contenthash') ?? assert.fail();
  const blocked = blockedOn(server);
  const waiting = server.get(`/v1/agent/service/web?hash=${hash}&wait=60s`);
  await blocked.until(1);
  await server.put(register, { Name: 'other' });
  await blocked.until(2);
  await server.put(register, { Name: 'web', Port: 81 });
  const second = await waiting;
  assert.match(second.text, /"Port":81/);
  assert.notEqual(second.headers.get('x-consul-contenthash'), hash);
});

const onNode = (node: string, service: string, metadata: object, tags: readonly string[] = []) => ({
  Node: node,
  Address: '10.0.0.1',
  NodeMeta: metadata,
  Service: { Service: service, ID: `${service}-${node}`, Port: 80, Tags: tags },
});

test('services by node-meta: only what changes the answer wakes its watcher', async () => {
  await using server = await startTestServer();
  const put = (body: object) => server.put('/v1/catalog/register', body);
  await put(onNode('n1', 'web', { zone: 'a' }));
  await put(onNode('n2', 'web', { zone: 'b' }));
  const { index, json } = await server.get('/v1/catalog/services?node-meta=zone:a');
  assert.deepEqual(json, { web: [] });
  const blocked = blockedOn(server);
  let answered = false;
  const waiting = server.get(`/v1/catalog/services?node-meta=zone:a&index=${index}&wait=60s`).finally(() => {
    answered = true;
  });
  await blocked.until(1);
  await server.put('/v1/kv/a', 'x');
  await put(onNode('n2', 'other', { zone: 'b' }));
  await put({
    ...{ Node: 'n1', Address: '10.0.0.1', NodeMeta: { zone: 'a' } },
    Check: { Name: 'disk', Status: 'critical' },
  });
  // It looked, and went back to sleep.
  await blocked.until(3);
  assert.equal((await server.get('/v1/catalog/services?node-meta=zone:a')).index, index);
  assert.equal(answered, false);
  await put(onNode('n1', 'shop', { zone: 'a' }, ['v1']));
  const after = await waiting;
  assert.deepEqual(after.json, { web: [], shop: ['v1'] });
  assert.ok(after.index > index);
});

test('services by node-meta: a node that loses the metadata, or goes, wakes', async () => {
  await using server = await startTestServer();
  const put = (path: string, body: object) => server.put(`/v1/catalog/${path}`, body);
  await put('register', onNode('n1', 'web', { zone: 'a' }));
  await put('register', onNode('n2', 'api', { zone: 'a' }));
  const services = '/v1/catalog/services?node-meta=zone:a';
  const first = await server.get(services);
  const losing = server.get(`${services}&index=${first.index}&wait=60s`);
  await put('register', onNode('n1', 'web', { zone: 'b' }));
  const second = await losing;
  assert.deepEqual(second.json, { api: [] });
  const going = server.get(`${services}&index=${second.index}&wait=60s`);
  await put('deregister', { Node: 'n2' });
  assert.deepEqual((await going).json, {});
});

test("sessions of a node: another node's sessions wake nobody", async () => {
  await using server = await startTestServer();
  const put = (path: string, body?: object) => server.put(path, body);
  for (const node of ['n1', 'n2']) await put('/v1/catalog/register', onNode(node, 'web', {}));
  const session = (node: string) => put('/v1/session/create', { Node: node, NodeChecks: [], Checks: [] });
  await session('n1');
  const { index } = await server.get('/v1/session/node/n1');
  const blocked = blockedOn(server);
  let answered = false;
  const waiting = server.get(`/v1/session/node/n1?index=${index}&wait=60s`).finally(() => {
    answered = true;
  });
  await blocked.until(1);
  await session('n2');
  await server.put('/v1/kv/a', 'x');
  await blocked.until(3);
  assert.equal((await server.get('/v1/session/node/n1')).index, index);
  assert.equal(answered, false);
  await session('n1');
  assert.equal(JSON.parse((await waiting).text).length, 2);
});

test('sessions: a lease of another dialect wakes nobody', async () => {
  await using server = await startTestServer();
  const { index } = await server.get('/v1/session/list');
  const blocked = blockedOn(server);
  let answered = false;
  const waiting = server.get(`/v1/session/list?index=${index}&wait=60s`).finally(() => {
    answered = true;
  });
  await blocked.until(1);
  const origin = { dialect: 'eureka', source: 'x', node: 'n1' };
  await server.engine.submit((draft) =>
    draft.put({ kind: 'lease', id: 'l1', ttlMs: 1000, owner: 'n1', origin }),
  );
  await blocked.until(3);
  assert.equal(answered, false);
  await server.put('/v1/session/create', { NodeChecks: [], Checks: [] });
  assert.equal(JSON.parse((await waiting).text).length, 1);
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import type { BalancePolicy, Endpoint } from '@portolan/core/traffic/model.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { cluster, endpoint, modelOf, startPlane, startServer, type TestScope } from './testdata/plane-rig.ts';
import { type Answer, ask, askMany, shares, startUpstream, type Upstream } from './testdata/upstream-rig.ts';

async function startMany(scope: TestScope, names: readonly string[]): Promise<Upstream[]> {
  return Promise.all(names.map((name) => startUpstream(scope, name)));
}

function endpoints(upstreams: readonly Upstream[], overrides: readonly Partial<Endpoint>[] = []): Endpoint[] {
  return upstreams.map(({ port, name }, index) =>
    endpoint(port, { id: `node/${name}`, ...overrides[index] }),
  );
}

function cookiesOf({ headers }: Answer): string[] {
  return headers['set-cookie'] ?? [];
}

test('round robin gives each its turn by weight; weight 0 gets nothing', async (scope) => {
  const upstreams = await startMany(scope, ['a', 'b', 'c']);
  const list = endpoints(upstreams, [{ weight: 2 }, { weight: 1 }, { weight: 0 }]);
  const { port } = startPlane(scope, modelOf({ 'web.test': cluster('web', list) }));
  assert.deepEqual(shares(await askMany(port, 30)), { a: 20, b: 10 });
});

test('random sends to each by its weight', async (scope) => {
  const upstreams = await startMany(scope, ['a', 'b']);
  const list = endpoints(upstreams, [{ weight: 3 }, { weight: 1 }]);
  const balance: BalancePolicy = { policy: 'random' };
  const { port } = startPlane(scope, modelOf({ 'web.test': cluster('web', list, { balance }) }));
  const { a = 0 } = shares(await askMany(port, 300, { atOnce: 4 }));
  assert.ok(Math.abs(a - 225) <= 5 * Math.sqrt(300 * 0.75 * 0.25), `${a} of 300 at a, 5 σ are 38`);
});

for (const policy of ['least-request', 'dubbo-least-active'] as const) {
  test(`${policy} sends little to who has much to do`, async (scope) => {
    const upstreams = await startMany(scope, ['slow', 'fast']);
    upstreams[0]?.behave({ delayMs: 200 });
    const list = endpoints(upstreams);
    const { port } = startPlane(
      scope,
      modelOf({ 'web.test': cluster('web', list, { balance: { policy } }) }),
    );
    const { slow = 0, fast = 0 } = shares(await askMany(port, 200, { atOnce: 4 }));
    assert.ok(slow * 5 < fast, `${slow} at the slow one, ${fast} at the fast one`);
  });
}

for (const policy of ['peak-ewma', 'dubbo-shortest-response'] as const) {
  test(`${policy} prefers who answers sooner, one request at a time`, async (scope) => {
    const upstreams = await startMany(scope, ['slow', 'fast']);
    upstreams[0]?.behave({ delayMs: 200 });
    upstreams[1]?.behave({ delayMs: 2 });
    const list = endpoints(upstreams);
    const { port } = startPlane(
      scope,
      modelOf({ 'web.test': cluster('web', list, { balance: { policy } }) }),
    );
    await askMany(port, 6);
    const { slow = 0, fast = 0 } = shares(await askMany(port, 40));
    assert.ok(slow * 3 < fast, `${slow} at the slow one, ${fast} at the fast one`);
  });
}

for (const policy of ['ring-hash', 'maglev'] as const) {
  test(`${policy} keeps a key at its endpoint, and moves only the keys of one that leaves`, async (scope) => {
    const upstreams = await startMany(scope, ['a', 'b', 'c']);
    const balance: BalancePolicy = { policy, key: { type: 'header', name: 'x-user' } };
    const model = (list: Endpoint[]) => modelOf({ 'web.test': cluster('web', list, { balance }) });
    const { plane, port } = startPlane(scope, model(endpoints(upstreams)));
    const headersOf = (index: number) => ({ 'X-User': `user-${index}` });
    const first = await askMany(port, 60, { headersOf });
    const again = await askMany(port, 60, { headersOf });
    const owners = (answers: readonly Answer[]) => answers.map(({ upstream }) => upstream);
    assert.deepEqual(owners(again), owners(first));
    assert.deepEqual(Object.keys(shares(first)).sort(), ['a', 'b', 'c']);
    plane.apply(model(endpoints(upstreams.slice(1))));
    const moved = owners(await askMany(port, 60, { headersOf }));
    const lost = owners(first).filter((owner, key) => owner !== 'a' && owner !== moved[key]);
    assert.ok(lost.length <= (policy === 'ring-hash' ? 0 : 6), `${lost.length} keys moved without need`);
    assert.ok(!moved.includes('a'));
  });
}

test('a key may be a query parameter or the client’s address', async (scope) => {
  const upstreams = await startMany(scope, ['a', 'b', 'c']);
  const model = modelOf({
    'query.test': cluster('query', endpoints(upstreams), {
      balance: { policy: 'maglev', key: { type: 'query', name: 'user' } },
    }),
    'source.test': cluster('source', endpoints(upstreams), {
      balance: { policy: 'ring-hash', key: { type: 'source-address' } },
    }),
  });
  const { port } = startPlane(scope, model);
  for (const user of ['x', 'y', 'z']) {
    const answers = await askMany(port, 5, { path: `/?user=${user}`, headers: { Host: 'query.test' } });
    assert.equal(Object.keys(shares(answers)).length, 1);
  }
  const answers = await askMany(port, 10, { headers: { Host: 'source.test' } });
  assert.equal(Object.keys(shares(answers)).length, 1);
});

test('a cookie that is the key is made for who has none, and leads back', async (scope) => {
  const upstreams = await startMany(scope, ['a', 'b', 'c', 'd']);
  const balance: BalancePolicy = { policy: 'ring-hash', key: { type: 'cookie', name: 'who', ttlS: 60 } };
  const { port } = startPlane(
    scope,
    modelOf({ 'web.test': cluster('web', endpoints(upstreams), { balance }) }),
  );
  const first = await ask(port);
  const [cookie = ''] = cookiesOf(first);
  assert.match(cookie, /^who=[0-9a-f]{32}; Path=\/; Max-Age=60; HttpOnly$/);
  const Cookie = cookie.slice(0, cookie.indexOf(';'));
  const later = await askMany(port, 10, { headers: { Cookie } });
  assert.deepEqual(shares(later), { [first.upstream]: 10 });
  assert.ok(later.every((answer) => cookiesOf(answer).length === 0));
});

test('a load bound sends what is too much for one endpoint to the next', async (scope) => {
  const upstreams = await startMany(scope, ['a', 'b']);
  for (const upstream of upstreams) upstream.behave({ delayMs: 30 });
  const key = { type: 'header', name: 'x-user' } as const;
  const balance: BalancePolicy = { policy: 'ring-hash', key, boundPercent: 100 };
  const { port } = startPlane(
    scope,
    modelOf({ 'web.test': cluster('web', endpoints(upstreams), { balance }) }),
  );
  const headers = { 'X-User': 'the same' };
  assert.equal(Object.keys(shares(await askMany(port, 5, { headers }))).length, 1);
  assert.equal(Object.keys(shares(await askMany(port, 20, { headers, atOnce: 6 }))).length, 2);
});

test('a sticky cookie keeps a client at its endpoint, until that is gone', async (scope) => {
  const upstreams = await startMany(scope, ['a', 'b', 'c']);
  const sticky = { name: 'sid', httpOnly: true, sameSite: 'Lax' } as const;
  const model = (list: Endpoint[]) => modelOf({ 'web.test': cluster('web', list) }, { sticky });
  const { plane, port } = startPlane(scope, model(endpoints(upstreams)));
  const first = await ask(port);
  const [cookie = ''] = cookiesOf(first);
  assert.match(cookie, /^sid=[0-9a-f]{16}; Path=\/; HttpOnly; SameSite=Lax$/);
  const headers = { Cookie: cookie.slice(0, cookie.indexOf(';')) };
  const kept = await askMany(port, 6, { headers });
  assert.deepEqual(shares(kept), { [first.upstream]: 6 });
  assert.ok(kept.every((answer) => cookiesOf(answer).length === 0));
  plane.apply(model(endpoints(upstreams.filter(({ name }) => name !== first.upstream))));
  const moved = await ask(port, { headers });
  assert.notEqual(moved.upstream, first.upstream);
  assert.equal(cookiesOf(moved).length, 1);
});

test('a gateway keeps to its own zone while that is healthy', async (scope) => {
  const upstreams = await startMany(scope, ['near', 'far']);
  const list = endpoints(upstreams, [{ labels: { zone: 'here' } }, { labels: { zone: 'there' } }]);
  const model = modelOf({ 'web.test': cluster('web', list, { zonePreference: true }) });
  const { port } = startPlane(scope, model, { zone: 'here' });
  assert.deepEqual(shares(await askMany(port, 20)), { near: 20 });
  await upstreams[0]?.kill();
  const answers = shares(await askMany(port, 20));
  assert.deepEqual(answers, { far: 20 });
});

test('a new endpoint gets its share bit by bit', async (scope) => {
  const upstreams = await startMany(scope, ['old', 'new']);
  const slowStart = { windowMs: 3_600_000, aggression: 1, minWeightPercent: 5 };
  const model = (list: Endpoint[]) => modelOf({ 'web.test': cluster('web', list, { slowStart }) });
  const { plane, port } = startPlane(scope, model(endpoints(upstreams.slice(0, 1))));
  assert.deepEqual(shares(await askMany(port, 5)), { old: 5 });
  plane.apply(model(endpoints(upstreams)));
  const answers = shares(await askMany(port, 300, { atOnce: 4 }));
  const { new: fresh = 0 } = answers;
  // 5 : 100 of 300 is 14, σ is 4.
  assert.ok(fresh > 0 && fresh < 45, `${fresh} of 300 went to the new one`);
});

test('draining endpoints are asked only when there is no other', async (scope) => {
  const upstreams = await startMany(scope, ['stays', 'goes']);
  const model = (list: Endpoint[]) => modelOf({ 'web.test': cluster('web', list) });
  const { plane, port } = startPlane(scope, model(endpoints(upstreams, [{}, { state: 'draining' }])));
  assert.deepEqual(shares(await askMany(port, 10)), { stays: 10 });
  plane.apply(model(endpoints(upstreams.slice(1), [{ state: 'draining' }])));
  assert.deepEqual(shares(await askMany(port, 3)), { goes: 3 });
});

test('health survives a change of the list, of the weights and of the balancer', async (scope) => {
  const upstreams = await startMany(scope, ['dead', 'alive', 'other']);
  const model = (list: Endpoint[], balance: BalancePolicy = { policy: 'round-robin' }) =>
    modelOf({ 'web.test': cluster('web', list, { balance }) });
  const [dead, alive] = upstreams;
  assert.ok(dead !== undefined && alive !== undefined);
  const { plane, port } = startPlane(scope, model(endpoints([dead, alive])));
  await dead.kill();
  const state = () =>
    plane.report().clusters[0]?.endpoints.find(({ id }) => id === 'node/dead')?.state ?? 'absent';
  await waitUntil(async () => {
    await ask(port);
    return state() === 'ejected';
  });
  plane.apply(model(endpoints(upstreams, [{ weight: 5 }]), { policy: 'random' }));
  assert.equal(state(), 'ejected');
  assert.deepEqual(Object.keys(shares(await askMany(port, 20))).sort(), ['alive', 'other']);
});

test('TCP connections count as load as long as they are open', async (scope) => {
  const names = ['a', 'b'];
  const servers = await Promise.all(
    names.map((name) => startServer(scope, (socket) => void socket.write(name))),
  );
  const list = servers.map(({ port }, index) => endpoint(port, { id: `node/${names[index]}` }));
  const web = cluster('db', list, { balance: { policy: 'least-request' } });
  const model = modelOf({ 'db.test': web }, { tcp: { db: 1 } });
  const { port } = startPlane(scope, model, { door: { kind: 'stream', key: 'tcp 1' } });
  const held: Socket[] = [];
  const connected = async (): Promise<string> => {
    const socket = connect(port, '127.0.0.1');
    held.push(socket);
    const [greeting] = (await once(socket, 'data')) as [Buffer];
    return greeting.toString();
  };
  scope.after(() => {
    for (const socket of held) socket.destroy();
  });
  const answers: string[] = [];
  for (let connection = 0; connection < 6; connection++) answers.push(await connected());
  assert.deepEqual(answers.sort(), ['a', 'a', 'a', 'b', 'b', 'b']);
});

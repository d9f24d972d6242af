import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Fault } from '@portolan/core/base/fault.ts';
import { fakeClock } from '@portolan/testkit/fake-clock.ts';
import { freePort } from '@portolan/testkit/free-port.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { type Client, type ClientOptions, createClient } from './client.ts';
import { type FakeRegistry, fakeRegistry } from './fake-registry.fixture.ts';

async function setup(
  t: TestContext,
  options: Partial<ClientOptions> = {},
): Promise<{ registry: FakeRegistry; client: Client; problems: Fault[] }> {
  const registry = await fakeRegistry();
  const problems: Fault[] = [];
  const client = createClient({
    server: registry.url,
    onProblem: (problem) => problems.push(problem),
    ...options,
  });
  t.after(async () => {
    await client.close({ deregister: false });
    await registry.stop();
  });
  return { registry, client, problems };
}

/** A service of a test: its port, and how often it was called. */
async function service(t: TestContext, answer: RequestListener): Promise<number> {
  const server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

function put(registry: FakeRegistry, id: string, port: number, name = 'reviews'): void {
  registry.change(() => {
    registry.instances.set(id, {
      name,
      address: '127.0.0.1',
      port,
      tags: ['http'],
      meta: { version: id, __proto__: 'x' },
      status: 'passing',
    });
  });
}

test('what was registered is resolved, and is gone when the client closes', async (t) => {
  const { registry, client } = await setup(t);
  const { id } = await client.register({
    name: 'reviews',
    port: 9080,
    tags: ['http'],
    metadata: { version: 'v1' },
  });
  assert.equal(id, 'reviews-9080');
  const [instance] = await client.resolve('reviews');
  assert.equal(instance?.address, '127.0.0.1');
  assert.equal(instance?.port, 9080);
  assert.equal(instance?.metadata.version, 'v1');
  await client.close();
  assert.equal(registry.instances.size, 0);
  await assert.rejects(client.resolve('reviews'), { code: 'cancelled' });
});

test('a list follows the registry without asking again', async (t) => {
  const { registry, client } = await setup(t);
  put(registry, 'a', 1001);
  assert.equal((await client.resolve('reviews')).length, 1);
  await waitUntil(() => registry.blocked === 1);
  put(registry, 'b', 1002);
  await waitUntil(async () => (await client.resolve('reviews')).length === 2);
  const asked = registry.requests.filter((line) => line.includes('/health/service/')).length;
  for (let call = 0; call < 50; call += 1) await client.resolve('reviews');
  const now = registry.requests.filter((line) => line.includes('/health/service/')).length;
  assert.ok(now - asked <= 1, `${now - asked} reads for 50 calls`);
});

test('the last list stays while the registry is away, and follows it again when it is back', async (t) => {
  const { registry, client, problems } = await setup(t);
  put(registry, 'a', 1001);
  await client.resolve('reviews');
  await registry.stop();
  await waitUntil(() => problems.length >= 2);
  assert.equal((await client.resolve('reviews')).length, 1);
  assert.equal(problems[0]?.code, 'unavailable');
  await registry.start();
  put(registry, 'b', 1002);
  await waitUntil(async () => (await client.resolve('reviews')).length === 2);
});

test('an instance that the registry forgot is registered again: with a TTL check, and without', async (t) => {
  const { registry, client } = await setup(t, { confirmIntervalMs: 20 });
  const ttl = await client.register({ name: 'a', port: 1, checks: [{ ttlMs: 60 }] });
  const plain = await client.register({ name: 'b', port: 2 });
  assert.equal(registry.instances.get(ttl.id)?.status, 'passing');
  registry.change(() => registry.instances.clear());
  await waitUntil(() => registry.instances.has(ttl.id) && registry.instances.has(plain.id));
  await waitUntil(() => registry.instances.get(ttl.id)?.status === 'passing');
});

test('a TTL check says what the application reported last, also after the registry forgot it', async (t) => {
  const { registry, client } = await setup(t);
  const handle = await client.register({ name: 'a', port: 1, checks: [{ ttlMs: 60 }] });
  await handle.report('warn', 'the queue is long');
  assert.equal(registry.instances.get(handle.id)?.status, 'warning');
  registry.change(() => registry.instances.clear());
  await waitUntil(() => registry.instances.get(handle.id)?.status === 'warning');
});

test('renewals go on through errors of the registry', async (t) => {
  const { registry, client, problems } = await setup(t);
  const handle = await client.register({ name: 'a', port: 1, checks: [{ ttlMs: 30 }] });
  registry.failWith(500);
  await waitUntil(() => problems.length > 1);
  registry.change(() => registry.instances.clear());
  registry.failWith(undefined);
  await waitUntil(() => registry.instances.has(handle.id));
});

test('a registration can wait for a registry that is not there yet', async (t) => {
  const { registry, client, problems } = await setup(t);
  await registry.stop();
  await assert.rejects(client.register({ name: 'a', port: 1 }), { code: 'unavailable' });
  const waiting = client.register({ name: 'a', port: 1 }, { waitForServer: true });
  await waitUntil(() => problems.length > 0);
  await registry.start();
  await waiting;
  assert.ok(registry.instances.has('a-1'));
});

test('a deregistered instance stays out', async (t) => {
  const { registry, client } = await setup(t);
  const clock = fakeClock();
  const patient = createClient({ server: registry.url, clock });
  t.after(() => patient.close({ deregister: false }));
  const handle = await patient.register({ name: 'a', port: 1 });
  await handle.deregister();
  clock.advance(60_000);
  assert.equal(registry.instances.size, 0);
  assert.deepEqual(await client.resolve('a'), []);
});

test('calls by name go to the instances in turn', async (t) => {
  const { registry, client } = await setup(t);
  put(registry, 'a', await service(t, (_, response) => response.end('a')));
  put(registry, 'b', await service(t, (_, response) => response.end('b')));
  const answers: string[] = [];
  for (let call = 0; call < 4; call += 1) {
    answers.push(await (await client.fetch('http://reviews/x')).text());
  }
  assert.deepEqual(answers.sort(), ['a', 'a', 'b', 'b']);
});

test('a dead instance costs a retry once, and is then passed over', async (t) => {
  const { registry, client } = await setup(t);
  put(registry, 'dead', await freePort());
  put(registry, 'alive', await service(t, (_, response) => response.end('alive')));
  for (let call = 0; call < 10; call += 1) {
    const response = await client.fetch('http://reviews/', { method: 'POST', body: 'x', retries: 1 });
    assert.equal(await response.text(), 'alive');
  }
  // While it cools down not even the first try goes there.
  for (let call = 0; call < 4; call += 1) {
    assert.equal((await client.fetch('http://reviews/', { retries: 0 })).status, 200);
  }
});

test('a request that was sent goes again only when its method is idempotent', async (t) => {
  const { registry, client } = await setup(t);
  let broken = 0;
  put(
    registry,
    'breaks',
    await service(t, (request) => {
      broken += 1;
      request.socket.destroy();
    }),
  );
  put(registry, 'works', await service(t, (_, response) => response.end('fine')));
  for (let call = 0; call < 2; call += 1) {
    assert.equal(await (await client.fetch('http://reviews/')).text(), 'fine');
  }
  assert.equal(broken, 1);
  const other = createClient({ server: registry.url });
  t.after(() => other.close());
  const posts = [1, 2].map(() => other.fetch('http://reviews/', { method: 'POST', body: 'x' }));
  const outcomes = await Promise.allSettled(posts);
  assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  assert.equal(broken, 2);
});

test('an answer is repeated only where the policy says so, for that service', async (t) => {
  const services = { careful: { retries: 0 }, eager: { retryOn: ['5xx'] } } as const;
  const { registry, client } = await setup(t, { services });
  const ill = await service(t, (_, response) => response.writeHead(503).end('ill'));
  const well = await service(t, (_, response) => response.end('well'));
  for (const name of ['careful', 'eager']) {
    put(registry, `${name}-ill`, ill, name);
    put(registry, `${name}-well`, well, name);
  }
  const statuses = async (name: string): Promise<number[]> => {
    const answers: number[] = [];
    for (let call = 0; call < 4; call += 1) answers.push((await client.fetch(`http://${name}/`)).status);
    return answers.sort();
  };
  assert.deepEqual(await statuses('careful'), [200, 200, 503, 503]);
  assert.deepEqual(await statuses('eager'), [200, 200, 200, 200]);
});

test('more calls at once than maxRequests are refused at once, and later ones are not', async (t) => {
  const { registry, client } = await setup(t, { calls: { maxRequests: 1 } });
  const held: ServerResponse[] = [];
  put(registry, 'a', await service(t, (_, response) => void held.push(response)));
  const first = client.fetch('http://reviews/');
  await waitUntil(() => held.length === 1);
  await assert.rejects(client.fetch('http://reviews/'), /1 calls to 'reviews' are under way/);
  held[0]?.end('at last');
  assert.equal(await (await first).text(), 'at last');
  const second = client.fetch('http://reviews/');
  await waitUntil(() => held.length === 2);
  held[1]?.end();
  assert.equal((await second).status, 200);
});

test('calls with the same key go to the same instance where the service is balanced by hash', async (t) => {
  const { registry, client } = await setup(t, { calls: { balance: 'ring-hash' } });
  for (const id of ['a', 'b', 'c']) put(registry, id, await service(t, (_, response) => response.end(id)));
  for (const hashKey of ['x', 'y', 'z']) {
    const { id } = await client.choose('reviews', { hashKey });
    for (let call = 0; call < 3; call += 1) {
      assert.equal(await (await client.fetch('http://reviews/', { hashKey })).text(), id);
    }
  }
});

test('the service sees the method, the path, the headers, the body and its own name as host', async (t) => {
  const { registry, client } = await setup(t);
  const port = await service(t, async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString();
    const { method, url, headers } = request;
    response.writeHead(
      201,
      [
        ['set-cookie', 'a=1'],
        ['set-cookie', 'b=2'],
      ].flat(),
    );
    response.end(JSON.stringify({ method, url, body, host: headers.host, type: headers['content-type'] }));
  });
  put(registry, 'a', port, 'Reviews');
  const response = await client.fetch('http://Reviews/a%20b?q=1', {
    method: 'PUT',
    body: new URLSearchParams({ k: 'ä' }),
  });
  assert.equal(response.status, 201);
  assert.deepEqual(response.headers.getSetCookie(), ['a=1', 'b=2']);
  assert.deepEqual(await response.json(), {
    method: 'PUT',
    url: '/a%20b?q=1',
    body: 'k=%C3%A4',
    host: 'Reviews',
    type: 'application/x-www-form-urlencoded;charset=UTF-8',
  });
});

test('an aborted call ends at once, before and during the body', async (t) => {
  const { registry, client } = await setup(t);
  const port = await service(t, (request, response) => {
    if (request.url === '/body') response.write('first');
  });
  put(registry, 'a', port);
  await client.resolve('reviews');
  const early = new AbortController();
  const waiting = client.fetch('http://reviews/never', { signal: early.signal });
  early.abort();
  await assert.rejects(waiting, { code: 'cancelled' });
  const late = new AbortController();
  const response = await client.fetch('http://reviews/body', { signal: late.signal });
  late.abort();
  await assert.rejects(response.text());
});

test('a silent service is a timeout that names it', async (t) => {
  const { registry, client } = await setup(t);
  put(registry, 'a', await service(t, () => {}));
  await assert.rejects(
    client.fetch('http://reviews/', { timeoutMs: 50 }),
    (fault: Fault) => fault.code === 'timeout' && /'reviews' did not answer within 50 ms/.test(fault.message),
  );
});

test('no instance, no registry, no such target: each error says what to do', async (t) => {
  const { client } = await setup(t);
  await assert.rejects(client.fetch('http://nobody/'), /no healthy instance of 'nobody' is registered/);
  await assert.rejects(client.fetch('https://nobody/'), /write http:\/\/SERVICE\/path/);
  await assert.rejects(client.fetch('http://nobody:80/'), /the registry knows the port/);
  await assert.rejects(client.register({ name: 'x', port: 70_000 }), /port: 70000 is not a port/);
  assert.throws(() => createClient({ server: 'ftp://x' }), /use http:\/\/ or https:\/\//);
  const lost = createClient({ server: `http://127.0.0.1:${await freePort()}` });
  t.after(() => lost.close());
  const timeout = AbortSignal.timeout(300);
  await assert.rejects(
    lost.resolve('x', { signal: timeout }),
    /cannot reach http:\/\/127.0.0.1:\d+: ECONNREFUSED/,
  );
});

test('closing ends calls that are under way, and every method after it is refused', async (t) => {
  const { registry, client } = await setup(t);
  let called = false;
  put(
    registry,
    'a',
    await service(t, () => {
      called = true;
    }),
  );
  const call = client.fetch('http://reviews/');
  const watched = assert.rejects(call, { code: 'cancelled' });
  await waitUntil(() => called);
  await client.close();
  await watched;
  await waitUntil(() => registry.blocked === 0);
  await assert.rejects(client.register({ name: 'x' }), Fault);
});

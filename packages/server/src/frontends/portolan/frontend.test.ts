import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { testServer } from '../../server.fixture.ts';

const reviews = {
  port: 9080,
  tags: ['http'],
  metadata: { version: 'v2', ['__proto__']: 'kept' },
  checks: [{ ttl: '30s' }],
};

interface Problem {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly field?: string;
}

async function problemOf(t: TestContext, body: unknown): Promise<Problem> {
  const server = await testServer(t);
  const { status, json, headers } = await server.call('PUT', '/portolan/v1/instances/web/w1', body);
  assert.equal(headers.get('content-type'), 'application/problem+json');
  const problem = json as Problem;
  assert.equal(problem.status, status);
  return problem;
}

test('an instance is registered, listed, shown with its checks, and taken off', async (t) => {
  const { call } = await testServer(t);
  const put = await call('PUT', '/portolan/v1/instances/reviews/r1', reviews);
  assert.equal(put.status, 200);

  const list = (await call('GET', '/portolan/v1/services?prefix=rev')).json as { services: object[] };
  assert.deepEqual(
    list.services.map((service) => ({ ...service, modifyRevision: 0 })),
    [
      {
        namespace: 'default',
        name: 'reviews',
        tags: ['http'],
        instances: 1,
        health: { passing: 0, warning: 0, critical: 1 },
        modifyRevision: 0,
      },
    ],
  );
  const shown = (await call('GET', '/portolan/v1/services/reviews')).json as {
    instances: { health: string; address: string; metadata: object; checks: { id: string }[] }[];
  };
  assert.equal(shown.instances[0]?.health, 'critical');
  assert.equal(shown.instances[0]?.address, '127.0.0.1');
  assert.deepEqual(Object.entries(shown.instances[0]?.metadata ?? {}).sort(), [
    ['__proto__', 'kept'],
    ['version', 'v2'],
  ]);
  assert.deepEqual(
    shown.instances[0]?.checks.map(({ id }) => id),
    ['reviews:r1:1', 'serfHealth'],
  );

  assert.equal((await call('DELETE', '/portolan/v1/instances/reviews/r1')).status, 204);
  assert.equal((await call('GET', '/portolan/v1/services/reviews')).status, 404);
  assert.equal((await call('DELETE', '/portolan/v1/instances/reviews/r1')).status, 204);
});

test('registering again replaces the checks and keeps the status of those that stay', async (t) => {
  const { call } = await testServer(t);
  await call('PUT', '/portolan/v1/instances/web/w1', {
    port: 1,
    checks: [
      { id: 'a', ttl: '30s' },
      { id: 'b', ttl: '30s' },
    ],
  });
  await call('PUT', '/v1/agent/check/pass/a');
  await call('PUT', '/portolan/v1/instances/web/w1', { port: 1, checks: [{ id: 'a', ttl: '30s' }] });
  const { json } = await call('GET', '/portolan/v1/services/web');
  const [instance] = (json as { instances: { health: string; checks: { id: string }[] }[] }).instances;
  assert.equal(instance?.health, 'passing');
  assert.deepEqual(
    instance?.checks.map(({ id }) => id),
    ['a', 'serfHealth'],
  );
});

test('the owner of a TTL check says how it is', async (t) => {
  const { call } = await testServer(t);
  await call('PUT', '/portolan/v1/instances/web/w1', { port: 1, checks: [{ id: 'a/1', ttl: '30s' }] });
  const path = '/portolan/v1/checks/a%2F1';
  assert.equal((await call('PUT', path, { status: 'warning', output: 'slow' })).status, 204);
  const { json } = await call('GET', '/portolan/v1/services/web');
  const [instance] = (json as { instances: { health: string; checks: { output: string }[] }[] }).instances;
  assert.deepEqual([instance?.health, instance?.checks[0]?.output], ['warning', 'slow']);
  assert.equal((await call('PUT', path, { status: 'fine' })).status, 400);
  assert.equal((await call('PUT', '/portolan/v1/checks/none', {})).status, 404);
});

const wrong: readonly (readonly [string, unknown, string | undefined])[] = [
  ['a field that does not exist', { port: 1, prot: 2 }, 'prot'],
  ['a port out of range', { port: 65_536 }, 'port'],
  ['a port that is text', { port: '80' }, 'port'],
  ['an address that is none', { address: 'not an address!' }, 'address'],
  ['a check of two kinds', { checks: [{ ttl: '1s', tcp: 'a:1' }] }, 'checks[0]'],
  ['a check of no kind', { checks: [{ ttl: '1s' }, {}] }, 'checks[1]'],
  ['an interval without a unit', { checks: [{ tcp: 'a:1', interval: '10' }] }, 'checks[0].interval'],
  ['a URL that is none', { checks: [{ http: { url: 'file:///etc/passwd' } }] }, 'checks[0].http.url'],
  ['metadata that is not text', { metadata: { a: 1 } }, 'metadata.a'],
  ['a node that is not there', { node: 'elsewhere' }, 'node'],
  ['a list', [], undefined],
  ['nothing', '', undefined],
  ['half a JSON', '{"port":', undefined],
];

for (const [name, body, field] of wrong) {
  test(`refused with its field: ${name}`, async (t) => {
    const problem = await problemOf(t, body);
    assert.equal(problem.status, 400);
    assert.equal(problem.field, field);
    assert.notEqual(problem.detail, '');
  });
}

test('a body that is too large is refused with 413', async (t) => {
  const problem = await problemOf(t, `{"adminReason":"${'x'.repeat(1_100_000)}"}`);
  assert.equal(problem.status, 413);
});

test("what another dialect registered is that dialect's to change", async (t) => {
  const { call } = await testServer(t);
  await call('PUT', '/v1/agent/service/register', { Name: 'web', ID: 'w1', Port: 80 });
  const put = await call('PUT', '/portolan/v1/instances/web/w1', { port: 81 });
  assert.equal(put.status, 403);
  assert.match((put.json as Problem).detail, /through consul \(agent\)/);
  assert.equal((await call('DELETE', '/portolan/v1/instances/web/w1')).status, 403);
});

test('an id is one instance on its node', async (t) => {
  const { call } = await testServer(t);
  await call('PUT', '/portolan/v1/instances/web/same', { port: 1 });
  assert.equal((await call('PUT', '/portolan/v1/instances/shop/same', { port: 1 })).status, 409);
});

test('keys: text, bytes, guarded writes, pages', async (t) => {
  const { call } = await testServer(t);
  assert.equal((await call('PUT', '/portolan/v1/kv/a/b%20c', { value: 'grüß' })).status, 200);
  await call('PUT', '/portolan/v1/kv/a/bytes', { base64: '/w==' });
  const one = (await call('GET', '/portolan/v1/kv/a/b%20c')).json as {
    key: string;
    value: string;
    modifyRevision: number;
  };
  assert.deepEqual([one.key, one.value], ['a/b c', 'grüß']);
  assert.equal(((await call('GET', '/portolan/v1/kv/a/bytes')).json as { base64: string }).base64, '/w==');

  assert.equal((await call('PUT', '/portolan/v1/kv/a/b%20c?if-revision=0', { value: 'x' })).status, 409);
  const path = `/portolan/v1/kv/a/b%20c?if-revision=${one.modifyRevision}`;
  assert.equal((await call('PUT', path, { value: 'x' })).status, 200);
  assert.equal((await call('DELETE', path)).status, 409);

  const page = (await call('GET', '/portolan/v1/kv?prefix=a/&limit=1')).json as {
    entries: object[];
    next: string;
  };
  assert.equal(page.entries.length, 1);
  const rest = (await call('GET', `/portolan/v1/kv?prefix=a/&after=${encodeURIComponent(page.next)}`))
    .json as {
    entries: { key: string }[];
    next?: string;
  };
  assert.deepEqual([rest.entries.map(({ key }) => key), rest.next], [['a/bytes'], undefined]);
  assert.equal((await call('PUT', '/portolan/v1/kv/k', { value: 'a', base64: 'YQ==' })).status, 400);
});

test('services come in pages that join up', async (t) => {
  const { call } = await testServer(t);
  for (const name of ['a', 'b', 'c', 'd', 'e'])
    await call('PUT', `/portolan/v1/instances/${name}/${name}`, {});
  const seen: string[] = [];
  for (let after: string | undefined = ''; after !== undefined; ) {
    const { json } = await call('GET', `/portolan/v1/services?limit=2&after=${after}`);
    const page: { services: { name: string }[]; next?: string } = json as typeof page;
    seen.push(...page.services.map(({ name }) => name));
    after = page.next;
  }
  assert.deepEqual(seen, ['a', 'b', 'c', 'consul', 'd', 'e']);
  for (const limit of ['0', '-1', 'x', '5001']) {
    assert.equal((await call('GET', `/portolan/v1/services?limit=${limit}`)).status, 400);
  }
});

test('probes, status and metrics', async (t) => {
  const { call } = await testServer(t);
  assert.equal((await call('GET', '/livez')).json, 'ok\n');
  assert.match(
    String((await call('GET', '/readyz?verbose')).json),
    /^\[\+\]engine ok\n[\s\S]*readyz check passed\n$/,
  );
  const status = (await call('GET', '/portolan/v1/status')).json as {
    node: string;
    counts: object;
    stale: null;
  };
  assert.deepEqual([status.node, status.stale], ['n1', null]);
  const metrics = String((await call('GET', '/metrics')).json);
  for (const name of ['portolan_revision', 'portolan_instances', 'nodejs_eventloop_lag_p99_seconds']) {
    assert.match(metrics, new RegExp(`^${name} `, 'm'));
  }
  assert.match(metrics, /^portolan_checks\{status="critical"\} 0$/m);
});

test('what is not there is 404, what is not possible 405 with Allow', async (t) => {
  const { call } = await testServer(t);
  assert.equal((await call('GET', '/portolan/v1/nothing')).status, 404);
  assert.equal((await call('GET', '/portolan/v1/services/no/such')).status, 404);
  const post = await call('POST', '/portolan/v1/kv/a', {});
  assert.equal(post.status, 405);
  assert.equal(post.headers.get('allow'), 'GET, PUT, DELETE');
  assert.equal((await call('GET', '/portolan/v1/services/%ff')).status, 400);
});

test('whatever is sent as a registration, the answer is 200 or a problem, and the server lives', async (t) => {
  const { call } = await testServer(t);
  await fc.assert(
    fc.asyncProperty(fc.json(), fc.string({ minLength: 1 }), async (body, name) => {
      const path = `/portolan/v1/instances/${encodeURIComponent(name)}/x`;
      const { status } = await call('PUT', path, body);
      assert.ok([200, 400, 404, 409, 413].includes(status), `${status}`);
    }),
    { numRuns: 100 },
  );
  assert.equal((await call('GET', '/livez')).status, 200);
});

test('a client that goes away within its request does no harm', async (t) => {
  const { url, call } = await testServer(t);
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  await new Promise<void>((resolve) => {
    const head = 'PUT /portolan/v1/kv/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"val';
    socket.write(head, () => resolve());
  });
  socket.destroy();
  assert.equal((await call('GET', '/portolan/v1/kv/a')).status, 404);
});

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { labelsFrom } from '../base/labels.ts';
import { createCatalog } from '../catalog/catalog.ts';
import type { Write } from '../catalog/change.ts';
import { type CatalogRecord, keyOf } from '../catalog/records.ts';
import { ownListeners } from './own-listeners.ts';
import { createPlanner } from './plan.ts';
import {
  check,
  copy,
  difference,
  instance,
  node,
  plain as plainOf,
  put,
  world as worldOf,
} from './planner.fixture.ts';

const own = ownListeners([{ address: '127.0.0.1', port: 8500 }], []);
const options = { gatewayDomain: 'localhost', own: () => own, maxTcpListeners: 2 };

const world = () => worldOf(options);

const exposed = instance('reviews', 'r1', { tags: ['http'], metadata: labelsFrom({ version: 'v1' }) });

const goldenCases: Readonly<Record<string, readonly CatalogRecord[]>> = {
  'http-service': [
    node('n1'),
    exposed,
    instance('reviews', 'r2', { address: '10.0.0.2', port: 9090, weights: { passing: 10, warning: 1 } }),
    instance('Details', 'd1', { tags: ['http'] }),
    instance('ratings', 'q1'),
    instance('shop', 's1', { namespace: 'team', tags: ['http'] }),
  ],
  'tcp-service': [node('n1'), instance('mysql-3306', 'm1', { tags: ['tcp'], port: 3306 })],
  health: [
    node('n1'),
    node('n2', { adminState: 'draining' }),
    exposed,
    check(exposed, 'warning'),
    instance('reviews', 'gone'),
    check(instance('reviews', 'gone'), 'critical'),
    instance('reviews', 'drains', { adminState: 'draining' }),
    instance('reviews', 'out', { adminState: 'out-of-service' }),
    instance('reviews', 'on-draining-node', { node: 'n2' }),
    instance('reviews', 'no-port', { port: 0 }),
  ],
  collisions: [
    node('n1'),
    instance('Web', 'w1', { tags: ['http'] }),
    instance('web', 'w2', { tags: ['http'] }),
    instance('a-7000', 'a', { tags: ['tcp'] }),
    instance('b-7000', 'b', { tags: ['tcp'] }),
  ],
  denied: [
    node('n1'),
    node('linked', { address: '169.254.1.1' }),
    instance('sly', 'metadata', { tags: ['http'], address: '169.254.169.254', port: 80 }),
    instance('sly', 'mapped', { address: '::ffff:169.254.169.254', port: 80 }),
    instance('sly', 'short', { address: '2852039166', port: 80 }),
    instance('sly', 'by-node', { node: 'linked' }),
    instance('sly', 'good', { address: 'db.internal' }),
    instance('loop', 'us', { tags: ['http'], address: '127.0.0.1', port: 8500 }),
    instance('loop', 'us-by-name', { address: 'localhost', port: 8500 }),
    instance('ssh-22', 's', { tags: ['tcp'] }),
  ],
  'too-many-ports': [
    node('n1'),
    instance('a-7003', 'a', { tags: ['tcp'] }),
    instance('b-7001', 'b', { tags: ['tcp'] }),
    instance('c-7002', 'c', { tags: ['tcp'] }),
  ],
  invalid: [
    node('n1'),
    instance('under_score', 'u', { tags: ['http'] }),
    instance('dots..twice', 'd', { tags: ['http'] }),
    instance('üñí', 'x', { tags: ['http'] }),
    instance('__proto__', 'p', { tags: ['http', '__proto__'] }),
    instance('x'.repeat(64), 'long', { tags: ['http'] }),
    instance('db-0', 'z', { tags: ['tcp'] }),
    instance('db-65536', 'z2', { tags: ['tcp'] }),
    instance('db-999999999999999999999', 'z3', { tags: ['tcp'] }),
    instance('consul-8500', 'c', { tags: ['tcp'] }),
    instance('db', 'n', { tags: ['tcp'] }),
    instance('job', 'j', { tags: ['http'], port: 0 }),
    instance('lost', 'l', { node: 'nowhere', tags: ['http'] }),
  ],
};

for (const [name, records] of Object.entries(goldenCases)) {
  test(`golden: ${name}`, () => {
    const { planner, write } = world();
    write(put(...records));
    const { listeners, virtualHosts, clusters, diagnostics } = plainOf(planner);
    const found = { listeners, virtualHosts, clusters, diagnostics };
    const file = new URL(`./testdata/${name}.json`, import.meta.url);
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(file, `${JSON.stringify(found, null, 2)}\n`);
    assert.deepEqual(found, JSON.parse(readFileSync(file, 'utf8')));
  });
}

test('an update names what changed and nothing else', () => {
  const { write } = world();
  const first = write(put(node('n1'), exposed, instance('mysql-3306', 'm1', { tags: ['tcp'] })));
  assert.deepEqual([...first.clusters].sort(), ['mysql-3306', 'reviews']);
  assert.deepEqual([...first.virtualHosts], ['reviews.localhost']);
  assert.deepEqual([...first.listeners], ['tcp-3306']);

  const more = write(put(instance('reviews', 'r2')));
  assert.deepEqual([...more.clusters], ['reviews']);
  assert.equal(more.virtualHosts.size + more.listeners.size, 0);

  const passingCheck = write(put(check(exposed, 'passing')));
  assert.equal(passingCheck.clusters.size, 0, 'a check that passes changes no endpoint');
});

test('an endpoint that stays the same stays the same object', () => {
  const { planner, write } = world();
  write(put(node('n1'), exposed, instance('reviews', 'r0'), instance('reviews', 'r2')));
  const before = planner.model.clusters.get('reviews');
  write(put(instance('reviews', 'r15', { port: 1 })));
  const after = planner.model.clusters.get('reviews');
  assert.deepEqual(
    after?.endpoints.map((endpoint) => before?.endpoints.includes(endpoint)),
    [true, true, false, true],
  );
});

test('a listener above the limit opens when one below it goes', () => {
  const { planner, write } = world();
  const [a, b, c] = ['a-7003', 'b-7001', 'c-7002'].map((name) => instance(name, name, { tags: ['tcp'] }));
  assert.ok(a && b && c);
  write(put(node('n1'), a, b, c));
  assert.deepEqual([...planner.model.listeners.keys()].sort(), [
    'gateway',
    'gateway-tls',
    'tcp-7001',
    'tcp-7002',
  ]);
  const delta = write([{ op: 'delete', key: keyOf.instance('default', 'b-7001', 'n1', 'b-7001') }]);
  assert.deepEqual([...delta.listeners].sort(), ['tcp-7001', 'tcp-7003']);
  assert.deepEqual(planner.diagnostics, []);
});

test('our listeners are asked for anew, so that a port found at start is reserved too', () => {
  const catalog = createCatalog();
  let now = ownListeners([], []);
  const planner = createPlanner({ gatewayDomain: 'localhost', own: () => now });
  const self = instance('self-40001', 's', { tags: ['tcp'], address: '127.0.0.1', port: 40_001 });
  catalog.apply({ revision: 1, writes: put(node('n1'), self) });
  planner.rebuild(catalog);
  assert.equal(planner.model.clusters.get('self-40001')?.endpoints.length, 1);
  now = ownListeners([{ address: '127.0.0.1', port: 40_001 }], []);
  const delta = planner.rebuild(catalog);
  assert.deepEqual([...delta.listeners, ...delta.clusters], ['tcp-40001', 'self-40001']);
  assert.equal(planner.model.clusters.get('self-40001')?.endpoints.length, 0);
  assert.deepEqual(
    planner.diagnostics.map(({ code }) => code),
    ['own-listener-address', 'tcp-port-reserved'],
  );
});

test('a server that is registered as a service is no mistake while nobody asks for requests to it', () => {
  const catalog = createCatalog();
  const planner = createPlanner({
    gatewayDomain: 'localhost',
    own: () => ownListeners([{ address: '127.0.0.1', port: 8500 }], []),
  });
  const self = instance('consul', 'consul', { address: '127.0.0.1', port: 8500 });
  catalog.apply({ revision: 1, writes: put(node('n1'), self) });
  planner.rebuild(catalog);
  assert.deepEqual(planner.diagnostics, []);
  assert.equal(planner.model.clusters.get('consul')?.endpoints.length, 0);
});

test('a port that an instance has where the gateway would open it stays its own, also while it is down', () => {
  const catalog = createCatalog();
  const here = ownListeners([], [], '127.0.0.1');
  const planner = createPlanner({ gatewayDomain: 'localhost', own: () => here });
  const mysql = instance('mysql-3306', 'm', { tags: ['tcp'], address: '127.0.0.1', port: 3306 });
  const redis = instance('redis-6379', 'r', { tags: ['tcp'], address: '10.0.0.9', port: 6379 });
  catalog.apply({ revision: 1, writes: put(node('n1'), { ...mysql, adminState: 'out-of-service' }, redis) });
  planner.rebuild(catalog);
  assert.equal(planner.model.listeners.has('tcp-3306'), false);
  assert.equal(planner.model.listeners.has('tcp-6379'), true);
  assert.deepEqual(
    planner.diagnostics.map(({ code }) => code),
    ['tcp-port-of-instance'],
  );
});

test('when the holder of a host goes, the next by name has it', () => {
  const { planner, write } = world();
  write(put(node('n1'), instance('WEB', '1', { tags: ['http'] }), instance('web', '2', { tags: ['http'] })));
  assert.deepEqual(planner.model.virtualHosts.get('web.localhost')?.routes[0]?.action, {
    type: 'forward',
    targets: [{ weight: 1, cluster: 'WEB' }],
  });
  assert.equal(planner.diagnostics.length, 1);
  const delta = write([{ op: 'delete', key: keyOf.instance('default', 'WEB', 'n1', '1') }]);
  assert.deepEqual([...delta.virtualHosts], ['web.localhost']);
  assert.deepEqual(planner.model.virtualHosts.get('web.localhost')?.routes[0]?.action, {
    type: 'forward',
    targets: [{ weight: 1, cluster: 'web' }],
  });
  assert.deepEqual(planner.diagnostics, []);
});

const portServices = ['db-7000', 'cache-7000', 'a-7003', 'b-7001', 'c-7002', 'low-80'];
const services = ['web', 'WEB', 'Web', ...portServices, 'bad_name', 'plain'];
const anyInstance = fc
  .record({
    service: fc.constantFrom(...services),
    id: fc.constantFrom('a', 'b'),
    node: fc.constantFrom('n1', 'n2'),
    port: fc.constantFrom(0, 80, 8500),
    address: fc.constantFrom('', '10.1.1.1', '169.254.169.254', '127.0.0.1'),
    tags: fc.subarray(['http', 'tcp', 'blue']),
    adminState: fc.constantFrom('in-service' as const, 'draining' as const, 'out-of-service' as const),
    weights: fc.constantFrom({ passing: 1, warning: 1 }, { passing: 5, warning: 0 }),
  })
  .map(({ service, id, ...more }) => instance(service, id, more));
const anyWrite: fc.Arbitrary<Write> = fc.oneof(
  { weight: 4, arbitrary: anyInstance.map((record) => ({ op: 'put' as const, record })) },
  {
    weight: 2,
    arbitrary: anyInstance.map((record) => ({
      op: 'delete' as const,
      key: keyOf.instance('default', record.service, record.node, record.id),
    })),
  },
  fc
    .tuple(anyInstance, fc.constantFrom('passing' as const, 'warning' as const, 'critical' as const))
    .map(([of, status]) => ({ op: 'put' as const, record: check(of, status) })),
  fc
    .record({
      name: fc.constantFrom('n1', 'n2'),
      address: fc.constantFrom('', '10.0.0.9'),
      adminState: fc.constantFrom('in-service' as const, 'draining' as const),
    })
    .map(({ name, ...more }) => ({ op: 'put' as const, record: node(name, more) })),
);

test('any sequence of updates ends where a rebuild does, and their deltas tell the whole story', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(anyWrite, { minLength: 1, maxLength: 4 }), { maxLength: 30 }),
      (changes) => {
        const { catalog, planner, write } = world();
        for (const writes of changes) {
          const before = copy(planner.model);
          const delta = write(writes);
          assert.deepEqual(delta, difference(before, planner.model));
        }
        const rebuilt = createPlanner(options);
        rebuilt.rebuild(catalog);
        assert.deepEqual(plainOf(rebuilt), plainOf(planner));
        assert.deepEqual(planner.rebuild(catalog).clusters, new Set());
      },
    ),
    { numRuns: 300 },
  );
});

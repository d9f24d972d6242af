import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { Fault } from '@portolan/core/base/fault.ts';
import { noLabels } from '@portolan/core/base/labels.ts';
import { createCatalog } from '@portolan/core/catalog/catalog.ts';
import type { Intent } from '@portolan/core/catalog/draft.ts';
import {
  type CheckDefinition,
  type CheckRecord,
  type Health,
  type InstanceRecord,
  keyOf,
  type Probe,
} from '@portolan/core/catalog/records.ts';
import { createPlanner } from '@portolan/core/traffic/plan.ts';
import { type FakeClock, fakeClock } from '@portolan/testkit/fake-clock.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { pino } from 'pino';
import type { Engine, HealthReports, Part } from '../contract.ts';
import { createEngine } from '../engine.ts';
import { memoryStore } from '../store/store-memory.ts';
import { defaultHealthConfig } from './config.ts';
import { createHealth } from './health.ts';

const log = pino({ level: 'silent' });

interface House {
  readonly clock: FakeClock;
  readonly engine: Engine;
  readonly health: Part & HealthReports;
  /** Makes every commit fail until told otherwise. */
  breakStore(fault: Fault | undefined): void;
  /** As after a restart of the server: new health checks over the same catalog. */
  restart(): Promise<Part & HealthReports>;
  status(id?: string): Health | undefined;
  output(id?: string): string | undefined;
}

/** A real engine, catalog and store, and the health checks over them; time is the test's. */
async function house(
  t: TestContext,
  records: readonly (InstanceRecord | CheckRecord)[] = [],
): Promise<House> {
  const clock = fakeClock();
  const store = memoryStore();
  const inner = createEngine({
    store,
    catalog: createCatalog(),
    planner: createPlanner({ gatewayDomain: 'localhost' }),
    clock,
    log,
  });
  await inner.start();
  let broken: Fault | undefined;
  const engine: Engine = {
    get view() {
      return inner.view;
    },
    get leases() {
      return inner.leases;
    },
    watch: (topic, after, options) => inner.watch(topic, after, options),
    subscribe: (listener) => inner.subscribe(listener),
    submit: <T>(intent: Intent<T>) => (broken === undefined ? inner.submit(intent) : Promise.reject(broken)),
  };
  await inner.submit((draft) => {
    for (const record of records) draft.put(record);
  });
  const start = async (): Promise<Part & HealthReports> => {
    const made = createHealth(
      { engine, identity: { node: 'n1' }, clock, random: () => 0.5, log },
      defaultHealthConfig,
    );
    await made.start();
    return made;
  };
  let health = await start();
  t.after(async () => {
    await health.stop(0);
    await inner.stop();
    assert.equal(clock.pending, 0, 'a timer is left');
  });
  return {
    clock,
    engine,
    get health() {
      return health;
    },
    breakStore: (fault) => {
      broken = fault;
    },
    async restart() {
      await health.stop(0);
      health = await start();
      return health;
    },
    status: (id = 'c1') => engine.view.catalog.check('n1', id)?.record.status,
    output: (id = 'c1') => engine.view.catalog.check('n1', id)?.record.output,
  };
}

const origin = { dialect: 'consul', source: 'agent', node: 'n1' };

function instance(id = 'web-1'): InstanceRecord {
  return {
    kind: 'instance',
    namespace: 'default',
    service: 'web',
    node: 'n1',
    id,
    address: '127.0.0.1',
    port: 80,
    tags: [],
    metadata: noLabels,
    taggedAddresses: {},
    weights: { passing: 1, warning: 1 },
    adminState: 'in-service',
    adminReason: '',
    enableTagOverride: false,
    origin,
  };
}

function check(
  probe: Probe,
  changes: Partial<CheckRecord> = {},
  orders: Partial<CheckDefinition> = {},
): CheckRecord {
  return {
    kind: 'check',
    node: 'n1',
    id: 'c1',
    name: 'is it there',
    status: 'critical',
    output: '',
    notes: '',
    instance: { namespace: 'default', service: 'web', id: 'web-1' },
    definition: {
      probe,
      intervalMs: 10_000,
      timeoutMs: 0,
      successBeforePassing: 0,
      failuresBeforeWarning: 0,
      failuresBeforeCritical: 0,
      deregisterAfterMs: 0,
      ...orders,
    },
    origin,
    ...changes,
  };
}

const http = (port: number, path = '/'): Probe => ({
  type: 'http',
  url: `http://127.0.0.1:${port}${path}`,
  method: '',
  headers: {},
  body: '',
  tlsServerName: '',
  tlsSkipVerify: false,
});
const ttl = (ttlMs = 10_000): Probe => ({ type: 'ttl', ttlMs });

interface Target {
  readonly port: number;
  asked: string[];
  code: number;
  body: string;
}

async function target(t: TestContext): Promise<Target> {
  const server = createServer((request, response) => {
    made.asked.push(request.url ?? '');
    response.writeHead(made.code).end(made.body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const made: Target = { port: (server.address() as AddressInfo).port, asked: [], code: 200, body: '' };
  return made;
}

/** Lets the fake time go on, a tick now and then, until the condition holds: probes take real time. */
async function runUntil(clock: FakeClock, condition: () => boolean): Promise<void> {
  const look = (): boolean => {
    if (condition()) return true;
    clock.advance(50);
    return condition();
  };
  await waitUntil(look, { everyMs: 1 });
}

test('a new check turns passing with its first probe', async (t) => {
  const web = await target(t);
  const { clock, engine, status, output } = await house(t);
  await engine.submit((draft) => {
    draft.put(instance());
    draft.put(check(http(web.port)));
  });
  clock.advance(100);
  await waitUntil(() => status() === 'passing');
  assert.equal(output(), `HTTP GET http://127.0.0.1:${web.port}/: 200 OK Output: `);
});

test('only a change of status is written; the newest output stays in memory', async (t) => {
  const web = await target(t);
  const { clock, engine, health, status } = await house(t, [instance(), check(http(web.port))]);
  await runUntil(clock, () => status() === 'passing');
  const { revision } = engine.view;
  web.body = 'still fine';
  await runUntil(clock, () => health.outputOf('n1', 'c1')?.endsWith('still fine') === true);
  assert.equal(engine.view.revision, revision);
  web.code = 503;
  await runUntil(clock, () => status() === 'critical');
  assert.ok(engine.view.revision > revision);
});

test('thresholds hold a status back', async (t) => {
  const web = await target(t);
  const orders = { failuresBeforeWarning: 2, failuresBeforeCritical: 3 };
  const { clock, status } = await house(t, [
    instance(),
    check(http(web.port), { status: 'passing' }, orders),
  ]);
  web.code = 500;
  const seen = new Map<number, Health | undefined>();
  await runUntil(clock, () => {
    seen.set(web.asked.length, status());
    return status() === 'critical';
  });
  assert.equal(seen.get(1), 'passing');
  assert.equal(seen.get(2), 'warning');
  assert.equal(web.asked.length, 3);
});

test('a check of another node, and one that somebody else keeps, are not run', async (t) => {
  const web = await target(t);
  const { definition, ...kept } = check(http(web.port), { id: 'kept' });
  assert.ok(definition);
  const { clock, status } = await house(t, [
    instance(),
    check(http(web.port, '/other'), { id: 'other', origin: { ...origin, node: 'n2' } }),
    kept,
    check(http(web.port, '/ours')),
  ]);
  await runUntil(clock, () => status() === 'passing');
  await runUntil(clock, () => web.asked.length > 3);
  assert.ok(web.asked.every((url) => url === '/ours'));
});

test('a check that goes is not probed any more, one that changes is probed anew', async (t) => {
  const web = await target(t);
  const { clock, engine, status } = await house(t, [instance(), check(http(web.port, '/old'))]);
  await runUntil(clock, () => status() === 'passing');
  await engine.submit((draft) => draft.put(check(http(web.port, '/new'), { status: 'critical' })));
  clock.advance(100);
  await waitUntil(() => status() === 'passing');
  assert.equal(web.asked.at(-1), '/new');
  await engine.submit((draft) => draft.delete(keyOf.check('n1', 'c1')));
  const asked = web.asked.length;
  clock.advance(60_000);
  await engine.submit(() => undefined);
  assert.equal(web.asked.length, asked);
});

test('a registration that resets the status is probed anew at once', async (t) => {
  const web = await target(t);
  const { clock, engine, status } = await house(t, [instance(), check(http(web.port))]);
  await runUntil(clock, () => status() === 'passing');
  await engine.submit((draft) => draft.put(check(http(web.port), { notes: 'again' })));
  assert.equal(status(), 'critical');
  clock.advance(100);
  await waitUntil(() => status() === 'passing');
});

test('after a restart statuses stay, and probes come spread over the interval', async (t) => {
  const web = await target(t);
  const { clock, restart, status } = await house(t, [
    instance(),
    check(http(web.port), { status: 'passing' }),
  ]);
  await restart();
  clock.advance(4_900);
  assert.equal(status(), 'passing');
  assert.equal(web.asked.length, 0);
  clock.advance(200);
  await waitUntil(() => web.asked.length === 1);
});

test('a TTL check passes when its owner says so, and is critical when the owner is silent', async (t) => {
  const { clock, engine, health, status, output } = await house(t, [instance(), check(ttl())]);
  await health.report('n1', 'c1', 'passing', 'doing well');
  assert.equal(status(), 'passing');
  assert.equal(output(), 'doing well');
  const { revision } = engine.view;
  clock.advance(9_000);
  await health.report('n1', 'c1', 'passing', 'still well');
  assert.equal(engine.view.revision, revision);
  assert.equal(health.outputOf('n1', 'c1'), 'still well');
  clock.advance(9_000);
  await engine.submit(() => undefined);
  assert.equal(status(), 'passing');
  clock.advance(2_000);
  await waitUntil(() => status() === 'critical');
  assert.equal(output(), 'TTL expired (last output before timeout follows): still well');
  await health.report('n1', 'c1', 'warning', 'back');
  assert.equal(status(), 'warning');
});

test('a TTL check that was never reported stays critical and is not written', async (t) => {
  const { clock, engine, status } = await house(t, [instance(), check(ttl())]);
  const { revision } = engine.view;
  clock.advance(60_000);
  await engine.submit(() => undefined);
  assert.equal(status(), 'critical');
  assert.equal(engine.view.revision, revision);
});

test('no TTL check expires because the server was away', async (t) => {
  const { clock, engine, health, restart, status } = await house(t, [instance(), check(ttl())]);
  await health.report('n1', 'c1', 'passing', '');
  clock.advance(9_000);
  await restart();
  clock.advance(9_000);
  await engine.submit(() => undefined);
  assert.equal(status(), 'passing');
  clock.advance(2_000);
  await waitUntil(() => status() === 'critical');
});

test('a report of an unknown check, and of one that is not TTL, is refused', async (t) => {
  const { health } = await house(t, [instance(), check({ type: 'tcp', address: '127.0.0.1:1', tls: false })]);
  await assert.rejects(
    health.report('n1', 'nobody', 'passing', ''),
    (error) => error instanceof Fault && error.code === 'not-found',
  );
  await assert.rejects(
    health.report('n1', 'c1', 'passing', ''),
    (error) => error instanceof Fault && error.code === 'invalid',
  );
});

test('a long output is cut, and says so', async (t) => {
  const { health, output } = await house(t, [instance(), check(ttl())]);
  await health.report('n1', 'c1', 'passing', 'ü'.repeat(4_000));
  assert.match(output() ?? '', /^ü{2048} \.\.\. \(captured 4096 of 8000 bytes\)$/);
});

test('an instance that is critical for too long is removed with its checks', async (t) => {
  const { clock, engine } = await house(t, [
    instance(),
    check(ttl(), {}, { deregisterAfterMs: 60_000 }),
    check(ttl(), { id: 'c2' }),
    instance('web-2'),
  ]);
  clock.advance(59_000);
  await engine.submit(() => undefined);
  assert.ok(engine.view.catalog.instanceOnNode('n1', 'web-1'));
  clock.advance(3_000);
  await waitUntil(() => engine.view.catalog.instanceOnNode('n1', 'web-1') === undefined);
  assert.deepEqual([...engine.view.catalog.checks()], []);
  assert.ok(engine.view.catalog.instanceOnNode('n1', 'web-2'));
});

test('time in which this process stood still does not count towards deregistration', async (t) => {
  const { clock, engine } = await house(t, [instance(), check(ttl(), {}, { deregisterAfterMs: 60_000 })]);
  clock.advance(30_000);
  clock.suspend(600_000);
  clock.advance(25_000);
  await engine.submit(() => undefined);
  assert.ok(engine.view.catalog.instanceOnNode('n1', 'web-1'));
  clock.advance(7_000);
  await waitUntil(() => engine.view.catalog.instanceOnNode('n1', 'web-1') === undefined);
});

test('an instance that recovered in time stays, and its time starts anew', async (t) => {
  const { clock, engine, health } = await house(t, [
    instance(),
    check(ttl(3_600_000), {}, { deregisterAfterMs: 60_000 }),
  ]);
  clock.advance(50_000);
  await health.report('n1', 'c1', 'passing', '');
  clock.advance(50_000);
  await health.report('n1', 'c1', 'critical', '');
  clock.advance(50_000);
  await engine.submit(() => undefined);
  assert.ok(engine.view.catalog.instanceOnNode('n1', 'web-1'));
});

test('a removal that the store refused is tried again', async (t) => {
  const { breakStore, clock, engine } = await house(t, [
    instance(),
    check(ttl(), {}, { deregisterAfterMs: 60_000 }),
  ]);
  breakStore(new Fault('unavailable', 'away'));
  clock.advance(62_000);
  await new Promise(setImmediate);
  breakStore(undefined);
  clock.advance(7_000);
  await waitUntil(() => engine.view.catalog.instanceOnNode('n1', 'web-1') === undefined);
});

test('a status that the store refused is kept and written later, the newest one', async (t) => {
  const web = await target(t);
  const { breakStore, clock, engine, health, status } = await house(t, [instance(), check(http(web.port))]);
  await runUntil(clock, () => status() === 'passing');
  breakStore(new Fault('full', 'the disk is full'));
  web.code = 503;
  await runUntil(clock, () => health.readiness?.().length === 1);
  web.code = 429;
  await runUntil(clock, () => health.outputOf('n1', 'c1')?.includes('429') === true);
  assert.equal(status(), 'passing');
  const { revision } = engine.view;
  breakStore(undefined);
  await runUntil(clock, () => status() === 'warning');
  assert.equal(engine.view.revision, revision + 1, 'the status in between is never written');
  assert.deepEqual(health.readiness?.(), []);
});

test('a report while the store is away is told so, and keeps the check from expiring', async (t) => {
  const { breakStore, clock, engine, health, status } = await house(t, [instance(), check(ttl())]);
  await health.report('n1', 'c1', 'passing', '');
  breakStore(new Fault('unavailable', 'away'));
  clock.advance(9_000);
  await assert.rejects(health.report('n1', 'c1', 'warning', ''), /away/);
  breakStore(undefined);
  clock.advance(9_000);
  await engine.submit(() => undefined);
  assert.equal(status(), 'passing');
});

test('a definition that can never work is critical and says why', async (t) => {
  const { clock, health, status } = await house(t, [
    instance(),
    check({ type: 'tcp', address: '169.254.169.254:80', tls: false }, { status: 'passing' }),
  ]);
  await runUntil(clock, () => status() === 'critical');
  assert.match(health.outputOf('n1', 'c1') ?? '', /may not connect/);
});

const alias = (id: string, node = ''): Probe => ({ type: 'alias', node, instance: id });

/** An instance `web-1` that says itself how it is, and `api-1` that is as `web-1` is. */
const aliased = (probe: Probe = alias('web-1')) => [
  instance(),
  check(ttl(60_000), { status: 'passing' }),
  { ...instance('api-1'), service: 'api' },
  check(probe, { id: 'as-web', instance: { namespace: 'default', service: 'api', id: 'api-1' } }),
];

test('an alias check follows the instance that it names, and its node', async (t) => {
  const { clock, engine, health, status, output } = await house(t, aliased());
  await runUntil(clock, () => status('as-web') === 'passing');
  assert.equal(output('as-web'), 'All checks passing.');
  await health.report('n1', 'c1', 'warning', 'a bit slow');
  await runUntil(clock, () => status('as-web') === 'warning');
  assert.equal(output('as-web'), 'Aliased check "is it there" failing: a bit slow');
  await health.report('n1', 'c1', 'critical', 'gone');
  await runUntil(clock, () => status('as-web') === 'critical');
  await health.report('n1', 'c1', 'passing', '');
  await runUntil(clock, () => status('as-web') === 'passing');

  const { instance: _, definition: __, ...ofNode } = check(ttl());
  await engine.submit((draft) => draft.put({ ...ofNode, id: 'disk', name: 'disk', output: 'full' }));
  await runUntil(clock, () => status('as-web') === 'critical');
  assert.equal(output('as-web'), 'Aliased check "disk" failing: full');
});

test('an alias of an instance in maintenance, or of one that is gone, is critical', async (t) => {
  const { clock, engine, status, output } = await house(t, aliased());
  await runUntil(clock, () => status('as-web') === 'passing');
  await engine.submit((draft) =>
    draft.put({ ...instance(), adminState: 'out-of-service', adminReason: 'disks' }),
  );
  await runUntil(clock, () => status('as-web') === 'critical');
  assert.equal(output('as-web'), 'Aliased check "Service Maintenance Mode" failing: disks');
  await engine.submit((draft) => draft.put(instance()));
  await runUntil(clock, () => status('as-web') === 'passing');
  await engine.submit((draft) => {
    draft.delete(keyOf.check('n1', 'c1'));
    draft.delete(keyOf.instance('default', 'web', 'n1', 'web-1'));
  });
  await runUntil(clock, () => status('as-web') === 'critical');
  assert.equal(output('as-web'), 'Service web-1 could not be found on node n1');
});

test('an alias of a node is as the checks are that are its own; one without any is passing', async (t) => {
  const { clock, engine, status, output } = await house(t, aliased(alias('', 'n2')));
  await runUntil(clock, () => status('as-web') === 'passing');
  assert.equal(output('as-web'), 'No checks found.');
  const { instance: _, definition: __, ...serf } = check(ttl(), { node: 'n2', id: 'serfHealth' });
  await engine.submit((draft) => draft.put(serf));
  await runUntil(clock, () => status('as-web') === 'critical');
});

test('aliases of each other write at most once a second', async (t) => {
  const { clock, engine } = await house(t, [
    instance(),
    check(alias('api-1'), { id: 'a', status: 'passing' }),
    { ...instance('api-1'), service: 'api' },
    check(alias('web-1'), {
      id: 'b',
      status: 'critical',
      instance: { namespace: 'default', service: 'api', id: 'api-1' },
    }),
  ]);
  const before = engine.view.revision;
  for (let tick = 0; tick < 200; tick += 1) {
    clock.advance(50);
    await new Promise(setImmediate);
    await new Promise(setImmediate);
  }
  // At most one write of each in a second, and never a storm.
  assert.ok(engine.view.revision - before <= 22, `${engine.view.revision - before} writes`);
});

test('an alias does not look at itself, and survives a restart', async (t) => {
  const rig = await house(t, [instance(), check(alias('web-1'), { status: 'critical' })]);
  await runUntil(rig.clock, () => rig.status() === 'passing');
  await rig.restart();
  await rig.engine.submit((draft) => draft.put({ ...instance(), adminState: 'draining' }));
  await runUntil(rig.clock, () => rig.status() === 'critical');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '@portolan/core/base/fault.ts';
import { noLabels } from '@portolan/core/base/labels.ts';
import { createCatalog } from '@portolan/core/catalog/catalog.ts';
import type { Draft } from '@portolan/core/catalog/draft.ts';
import { topicOf } from '@portolan/core/catalog/reader.ts';
import { type InstanceRecord, type KvRecord, keyOf } from '@portolan/core/catalog/records.ts';
import type { Store } from '@portolan/core/catalog/store.ts';
import type { Planner } from '@portolan/core/traffic/planner.ts';
import { emptyTables, noTraffic } from '@portolan/core/traffic/tables.ts';
import { type FakeClock, fakeClock } from '@portolan/testkit/fake-clock.ts';
import { pino } from 'pino';
import type { EngineLimits } from './engine/limits.ts';
import { createEngine, type EngineService } from './engine.ts';
import { memoryStore, sharedMemory } from './store/store-memory.ts';

const log = pino({ level: 'silent' });

function planner(): Planner {
  return {
    model: { revision: 0, ...emptyTables() },
    diagnostics: [],
    rebuild: () => noTraffic,
    update: () => noTraffic,
  };
}

interface Started {
  engine: EngineService;
  clock: FakeClock;
}

async function started(store: Store = memoryStore(), limits: Partial<EngineLimits> = {}): Promise<Started> {
  const clock = fakeClock();
  const engine = createEngine({ store, catalog: createCatalog(), planner: planner(), clock, log, limits });
  await engine.start();
  return { engine, clock };
}

function instance(service: string, id: string): InstanceRecord {
  return {
    kind: 'instance',
    namespace: 'default',
    service,
    node: 'n1',
    id,
    address: '10.0.0.1',
    port: 80,
    tags: [],
    metadata: noLabels,
    taggedAddresses: {},
    weights: { passing: 1, warning: 1 },
    adminState: 'in-service',
    adminReason: '',
    enableTagOverride: false,
    origin: { dialect: 'test', source: 'test', node: 'n1' },
  };
}

function kv(key: string, value = ''): KvRecord {
  return { kind: 'kv', key, value, flags: '0', lockIndex: 0 };
}

const put =
  (...records: readonly (InstanceRecord | KvRecord)[]) =>
  (draft: Draft): number => {
    for (const record of records) draft.put(record);
    return records.length;
  };

/** A store whose commits wait, or fail, as the test says. */
function controlled(inner = memoryStore()) {
  const sizes: number[] = [];
  let failure: Fault | undefined;
  let gate: Promise<void> | undefined;
  const store: Store = {
    name: 'controlled',
    open: (onChange) => inner.open(onChange),
    close: () => inner.close(),
    async commit(transactions) {
      sizes.push(transactions.length);
      await gate;
      if (failure !== undefined) throw failure;
      return inner.commit(transactions);
    },
  };
  return {
    store,
    sizes,
    fail(fault: Fault | undefined) {
      failure = fault;
    },
    hold(): () => void {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      return () => {
        gate = undefined;
        resolve();
      };
    },
  };
}

test('a submitted intent is published when its promise resolves with its result', async () => {
  const { engine } = await started();
  assert.equal(await engine.submit(put(instance('web', 'a'), instance('web', 'b'))), 2);
  assert.equal(engine.view.revision, 1);
  assert.equal(engine.view.catalog.service('web')?.size, 2);
  await engine.stop();
});

test('concurrent intents share one commit, and those that come meanwhile share the next', async () => {
  const control = controlled();
  const { engine } = await started(control.store);
  const open = control.hold();
  const first = Array.from({ length: 20 }, (_, i) => engine.submit(put(instance('web', `a${i}`))));
  while (control.sizes.length === 0) await new Promise(setImmediate);
  const second = Array.from({ length: 30 }, (_, i) => engine.submit(put(instance('web', `b${i}`))));
  open();
  await Promise.all([...first, ...second]);
  assert.deepEqual(control.sizes, [20, 30]);
  assert.equal(engine.view.catalog.service('web')?.size, 50);
  await engine.stop();
});

test('an intent that throws is refused alone, with its own fault', async () => {
  const { engine } = await started();
  const [bad, good] = await Promise.allSettled([
    engine.submit((draft) => {
      draft.put(instance('web', 'half'));
      throw new Fault('invalid', 'ports[0] must be a number');
    }),
    engine.submit(put(instance('web', 'whole'))),
  ]);
  assert.equal(good.status, 'fulfilled');
  assert.ok(bad.status === 'rejected' && bad.reason instanceof Fault && bad.reason.code === 'invalid');
  assert.deepEqual(
    [...(engine.view.catalog.service('web')?.instances() ?? [])].map((e) => e.record.id),
    ['whole'],
  );
  await engine.stop();
});

test('an intent sees what the intents before it in the same batch write', async () => {
  const { engine } = await started();
  const count = (draft: Draft): number => {
    const before = draft.kv('counter')?.record.value ?? '0';
    draft.put(kv('counter', String(Number(before) + 1)));
    return Number(before);
  };
  const results = await Promise.all(Array.from({ length: 50 }, () => engine.submit(count)));
  assert.deepEqual(
    results,
    Array.from({ length: 50 }, (_, i) => i),
  );
  assert.equal(engine.view.catalog.kv('counter')?.record.value, '50');
  await engine.stop();
});

test('a full queue refuses with unavailable', async () => {
  const { engine } = await started(memoryStore(), { maxQueuedIntents: 2 });
  const results = await Promise.allSettled(
    ['a', 'b', 'c'].map((id) => engine.submit(put(instance('web', id)))),
  );
  assert.deepEqual(
    results.map((result) => result.status),
    ['fulfilled', 'fulfilled', 'rejected'],
  );
  const last = results[2];
  assert.ok(last?.status === 'rejected' && last.reason.code === 'unavailable');
  await engine.stop();
});

test('a batch is cut where it grows too large', async () => {
  const control = controlled();
  const { engine } = await started(control.store, { maxBatchSize: 3_000 });
  await Promise.all(['a', 'b', 'c', 'd'].map((key) => engine.submit(put(kv(key, 'x'.repeat(1_400))))));
  assert.deepEqual(control.sizes, [2, 2]);
  await engine.stop();
});

test('subscribers are told what was committed together as one, with the view that holds it', async () => {
  const { engine } = await started();
  const seen: [number, number, number][] = [];
  const unsubscribe = engine.subscribe((delta, _traffic, view) =>
    seen.push([delta.revision, delta.services.size, view.revision]),
  );
  engine.subscribe(() => {
    throw new Error('a subscriber of no manners');
  });
  await Promise.all(['a', 'b', 'c'].map((name) => engine.submit(put(instance(name, '1')))));
  await engine.submit(put(instance('d', '1')));
  unsubscribe();
  await engine.submit(put(instance('e', '1')));
  assert.deepEqual(seen, [
    [3, 3, 3],
    [4, 1, 4],
  ]);
  await engine.stop();
});

test('a failing store rejects its submitters, marks the view stale, and is found well again by a probe', async () => {
  const control = controlled();
  const { engine, clock } = await started(control.store);
  await engine.submit(put(instance('web', 'a')));
  control.fail(new Fault('unavailable', 'the disk went away'));
  await assert.rejects(engine.submit(put(instance('web', 'b'))), /the disk went away/);
  assert.equal(engine.view.stale?.reason, 'the disk went away');
  assert.equal(engine.view.catalog.service('web')?.size, 1);
  clock.advance(1_000);
  await new Promise(setImmediate);
  assert.ok(engine.view.stale, 'the first probe failed too');
  control.fail(undefined);
  clock.advance(1_000);
  await new Promise(setImmediate);
  assert.equal(engine.view.stale, undefined);
  await engine.submit(put(instance('web', 'b')));
  await engine.stop();
});

test('on a full disk a delete goes through though the puts of its batch do not', async () => {
  const inner = memoryStore();
  let full = false;
  const store: Store = {
    ...inner,
    name: 'full',
    async commit(transactions) {
      const puts = transactions.some((t) => t.writes.some((write) => write.op === 'put'));
      if (full && puts) throw new Fault('full', 'the disk is full');
      return inner.commit(transactions);
    },
  };
  const { engine } = await started(store);
  await engine.submit(put(kv('a'), kv('b')));
  full = true;
  const results = await Promise.allSettled([
    engine.submit(put(kv('c'))),
    engine.submit((draft) => draft.delete(keyOf.kv('a'))),
    engine.submit(put(kv('d'))),
  ]);
  assert.deepEqual(
    results.map((result) => result.status),
    ['rejected', 'fulfilled', 'rejected'],
  );
  assert.deepEqual(
    [...engine.view.catalog.kvPrefix('')].map((entry) => entry.record.key),
    ['b'],
  );
  await engine.stop();
});

test('on a full disk the view stays stale though deletes go through', async () => {
  const control = controlled();
  const { engine, clock } = await started(control.store);
  await engine.submit(put(kv('a')));
  control.fail(new Fault('full', 'the disk is full'));
  await assert.rejects(engine.submit(put(kv('b'))), /full/);
  control.fail(undefined);
  await engine.submit((draft) => draft.delete(keyOf.kv('a')));
  assert.equal(engine.view.stale?.reason, 'the disk is full');
  clock.advance(1_000);
  await new Promise(setImmediate);
  assert.equal(engine.view.stale, undefined);
  await engine.stop();
});

test('what another node writes to a shared store arrives without a submitter', async () => {
  const memory = sharedMemory();
  const left = (await started(memoryStore(memory))).engine;
  const right = (await started(memoryStore(memory))).engine;
  const woken = right.watch(topicOf.service('web'), 1, { timeoutMs: 60_000 });
  await left.submit(put(instance('other', 'x')));
  await left.submit(put(instance('web', 'a')));
  assert.equal(await woken, 2);
  assert.equal(right.view.revision, 2);
  assert.equal(right.view.catalog.service('web')?.size, 1);
  await Promise.all([left.stop(), right.stop()]);
});

test('two nodes that count the same key on a shared store lose no count', async () => {
  const memory = sharedMemory();
  // Another node's change is seen late, as over a network, so that guards do fail.
  const late = (): Store => {
    const inner = memoryStore(memory);
    return {
      ...inner,
      async commit(transactions) {
        await new Promise(setImmediate);
        return inner.commit(transactions);
      },
    };
  };
  const engines = [(await started(late())).engine, (await started(late())).engine];
  const count = (draft: Draft): void =>
    draft.put(kv('counter', String(Number(draft.kv('counter')?.record.value ?? '0') + 1)));
  const bump = async (engine: EngineService): Promise<void> => {
    for (let i = 0; i < 20; i++) await Promise.all([engine.submit(count), engine.submit(count)]);
  };
  await Promise.all(engines.map(bump));
  for (const engine of engines) assert.equal(engine.view.catalog.kv('counter')?.record.value, '80');
  await Promise.all(engines.map((engine) => engine.stop()));
});

test('a change that cannot be applied stops writing instead of serving a wrong catalog as right', async () => {
  const catalog = createCatalog();
  const broken = new Proxy(catalog, {
    get(target, name) {
      if (name === 'apply') throw new Error('a defect');
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const clock = fakeClock();
  const engine = createEngine({ store: memoryStore(), catalog: broken, planner: planner(), clock, log });
  await engine.start();
  await engine.submit(put(kv('a'))).catch(() => {});
  assert.match(engine.view.stale?.reason ?? '', /could not be applied/);
  await assert.rejects(
    engine.submit(put(kv('b'))),
    (error) => error instanceof Fault && error.code === 'internal',
  );
  await engine.stop();
});

test('stop refuses what waits and what comes, and ends every watch', async () => {
  const { engine, clock } = await started();
  const watch = engine.watch('all', 1, { timeoutMs: 60_000 });
  const waiting = engine.submit(put(kv('a')));
  const outcomes = Promise.allSettled([watch, waiting]);
  await engine.stop();
  for (const outcome of await outcomes) {
    assert.ok(outcome.status === 'rejected' && outcome.reason.code === 'unavailable');
  }
  await assert.rejects(engine.submit(put(kv('b'))), /not running/);
  assert.equal(clock.pending, 0, 'no timer is left');
});

test('planning anew tells the subscribers what became of the traffic', async () => {
  const traffic = { ...noTraffic, clusters: new Set(['web']) };
  let rebuilt = 0;
  const replanning: Planner = { ...planner(), rebuild: () => (++rebuilt === 1 ? noTraffic : traffic) };
  const options = { store: memoryStore(), catalog: createCatalog(), clock: fakeClock(), log };
  const engine = createEngine({ ...options, planner: replanning });
  await engine.start();
  const told: unknown[] = [];
  engine.subscribe((delta, changed) => told.push([delta.services.size, changed]));
  engine.replan();
  assert.deepEqual(told, [[0, traffic]]);
  await engine.stop();
});

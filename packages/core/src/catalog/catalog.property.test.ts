import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { labelsFrom, noLabels } from '../base/labels.ts';
import { createCatalog } from './catalog.ts';
import type { Write } from './change.ts';
import type { Catalog } from './contract.ts';
import type { Draft, Intent } from './draft.ts';
import { type CatalogReader, type Topic, topicOf } from './reader.ts';
import {
  type CatalogRecord,
  type CheckRecord,
  type Entry,
  type Health,
  type InstanceRecord,
  keyOf,
  type RecordKey,
  recordKey,
} from './records.ts';
import type { StoredEntry } from './store.ts';

/** A small world, so that random changes meet each other; its names are those that trip maps, paths and escapes. */
const world = {
  namespaces: ['default', 'team-b'],
  services: ['web', 'Web', '__proto__', 'a/b%2F'],
  nodes: ['n1', 'n/2', 'constructor', 'gone'],
  ids: ['1', '__proto__'],
  checkIds: ['c', 'hasOwnProperty', 'c/%'],
  leases: ['L', 'toString'],
  keys: ['a', 'a/b', 'a/b/c', 'b', '__proto__', 'é/\u{1F600}'],
  prefixes: ['', 'a', 'a/', 'a/b/', 'é', 'nothing'],
} as const;

const origin = { dialect: 'test', source: 's', node: 'n' };
const of = <T>(values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const namespaces = fc.oneof({ weight: 4, arbitrary: fc.constant('default') }, of(world.namespaces));
const statuses = of<Health>(['passing', 'warning', 'critical']);

const instances: fc.Arbitrary<InstanceRecord> = fc.record(
  {
    kind: fc.constant('instance'),
    namespace: namespaces,
    service: of(world.services),
    node: of(world.nodes),
    id: of(world.ids),
    address: of(['', '10.0.0.1']),
    port: of([0, 80]),
    tags: fc.array(of(['http', 'v1', '__proto__']), { maxLength: 2 }),
    metadata: of([noLabels, labelsFrom(JSON.parse('{"__proto__":"x"}'))]),
    taggedAddresses: fc.constant({}),
    weights: fc.constant({ passing: 1, warning: 1 }),
    adminState: of(['in-service', 'draining']),
    adminReason: fc.constant(''),
    enableTagOverride: fc.constant(false),
    lease: of(world.leases),
    origin: fc.constant(origin),
  },
  { requiredKeys: keysBut('lease') as never },
) as fc.Arbitrary<InstanceRecord>;

const checks = fc
  .record({
    node: of(world.nodes),
    id: of(world.checkIds),
    status: statuses,
    bearer: fc.option(fc.record({ namespace: namespaces, service: of(world.services), id: of(world.ids) })),
  })
  .map(
    ({ node, id, status, bearer }): CheckRecord => ({
      kind: 'check',
      node,
      id,
      name: id,
      status,
      output: '',
      notes: '',
      ...(bearer === null ? {} : { instance: bearer }),
      origin,
    }),
  );

const others: fc.Arbitrary<CatalogRecord> = fc.oneof(
  fc.record({ name: of(world.nodes), address: of(['10.0.0.1', '10.0.0.2']) }).map(
    ({ name, address }): CatalogRecord => ({
      kind: 'node',
      name,
      id: '',
      address,
      datacenter: 'dc1',
      taggedAddresses: noLabels,
      metadata: noLabels,
      adminState: 'in-service',
      adminReason: '',
      origin,
    }),
  ),
  fc.record({ namespace: namespaces, name: of(world.services) }).map(
    ({ namespace, name }): CatalogRecord => ({
      kind: 'service',
      namespace,
      name,
      metadata: noLabels,
      origin,
    }),
  ),
  fc
    .record({ id: of(world.leases), ttlMs: of([1, 2]) })
    .map(({ id, ttlMs }): CatalogRecord => ({ kind: 'lease', id, ttlMs, owner: 'n', origin })),
  fc
    .record({ key: of(world.keys), value: of(['', 'eA==']) })
    .map(({ key, value }): CatalogRecord => ({ kind: 'kv', key, value, flags: '0', lockIndex: 0 })),
  fc.record({ name: of(world.services), manifest: of([null, 1]) }).map(
    ({ name, manifest }): CatalogRecord => ({
      kind: 'rule',
      apiVersion: 'v/1',
      ruleKind: 'K',
      namespace: 'default',
      name,
      manifest,
      origin,
    }),
  ),
);

const records = fc.oneof(
  { weight: 3, arbitrary: instances },
  { weight: 3, arbitrary: checks },
  { weight: 2, arbitrary: others },
);
/** A copy each time: what was put is frozen. */
const writes: fc.Arbitrary<Write> = fc.oneof(
  { weight: 3, arbitrary: records.map((record): Write => ({ op: 'put', record: structuredClone(record) })) },
  { weight: 2, arbitrary: records.map((record): Write => ({ op: 'delete', key: recordKey(record) })) },
);
/** At most one write for each key, as every committed change has. */
const changes = fc.uniqueArray(writes, { minLength: 1, maxLength: 5, selector: keyOfWrite });
const histories = fc.array(changes, { minLength: 1, maxLength: 25 });

function keysBut(optional: string): string[] {
  return [
    'kind',
    'namespace',
    'service',
    'node',
    'id',
    'address',
    'port',
    'tags',
    'metadata',
    'taggedAddresses',
    'weights',
    'adminState',
    'adminReason',
    'enableTagOverride',
    'origin',
  ].filter((key) => key !== optional);
}

function keyOfWrite(write: Write): RecordKey {
  return write.op === 'put' ? recordKey(write.record) : write.key;
}

/** Nodes and instances that are not in service, with why. */
function outOfService(catalog: Omit<CatalogReader, 'indexOf'>): unknown[] {
  const nodes = [...catalog.nodes()].map(({ record }) => ({ place: [record.name], record }));
  const instances = world.nodes.flatMap((node) =>
    [...catalog.instancesOnNode(node)].map(({ record }) => ({
      place: [node, record.namespace, record.service, record.id],
      record,
    })),
  );
  return [...nodes, ...instances]
    .filter(({ record }) => record.adminState !== 'in-service')
    .map(({ place, record }) => [...place, record.adminState, record.adminReason]);
}

/** What a reader of each topic sees, as text. */
function seen(catalog: Omit<CatalogReader, 'indexOf'>): Map<Topic, string> {
  const topics = new Map<Topic, string>();
  const show = (topic: Topic, ...data: unknown[]) => topics.set(topic, JSON.stringify(data));
  for (const namespace of world.namespaces) {
    for (const name of world.services) {
      const view = catalog.service(name, namespace);
      const members = [...(view?.instances() ?? [])].map((entry) => ({
        entry,
        health: catalog.healthOf(entry.record),
        checks: [...catalog.checksOfInstance(entry.record)],
        node: catalog.node(entry.record.node),
        nodeChecks: [...catalog.nodeChecks(entry.record.node)],
      }));
      show(topicOf.service(name, namespace), view?.record, view?.size, view?.tags(), members);
    }
  }
  for (const name of world.nodes) {
    show(
      topicOf.node(name),
      catalog.node(name),
      [...catalog.instancesOnNode(name)],
      [...catalog.checksOnNode(name)],
    );
  }
  show(
    topicOf.services,
    [...catalog.services()].map((view) => [view.namespace, view.name, view.tags()]),
  );
  show(topicOf.nodes, [...catalog.nodes()]);
  show(topicOf.checks, [...catalog.checks()], outOfService(catalog));
  show(topicOf.rules, [...catalog.rules()]);
  show(topicOf.leases, [...catalog.leases()]);
  for (const key of world.keys) show(topicOf.kv(key), catalog.kv(key));
  for (const prefix of world.prefixes) show(topicOf.kvPrefix(prefix), [...catalog.kvPrefix(prefix)]);
  return topics;
}

/** Everything that can be asked, as text. */
function answers(catalog: Omit<CatalogReader, 'indexOf' | 'revision'>): string {
  const data: unknown[] = [...seen(catalog as CatalogReader)];
  for (const namespace of world.namespaces) {
    data.push([...catalog.services(namespace)].map((view) => view.name));
    for (const name of world.services) {
      data.push(catalog.servicesByFoldedName(name.toLowerCase(), namespace).map((view) => view.name));
      for (const node of world.nodes) {
        for (const id of world.ids) data.push(catalog.instance(namespace, name, node, id) ?? null);
      }
    }
  }
  for (const node of world.nodes) {
    for (const id of world.ids) data.push(catalog.instanceOnNode(node, id) ?? null);
    for (const id of world.checkIds) data.push(catalog.check(node, id) ?? null);
  }
  for (const lease of world.leases)
    data.push([...catalog.instancesOnLease(lease)], catalog.lease(lease) ?? null);
  return JSON.stringify(data);
}

function indexes(catalog: Catalog): Map<Topic, number> {
  return new Map([...seen(catalog).keys(), topicOf.all].map((topic) => [topic, catalog.indexOf(topic)]));
}

function stored(catalog: Catalog): StoredEntry[] {
  const views = [...catalog.services()];
  const settings = views.flatMap((view): StoredEntry[] =>
    view.record === undefined ? [] : [{ record: view.record, createRevision: 1, modifyRevision: 1 }],
  );
  const entries: Entry[] = [
    ...catalog.checks(),
    ...catalog.kvPrefix(''),
    ...views.flatMap((view): Entry[] => [...view.instances()]),
    ...catalog.leases(),
    ...catalog.rules(),
    ...catalog.nodes(),
  ];
  return [...settings, ...entries].map((entry) => structuredClone(entry));
}

function replay(history: readonly (readonly Write[])[], maxTombstones = 1_000): Catalog {
  const catalog = createCatalog({ maxTombstones });
  for (const change of history) catalog.apply({ revision: catalog.revision + 1, writes: change });
  return catalog;
}

test('changes applied one by one give the catalog that loading their outcome gives', () => {
  fc.assert(
    fc.property(histories, (history) => {
      const grown = replay(history);
      const loaded = createCatalog();
      loaded.load({ revision: grown.revision, entries: stored(grown) });
      assert.equal(answers(loaded), answers(grown));
      assert.equal(loaded.revision, grown.revision);
    }),
    { numRuns: 300 },
  );
});

test('a topic moves exactly when what its reader sees changes, and the delta says so', () => {
  fc.assert(
    fc.property(histories, (history) => {
      const catalog = createCatalog();
      for (const [at, change] of history.entries()) {
        const revision = catalog.revision + 1;
        // What was only thought of must not leave anything that a later change would meet.
        effective(catalog, history[at + 1] ?? []);
        const before = seen(catalog);
        const old = indexes(catalog);
        const delta = catalog.apply({ revision, writes: effective(catalog, change) });
        const moved = new Set<Topic>();
        for (const [topic, data] of seen(catalog)) {
          if (data === before.get(topic)) assert.equal(catalog.indexOf(topic), old.get(topic), topic);
          else moved.add(topic);
        }
        for (const topic of moved) assert.equal(catalog.indexOf(topic), revision, topic);
        assert.equal(catalog.indexOf(topicOf.all), revision);
        const after = (prefix: string) =>
          [...moved].filter((topic) => topic.startsWith(prefix)).map((topic) => topic.slice(prefix.length));
        assert.deepEqual([...delta.services].sort(), after('service/').sort());
        assert.deepEqual([...delta.nodes].sort(), after('node/').sort());
        assert.deepEqual([...delta.kvKeys].sort(), after('kv/').sort());
        assert.equal(delta.serviceList, moved.has(topicOf.services));
        assert.equal(delta.nodeList, moved.has(topicOf.nodes));
        assert.equal(delta.checkList, moved.has(topicOf.checks));
        assert.equal(delta.rules, moved.has(topicOf.rules));
        assert.equal(delta.leases.length > 0, moved.has(topicOf.leases));
      }
    }),
    { numRuns: 300 },
  );
});

test('with few tombstones a changed topic still moves, and none ever goes back', () => {
  fc.assert(
    fc.property(histories, fc.nat(3), (history, maxTombstones) => {
      const catalog = createCatalog({ maxTombstones });
      for (const change of history) {
        const before = seen(catalog);
        const old = indexes(catalog);
        catalog.apply({ revision: catalog.revision + 1, writes: change });
        const after = seen(catalog);
        for (const [topic, index] of indexes(catalog)) {
          assert.ok(index >= (old.get(topic) ?? 1), topic);
          if (after.get(topic) !== before.get(topic)) assert.equal(index, catalog.revision, topic);
        }
      }
    }),
    { numRuns: 300 },
  );
});

/** What of a change the engine would commit: a record that is there already is not written again. */
function effective(catalog: Catalog, change: readonly Write[]): readonly Write[] {
  const sequence = change.map((write): Act => ({ act: 'write', write }));
  const [decision] = catalog.decide([intentOf(sequence)]);
  assert.ok(decision?.outcome === 'decided');
  return decision.transaction.writes;
}

/** What a random intent does, in order. */
type Act =
  | { readonly act: 'write'; readonly write: Write }
  | { readonly act: 'expect'; readonly key: RecordKey; readonly modifyRevision: number }
  | { readonly act: 'throw' };

const acts: fc.Arbitrary<Act> = fc.oneof(
  { weight: 12, arbitrary: writes.map((write): Act => ({ act: 'write', write })) },
  {
    weight: 2,
    arbitrary: fc
      .record({ record: records, modifyRevision: fc.nat(3) })
      .map(({ record, modifyRevision }): Act => ({ act: 'expect', key: recordKey(record), modifyRevision })),
  },
  { weight: 1, arbitrary: fc.constant<Act>({ act: 'throw' }) },
);

function intentOf(sequence: readonly Act[]): Intent<void> {
  return (draft) => {
    for (const step of sequence) {
      if (step.act === 'throw') throw new Error('refused');
      if (step.act === 'expect') draft.expect(step.key, step.modifyRevision);
      else if (step.write.op === 'put') draft.put(step.write.record);
      else draft.delete(step.write.key);
    }
  };
}

test('deciding leaves the catalog as it was, and committing the decisions gives what the intents saw', () => {
  const batches = fc.array(fc.array(acts, { maxLength: 6 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(histories, batches, (history, batch) => {
      const catalog = replay(history);
      const before = answers(catalog);
      const oldIndexes = indexes(catalog);
      const views = [...catalog.services()];
      // Between the intents others look on, and write nothing.
      const look = (draft: Draft) => answers(draft);
      const decisions = catalog.decide(batch.flatMap((sequence) => [intentOf(sequence), look]));
      assert.equal(answers(catalog), before);
      assert.deepEqual(indexes(catalog), oldIndexes);
      assert.deepEqual([...catalog.services()].map(identity), views.map(identity));

      for (let at = 0; at < decisions.length; at += 2) {
        const decided = decisions[at];
        const looked = decisions[at + 1];
        if (decided?.outcome === 'decided' && decided.transaction.writes.length > 0) {
          const { writes: wanted, guards } = decided.transaction;
          assert.equal(new Set(wanted.map(keyOfWrite)).size, wanted.length);
          for (const { key, modifyRevision } of guards)
            assert.equal(modifyRevisionAt(catalog, key), modifyRevision);
          catalog.apply({ revision: catalog.revision + 1, writes: wanted });
        }
        assert.ok(looked?.outcome === 'decided');
        assert.equal(answers(catalog), looked.result);
      }
    }),
    { numRuns: 300 },
  );
});

const numbers = new WeakMap<object, number>();
let nextNumber = 0;

/** A number that is this object's alone: compared as text, a view that was replaced by an equal one would pass. */
function identity(view: object): number {
  const number = numbers.get(view) ?? nextNumber++;
  numbers.set(view, number);
  return number;
}

function modifyRevisionAt(catalog: Catalog, key: RecordKey): number {
  let found = 0;
  catalog.decide([
    (draft) => {
      // The only way to ask by key: a guess is refused with the truth, so all are tried.
      for (let revision = 0; revision <= catalog.revision; revision++) {
        try {
          draft.expect(key, revision);
          found = revision;
        } catch {}
      }
    },
  ]);
  return found;
}

test('an empty catalog answers everything with nothing', () => {
  const catalog = createCatalog();
  assert.equal(catalog.revision, 0);
  for (const [topic, index] of indexes(catalog)) assert.equal(index, 1, topic);
  assert.equal(catalog.service('web'), undefined);
  assert.equal(catalog.decide([(draft) => draft.delete(keyOf.node('n1'))])[0]?.outcome, 'decided');
});

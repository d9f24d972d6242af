import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../base/fault.ts';
import { noLabels } from '../base/labels.ts';
import { createCatalog } from './catalog.ts';
import type { Write } from './change.ts';
import type { Catalog, Decision } from './contract.ts';
import type { Draft } from './draft.ts';
import { topicOf } from './reader.ts';
import {
  type CatalogRecord,
  type CheckRecord,
  type InstanceRecord,
  type KvRecord,
  keyOf,
  type NodeRecord,
  type RuleRecord,
  recordKey,
} from './records.ts';

const origin = { dialect: 'test', source: 's', node: 'n' };

function instance(
  service: string,
  node: string,
  id: string,
  more: Partial<InstanceRecord> = {},
): InstanceRecord {
  return {
    kind: 'instance',
    namespace: 'default',
    service,
    node,
    id,
    address: '',
    port: 80,
    tags: [],
    metadata: noLabels,
    taggedAddresses: {},
    weights: { passing: 1, warning: 1 },
    adminState: 'in-service',
    adminReason: '',
    enableTagOverride: false,
    origin,
    ...more,
  };
}

function check(node: string, id: string, more: Partial<CheckRecord> = {}): CheckRecord {
  return { kind: 'check', node, id, name: id, status: 'passing', output: '', notes: '', origin, ...more };
}

function node(name: string, address = '10.0.0.1'): NodeRecord {
  return {
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
  };
}

function kv(key: string, value = ''): KvRecord {
  return { kind: 'kv', key, value, flags: '0', lockIndex: 0 };
}

function put(catalog: Catalog, ...records: readonly CatalogRecord[]): void {
  apply(
    catalog,
    records.map((record) => ({ op: 'put', record })),
  );
}

function apply(catalog: Catalog, writes: readonly Write[]): void {
  catalog.apply({ revision: catalog.revision + 1, writes });
}

function decided(decision: Decision | undefined): Extract<Decision, { outcome: 'decided' }> {
  assert.ok(decision?.outcome === 'decided', JSON.stringify(decision));
  return decision;
}

function refused(decision: Decision | undefined): Fault {
  assert.ok(decision?.outcome === 'refused', JSON.stringify(decision));
  return decision.fault;
}

test('the instances of a service come in order of node, then id', () => {
  const catalog = createCatalog();
  put(catalog, instance('web', 'b', '1'), instance('web', 'a', '2'), instance('web', 'a', '10'));
  const order = [...(catalog.service('web')?.instances() ?? [])].map(
    ({ record }) => `${record.node}${record.id}`,
  );
  assert.deepEqual(order, ['a10', 'a2', 'b1']);
});

test('services come in order of name, of one namespace or of all', () => {
  const catalog = createCatalog();
  put(catalog, instance('b', 'n', '1'), instance('a', 'n', '2'), instance('c', 'n', '3', { namespace: 'x' }));
  const names = (namespace?: string) => Array.from(catalog.services(namespace), (view) => view.name);
  assert.deepEqual(names('default'), ['a', 'b']);
  assert.deepEqual(names('x'), ['c']);
  assert.deepEqual(names(), ['a', 'b', 'c']);
  const services = catalog.services();
  assert.deepEqual([...services], [...services], 'a collection can be read twice');
});

test('the tags of a service are all of its instances, in order, each once', () => {
  const catalog = createCatalog();
  put(
    catalog,
    instance('web', 'n', '1', { tags: ['v2', 'http'] }),
    instance('web', 'n', '2', { tags: ['http'] }),
  );
  assert.deepEqual(catalog.service('web')?.tags(), ['http', 'v2']);
  apply(catalog, [{ op: 'delete', key: keyOf.instance('default', 'web', 'n', '1') }]);
  assert.deepEqual(catalog.service('web')?.tags(), ['http']);
});

test('a tag that passes from one instance to another in one change leaves the list of services alone', () => {
  const catalog = createCatalog();
  put(catalog, instance('web', 'n', '1', { tags: ['x'] }), instance('web', 'n', '2'));
  put(catalog, instance('web', 'n', '1'), instance('web', 'n', '2', { tags: ['x'] }));
  assert.equal(catalog.indexOf(topicOf.services), 1);
  assert.equal(catalog.indexOf(topicOf.service('web')), 2);
});

test('health is the worst of the checks of the instance and of its node, whatever the admin state', () => {
  const catalog = createCatalog();
  const web = instance('web', 'n', '1', { adminState: 'out-of-service' });
  const bearer = { namespace: 'default', service: 'web', id: '1' };
  put(catalog, web);
  assert.equal(catalog.healthOf(web), 'passing');
  put(catalog, check('n', 'own', { instance: bearer, status: 'warning' }));
  assert.equal(catalog.healthOf(web), 'warning');
  put(catalog, check('n', 'node', { status: 'critical' }));
  assert.equal(catalog.healthOf(web), 'critical');
  put(
    catalog,
    check('n', 'node'),
    check('n', 'other', { instance: { ...bearer, id: '2' }, status: 'critical' }),
  );
  assert.equal(catalog.healthOf(web), 'warning');
});

test('a change of a node or of its own check moves every service there and no other', () => {
  const catalog = createCatalog();
  put(catalog, instance('web', 'a', '1'), instance('api', 'a', '2'), instance('db', 'b', '3'));
  const delta = catalog.apply({ revision: 2, writes: [{ op: 'put', record: node('a') }] });
  assert.deepEqual([...delta.services].sort(), ['default/api', 'default/web']);
  put(catalog, check('a', 'serfHealth'));
  assert.equal(catalog.indexOf(topicOf.service('web')), 3);
  assert.equal(catalog.indexOf(topicOf.service('api')), 3);
  assert.equal(catalog.indexOf(topicOf.service('db')), 1);
});

test('a view is replaced when anything about its service changes, and else kept', () => {
  const catalog = createCatalog();
  put(catalog, instance('web', 'n', '1'), instance('db', 'n', '2'));
  const [web, db] = [catalog.service('web'), catalog.service('db')];
  put(catalog, check('n', 'c', { instance: { namespace: 'default', service: 'web', id: '1' } }));
  assert.notEqual(catalog.service('web'), web);
  assert.equal(catalog.service('web')?.modifyRevision, 2);
  assert.equal(catalog.service('db'), db);
});

test('what is gone keeps the revision of its removal', () => {
  const catalog = createCatalog();
  put(catalog, instance('web', 'n', '1'), kv('a/b'));
  apply(catalog, [{ op: 'delete', key: keyOf.instance('default', 'web', 'n', '1') }]);
  apply(catalog, [{ op: 'delete', key: keyOf.kv('a/b') }]);
  put(catalog, kv('other'));
  assert.equal(catalog.indexOf(topicOf.service('web')), 2);
  assert.equal(catalog.indexOf(topicOf.kv('a/b')), 3);
  assert.equal(catalog.indexOf(topicOf.kvPrefix('a/')), 3);
  assert.equal(catalog.indexOf(topicOf.service('never')), 1);
});

test('after a load no index is below its revision, since what was removed before is not known', () => {
  const catalog = createCatalog();
  const record = instance('web', 'n', '1');
  catalog.load({ revision: 50, entries: [{ record, createRevision: 3, modifyRevision: 4 }] });
  assert.equal(catalog.revision, 50);
  assert.equal(catalog.indexOf(topicOf.service('web')), 50);
  assert.equal(catalog.indexOf(topicOf.service('never')), 50);
  assert.equal(catalog.instanceOnNode('n', '1')?.modifyRevision, 4);
  put(catalog, kv('a'));
  assert.equal(catalog.indexOf(topicOf.service('web')), 50);
});

test('entries and what hangs on them are frozen', () => {
  const catalog = createCatalog();
  put(catalog, instance('web', 'n', '1', { metadata: { a: 'b' } }));
  const entry = catalog.instanceOnNode('n', '1');
  assert.ok(Object.isFrozen(entry));
  assert.ok(Object.isFrozen(entry?.record));
  assert.ok(Object.isFrozen(entry?.record.metadata));
  assert.ok(Object.isFrozen(entry?.record.tags));
});

test('a record equal to what is there is no write', () => {
  const catalog = createCatalog();
  put(catalog, instance('web', 'n', '1'));
  const [decision] = catalog.decide([(draft) => draft.put(instance('web', 'n', '1'))]);
  assert.deepEqual(decided(decision).transaction, { writes: [], guards: [] });
});

test('a record removed and put back as it was is no write, put back otherwise is one', () => {
  const catalog = createCatalog();
  put(catalog, kv('a'));
  const replaced = (value: string) => (draft: Draft) => {
    draft.delete(keyOf.kv('a'));
    draft.put(kv('a', value));
    draft.put(kv('b'));
    draft.delete(keyOf.kv('b'));
  };
  const [same, other] = catalog.decide([replaced(''), replaced('eA==')]);
  assert.deepEqual(decided(same).transaction.writes, []);
  assert.deepEqual(decided(other).transaction.writes, [{ op: 'put', record: kv('a', 'eA==') }]);
});

test('an intent that throws takes only its own writes with it', () => {
  const catalog = createCatalog();
  const [first, second, third] = catalog.decide([
    (draft) => draft.put(kv('a')),
    (draft) => {
      draft.put(kv('b'));
      draft.delete(keyOf.kv('a'));
      throw new Fault('denied', 'not yours');
    },
    (draft) => Array.from(draft.kvPrefix(''), ({ record }) => record.key),
  ]);
  assert.equal(decided(first).transaction.writes.length, 1);
  assert.equal(refused(second).code, 'denied');
  assert.deepEqual(decided(third).result, ['a']);
  assert.equal(catalog.kv('a'), undefined);
});

test('writes carry the revision that they will probably have; intents without writes take none', () => {
  const catalog = createCatalog();
  put(catalog, kv('old'));
  const revisionOf = (key: string) => (draft: Draft) => {
    draft.put(kv(key));
    return draft.kv(key)?.modifyRevision;
  };
  const decisions = catalog.decide([
    revisionOf('a'),
    (draft) => draft.kv('old')?.modifyRevision,
    revisionOf('b'),
  ]);
  assert.deepEqual(
    decisions.map((decision) => decided(decision).result),
    [2, 1, 3],
  );
});

test('a write is guarded by what was there, unless an earlier intent of the batch writes it', () => {
  const catalog = createCatalog();
  put(catalog, kv('a'));
  const write = (value: string) => (draft: Draft) => {
    draft.put(kv('a', value));
    draft.put(kv('new', value));
  };
  const [first, second] = catalog.decide([write('eA=='), write('eQ==')]);
  assert.deepEqual(decided(first).transaction.guards, [
    { key: 'kv/a', modifyRevision: 1 },
    { key: 'kv/new', modifyRevision: 0 },
  ]);
  assert.deepEqual(decided(second).transaction.guards, []);
});

test('an expectation that holds is a guard, one that fails a conflict', () => {
  const catalog = createCatalog();
  put(catalog, kv('a'));
  const expecting = (key: string, modifyRevision: number) => (draft: Draft) =>
    draft.expect(keyOf.kv(key), modifyRevision);
  const [holds, absent, fails, unexpected] = catalog.decide([
    expecting('a', 1),
    expecting('b', 0),
    expecting('a', 7),
    expecting('a', 0),
  ]);
  assert.deepEqual(decided(holds).transaction.guards, [{ key: 'kv/a', modifyRevision: 1 }]);
  assert.deepEqual(decided(absent).transaction.guards, [{ key: 'kv/b', modifyRevision: 0 }]);
  assert.equal(refused(fails).code, 'conflict');
  assert.equal(refused(unexpected).code, 'conflict');
});

test('an expectation is about what the intent found, not what it wrote', () => {
  const catalog = createCatalog();
  put(catalog, kv('a'));
  const [decision] = catalog.decide([
    (draft) => {
      draft.put(kv('a', 'eA=='));
      draft.expect(keyOf.kv('a'), 1);
    },
  ]);
  assert.deepEqual(decided(decision).transaction.guards, [{ key: 'kv/a', modifyRevision: 1 }]);
});

test('of two that expect the same revision and write, the second is refused', () => {
  const catalog = createCatalog();
  put(catalog, kv('a'));
  const swap = (value: string) => (draft: Draft) => {
    draft.expect(keyOf.kv('a'), 1);
    draft.put(kv('a', value));
  };
  const [first, second] = catalog.decide([swap('eA=='), swap('eQ==')]);
  assert.equal(decided(first).transaction.writes.length, 1);
  assert.equal(refused(second).code, 'conflict');
});

test('what an intent goes through may be deleted on the way', () => {
  const catalog = createCatalog();
  put(catalog, node('n'), ...Array.from({ length: 100 }, (_, id) => instance('web', 'n', String(id))));
  const [decision] = catalog.decide([
    (draft) => {
      for (const { record } of draft.instancesOnNode('n')) {
        draft.delete(keyOf.instance(record.namespace, record.service, record.node, record.id));
      }
      return draft.service('web');
    },
  ]);
  assert.equal(decided(decision).result, undefined);
  assert.equal(decided(decision).transaction.writes.length, 100);
  assert.equal(catalog.service('web')?.size, 100);
});

test('a draft cannot be written after its intent, and an intent cannot be asynchronous', () => {
  const catalog = createCatalog();
  let kept: Draft | undefined;
  const [, later] = catalog.decide([
    (draft) => {
      kept = draft;
    },
    async (draft) => {
      draft.put(kv('a'));
      throw new Error('nobody waits for it');
    },
  ]);
  assert.equal(refused(later).code, 'internal');
  assert.throws(() => kept?.put(kv('a')), Fault);
  assert.equal(catalog.kv('a'), undefined);
});

test('a bad record is refused before anything of it is seen', () => {
  const catalog = createCatalog();
  const [decision] = catalog.decide([(draft) => draft.put(instance('web', 'n', '1', { port: 65_536 }))]);
  assert.equal(refused(decision).code, 'invalid');
  assert.equal(refused(decision).path, 'port');
});

test('revisions that do not rise and a second load are refused', () => {
  const catalog = createCatalog();
  put(catalog, kv('a'));
  assert.throws(() => catalog.apply({ revision: 1, writes: [] }), Fault);
  assert.throws(() => catalog.load({ revision: 5, entries: [] }), Fault);
});

test('two services may have an instance of the same id on one node', () => {
  const catalog = createCatalog();
  put(catalog, instance('web', 'n', '1'), instance('api', 'n', '1'));
  assert.equal(catalog.instanceOnNode('n', '1')?.record.service, 'api');
  assert.equal(catalog.instance('default', 'web', 'n', '1')?.record.service, 'web');
  apply(catalog, [{ op: 'delete', key: keyOf.instance('default', 'api', 'n', '1') }]);
  assert.equal(catalog.instanceOnNode('n', '1')?.record.service, 'web');
});

test('names that trip maps, paths and escapes are names like any other', () => {
  for (const name of ['__proto__', 'constructor', 'a/b', '100%', '%2F', 'naïve \u{1F600}']) {
    const catalog = createCatalog();
    const records = [node(name), instance(name, name, name, { lease: name }), check(name, name), kv(name)];
    const [decision] = catalog.decide([
      (draft) => {
        for (const record of records) draft.put(record);
      },
    ]);
    apply(catalog, decided(decision).transaction.writes);
    assert.equal(catalog.service(name)?.size, 1, name);
    assert.equal(catalog.servicesByFoldedName(name.toLowerCase()).length, 1, name);
    assert.equal([...catalog.instancesOnLease(name)].length, 1, name);
    assert.equal(catalog.check(name, name)?.record.id, name);
    assert.equal(catalog.indexOf(topicOf.service(name)), 1);
    apply(catalog, [{ op: 'delete', key: keyOf.instance('default', name, name, name) }]);
    assert.equal(catalog.service(name), undefined, name);
    assert.equal(catalog.indexOf(topicOf.service(name)), 2, name);
    assert.equal(catalog.indexOf(topicOf.node(name)), 2, name);
    assert.equal(catalog.indexOf(topicOf.kv(name)), 1, name);
  }
});

test('a rule moves the topic of its apiVersion, and no other’s; its key is in the delta, and it is found by key and by run', () => {
  const catalog = createCatalog();
  const rule = (apiVersion: string, ruleKind: string, namespace: string, name: string): RuleRecord => ({
    kind: 'rule',
    ...{ apiVersion, ruleKind, namespace, name, manifest: {}, origin },
  });
  const records = [
    rule('v1', 'Service', 'a', 'x'),
    rule('v1', 'Service', 'b', 'y'),
    rule('x/v1', 'Ingress', 'a', 'z'),
  ];
  for (const [index, record] of records.entries()) {
    const delta = catalog.apply({ revision: index + 1, writes: [{ op: 'put', record }] });
    assert.deepEqual([delta.rules, [...delta.ruleKeys]], [true, [recordKey(record)]]);
  }
  assert.equal(catalog.indexOf(topicOf.rulesOf('v1')), 2);
  assert.equal(catalog.indexOf(topicOf.rulesOf('x/v1')), 3);
  assert.equal(catalog.indexOf(topicOf.rules), 3);
  const names = (...of: readonly string[]): string =>
    Array.from(catalog.rules(...of), ({ record }) => record.name).join('');
  assert.deepEqual(
    [names(), names('v1'), names('v1', 'Service', 'b'), names('x/v1', 'Service')],
    ['xyz', 'xy', 'y', ''],
  );
  assert.equal(catalog.rule('x/v1', 'Ingress', 'a', 'z')?.modifyRevision, 3);
  assert.equal(catalog.rule('x/v1', 'Ingress', 'b', 'z'), undefined);
});

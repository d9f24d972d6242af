import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCatalog } from '@portolan/core/catalog/catalog.ts';
import type { Intent } from '@portolan/core/catalog/draft.ts';
import type { CheckRecord, InstanceRecord } from '@portolan/core/catalog/records.ts';
import { container, place } from './docker.fixture.ts';
import { ownRecords, type Records, reconcile, removeAll } from './intents.ts';
import { limits } from './limits.ts';
import { selfNode } from './place.ts';
import { World } from './world.ts';

const identity = { node: 'n1', nodeId: '', datacenter: 'dc1', address: '192.0.2.1', version: '0' };
const node = selfNode(identity);

/** A catalog, and what writes to it. */
function catalogRig() {
  const catalog = createCatalog();
  let revision = 0;
  const submit = <T>(intent: Intent<T>): T => {
    const [decision] = catalog.decide([intent]);
    if (decision?.outcome !== 'decided') throw decision?.fault ?? new Error('undecided');
    const { writes } = decision.transaction;
    if (writes.length > 0) catalog.apply({ revision: ++revision, writes });
    return decision.result as T;
  };
  const write = (world: World, before?: Records) =>
    submit((draft) => reconcile(draft, node, before, world.wanted().records));
  const ids = () => Array.from(catalog.instancesOnNode('n1'), ({ record }) => record.id);
  return { catalog, submit, write, ids, revision: () => revision };
}

const instancesIn = (world: World): InstanceRecord[] =>
  [...world.wanted().records.values()].filter((record) => record.kind === 'instance');

test('a container drains from the signal that stops it to its end', () => {
  const world = new World(place());
  const stateOf = () => instancesIn(world)[0]?.adminState;
  world.read(container());
  assert.equal(stateOf(), 'in-service');
  world.note('c1', { signal: '1', renewed: false }, 0);
  assert.equal(stateOf(), 'in-service');
  world.note('c1', { signal: '15', renewed: false }, 0);
  assert.equal(stateOf(), 'draining');
  world.read(container());
  assert.equal(stateOf(), 'draining');
  world.read(container({ startedAt: 'later' }));
  assert.equal(stateOf(), 'in-service');
  world.read(container({ state: 'stopped' }));
  assert.equal(stateOf(), undefined);
});

test('a container that was told to stop and does not is back in service in the end', () => {
  const world = new World(place());
  world.read(container());
  world.note('c1', { signal: '15', renewed: false }, 1_000);
  assert.deepEqual(world.forgetOverdueStops(limits.maxStoppingMs + 999), []);
  assert.deepEqual(world.forgetOverdueStops(limits.maxStoppingMs + 1_000), ['shop-1']);
  assert.equal(instancesIn(world)[0]?.adminState, 'in-service');
});

test('of two containers that want one ID the older has it, then the other', () => {
  const world = new World(place());
  const labels = new Map([['SERVICE_ID', 'same']]);
  world.read(container({ id: 'b', name: 'young', created: '2026-01-02', labels }));
  world.read(container({ id: 'a', name: 'old', created: '2026-01-01', labels }));
  assert.deepEqual(
    instancesIn(world).map(({ extra }) => extra?.['docker.container']),
    ['a'],
  );
  assert.deepEqual(world.wanted().problems, [
    { container: 'young', message: 'ID "same" is not registered: container old has it already' },
  ]);
  world.forget('a');
  assert.deepEqual(
    instancesIn(world).map(({ extra }) => extra?.['docker.container']),
    ['b'],
  );
});

test('a container follows the one in whose network it is', () => {
  const world = new World(place());
  const beside = container({ id: 'c2', name: 'side', networkMode: 'container:c1', ports: new Map() });
  world.read(beside);
  assert.deepEqual(instancesIn(world), []);
  world.read(container({ networks: new Map([['bridge', { id: '', address: '10.9.9.9' }]]) }));
  assert.ok(instancesIn(world).some(({ id, address }) => id === 'web1:side:8080' && address === '10.9.9.9'));
  world.read(container({ state: 'stopped' }));
  assert.deepEqual(instancesIn(world), []);
});

test('with on-success only an end by 0 or by a signal removes; else the instance stays and is critical', () => {
  for (const [exitCode, stays] of [
    [0, false],
    [1, true],
    [127, true],
    [137, false],
    [143, false],
  ] as const) {
    const world = new World(place({ deregister: 'on-success' }));
    world.read(container());
    world.wanted();
    world.read(container({ state: 'stopped', exitCode }));
    const records = [...world.wanted().records.values()];
    const checks = records.filter((record): record is CheckRecord => record.kind === 'check');
    assert.equal(records.length, stays ? 2 : 0, String(exitCode));
    assert.deepEqual(
      checks.map(({ status, output }) => [status, output]),
      stays ? [['critical', `the container ended with exit code ${exitCode}`]] : [],
    );
  }
  const never = new World(place({ deregister: 'on-success' }));
  never.read(container({ state: 'stopped', exitCode: 1 }));
  assert.equal(never.wanted().records.size, 0);
});

test('what is equal is not written again, what is gone is removed', () => {
  const { write, ids, revision } = catalogRig();
  const world = new World(place());
  world.read(container());
  const first = write(world);
  const after = revision();
  write(world, first.written);
  write(world);
  assert.equal(revision(), after);
  world.forget('c1');
  write(world, first.written);
  assert.deepEqual(ids(), []);
});

test('others’ records are neither changed nor removed, and a problem says whose they are', () => {
  const { catalog, submit, write, ids } = catalogRig();
  const origin = { dialect: 'consul', source: 'agent', node: 'n1' };
  const world = new World(place());
  world.read(container());
  const [ours] = instancesIn(world);
  assert.ok(ours !== undefined);
  submit((draft) => {
    draft.put(node);
    draft.put({ ...ours, service: 'theirs', origin });
    draft.put({ ...ours, id: 'another', origin });
  });
  const { written, refused } = write(world);
  assert.equal(written.size, 0);
  assert.match(refused.join(), /"web1:shop-1:8080" is not registered: consul \(agent\) has that ID/);
  assert.equal(catalog.instanceOnNode('n1', ours.id)?.record.service, 'theirs');
  world.forget('c1');
  write(world);
  assert.equal(
    submit((draft) => removeAll(draft, 'n1')),
    0,
  );
  assert.deepEqual(ids().sort(), ['another', ours.id]);
});

test('a status, and an administrator’s word, outlive that a container is looked at anew', () => {
  const { catalog, submit, write } = catalogRig();
  const world = new World(place());
  const labels = new Map([['SERVICE_CHECK_TCP', 'true']]);
  world.read(container({ labels }));
  write(world);
  const check = catalog.check('n1', 'service:web1:shop-1:8080')?.record;
  const instance = catalog.instanceOnNode('n1', 'web1:shop-1:8080')?.record;
  assert.ok(check !== undefined && instance !== undefined);
  submit((draft) => {
    draft.put({ ...check, status: 'passing', output: 'well' });
    draft.put({ ...instance, adminState: 'out-of-service', adminReason: 'by hand' });
  });
  world.read(container({ labels, startedAt: 'later' }));
  write(world);
  assert.equal(catalog.check('n1', check.id)?.record.status, 'passing');
  const after = catalog.instanceOnNode('n1', instance.id)?.record;
  assert.deepEqual([after?.adminState, after?.adminReason], ['out-of-service', 'by hand']);
  assert.equal(after?.extra?.['docker.started'], 'later');
});

test('an instance goes with every check on it, whoever put it there', () => {
  const { catalog, submit, write } = catalogRig();
  const world = new World(place());
  world.read(container());
  const { written } = write(world);
  const instance = { namespace: 'default', service: 'shop', id: 'web1:shop-1:8080' };
  const check = {
    kind: 'check',
    node: 'n1',
    id: 'extra',
    name: '',
    status: 'passing',
    output: '',
    notes: '',
  } as const;
  const origin = { dialect: 'consul', source: 'agent', node: 'n1' };
  submit((draft) => draft.put({ ...check, instance, origin }));
  world.forget('c1');
  write(world, written);
  assert.equal(catalog.check('n1', 'extra'), undefined);
});

test('after a restart it knows whose the records are: a stop goes on, an unread container stays', () => {
  const { catalog, write, ids } = catalogRig();
  const before = new World(place());
  before.read(container());
  before.read(container({ id: 'c2', name: 'hung' }));
  before.note('c1', { signal: '15', renewed: false }, 0);
  write(before);

  const again = new World(place());
  again.adopt(catalog, 0);
  assert.deepEqual([...again.ids()].sort(), ['c1', 'c2']);
  again.read(container());
  again.unread('c2');
  write(again);
  assert.deepEqual(ids().sort(), ['web1:hung:8080', 'web1:shop-1:8080']);
  assert.equal(catalog.instanceOnNode('n1', 'web1:shop-1:8080')?.record.adminState, 'draining');
  assert.equal(ownRecords(catalog, 'n1').size, 2);
});

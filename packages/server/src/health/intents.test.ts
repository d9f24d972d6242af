import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noLabels } from '@portolan/core/base/labels.ts';
import { createCatalog } from '@portolan/core/catalog/catalog.ts';
import type { Write } from '@portolan/core/catalog/change.ts';
import type { Intent } from '@portolan/core/catalog/draft.ts';
import {
  type CatalogRecord,
  type CheckRecord,
  type InstanceRecord,
  recordKey,
} from '@portolan/core/catalog/records.ts';
import { removeInstance, setStatus } from './intents.ts';

const origin = { dialect: 'consul', source: 'agent', node: 'n1' };
const instance: InstanceRecord = {
  kind: 'instance',
  namespace: 'default',
  service: 'web',
  node: 'n1',
  id: 'web-1',
  address: '',
  port: 0,
  tags: [],
  metadata: noLabels,
  taggedAddresses: {},
  weights: { passing: 1, warning: 1 },
  adminState: 'in-service',
  adminReason: '',
  enableTagOverride: false,
  origin,
};
const check: CheckRecord = {
  kind: 'check',
  node: 'n1',
  id: 'c1',
  name: '',
  status: 'critical',
  output: '',
  notes: '',
  instance: { namespace: 'default', service: 'web', id: 'web-1' },
  definition: {
    probe: { type: 'ttl', ttlMs: 10_000 },
    intervalMs: 0,
    timeoutMs: 0,
    successBeforePassing: 0,
    failuresBeforeWarning: 0,
    failuresBeforeCritical: 0,
    deregisterAfterMs: 0,
  },
  origin,
};
const second: CheckRecord = { ...check, id: 'c2' };
const replaced: CheckRecord = {
  ...check,
  definition: { ...(check.definition ?? assert.fail()), probe: { type: 'ttl', ttlMs: 20_000 } },
};

/** What the intent writes upon a catalog of these records. */
function writes(records: readonly CatalogRecord[], intent: Intent<unknown>): readonly Write[] {
  const catalog = createCatalog();
  catalog.apply({ revision: 1, writes: records.map((record) => ({ op: 'put', record })) });
  const [decision] = catalog.decide([intent]);
  return decision?.outcome === 'decided' ? decision.transaction.writes : assert.fail('it was refused');
}

test('a status is written with its output, and nothing else of the check changes', () => {
  const wanted = { ...check, notes: 'changed meanwhile', status: 'passing', output: 'fine' } as const;
  assert.deepEqual(
    writes([instance, { ...check, notes: 'changed meanwhile' }], setStatus(check, 'passing', 'fine')),
    [{ op: 'put', record: wanted }],
  );
});

for (const [name, records] of [
  ['is gone', [instance]],
  ['was replaced by another', [instance, replaced]],
  ['came to another owner', [instance, { ...check, origin: { ...origin, node: 'n2' } }]],
  ['has that status and a reason already', [instance, { ...check, status: 'passing', output: 'well' }]],
] satisfies [string, CatalogRecord[]][]) {
  test(`no status is written to a check that ${name}`, () => {
    assert.deepEqual(writes(records, setStatus(check, 'passing', 'fine')), []);
  });
}

test('the first reason is written though the status stays: why a check never passed can be read', () => {
  const [write] = writes([instance, check], setStatus(check, 'critical', 'connection refused'));
  assert.equal(
    write?.op === 'put' && write.record.kind === 'check' && write.record.output,
    'connection refused',
  );
});

test('an instance is removed with all of its checks', () => {
  const removed = writes([instance, check, second], removeInstance(check)).map((write) =>
    write.op === 'delete' ? write.key : '',
  );
  assert.deepEqual(removed.toSorted(), [check, second, instance].map(recordKey).toSorted());
});

for (const [name, records] of [
  ['is gone', [instance]],
  ['recovered', [instance, { ...check, status: 'warning' }]],
  ['was replaced by another', [instance, replaced]],
] satisfies [string, CatalogRecord[]][]) {
  test(`no instance is removed for a check that ${name}`, () => {
    assert.deepEqual(writes(records, removeInstance(check)), []);
  });
}

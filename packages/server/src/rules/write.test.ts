import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCatalog } from '@portolan/core/catalog/catalog.ts';
import type { Intent } from '@portolan/core/catalog/draft.ts';
import type { Origin } from '@portolan/core/catalog/records.ts';
import type { AnyManifest } from '@portolan/core/rules/rule.ts';
import { trimHistory } from './history-keeper.ts';
import { deleteRule, maxVersions, putRule, rollBackRule, versionsOf } from './write.ts';

const key = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'default', name: 'a' };
const api: Origin = { dialect: 'portolan', source: 'api', node: 'n1' };

function manifest(value: string): AnyManifest {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'a', namespace: 'default' },
    data: { value },
  };
}

function author(origin: Origin = api, force = false) {
  return { origin, by: 'me', force, atMs: 1_000, uid: 'u1' };
}

/** A catalog to which intents are applied at once. */
function world() {
  const catalog = createCatalog();
  return {
    catalog,
    run<T>(intent: Intent<T>): T {
      const [decision] = catalog.decide([intent]);
      if (decision?.outcome !== 'decided') throw decision?.fault;
      const { writes } = decision.transaction;
      if (writes.length > 0) catalog.apply({ revision: catalog.revision + 1, writes });
      return decision.result as T;
    },
  };
}

test('a file’s rule is its node’s, an API’s rule is every node’s', () => {
  const { run } = world();
  const file = (source: string, node: string): Origin => ({ dialect: 'file', source, node });
  run((draft) => putRule(draft, key, manifest('1'), author(file('a.yaml', 'n1'))));
  run((draft) => putRule(draft, key, manifest('2'), author(file('b.yaml', 'n1'))));
  for (const other of [file('a.yaml', 'n2'), api]) {
    assert.throws(() => run((draft) => putRule(draft, key, manifest('3'), author(other))), {
      code: 'conflict',
    });
    assert.throws(() => run((draft) => deleteRule(draft, key, author(other))), { code: 'conflict' });
  }
  run((draft) => putRule(draft, key, manifest('3'), author(api, true)));
  run((draft) => putRule(draft, key, manifest('4'), author({ ...api, node: 'n2' })));
});

test('what is equal is no write, and no version', () => {
  const { catalog, run } = world();
  run((draft) => putRule(draft, key, manifest('1'), author()));
  const { revision } = catalog;
  assert.equal(
    run((draft) => putRule(draft, key, manifest('1'), { ...author(), uid: 'u2', atMs: 9_000 })).outcome,
    'unchanged',
  );
  assert.equal(run((draft) => deleteRule(draft, { ...key, name: 'b' }, author())).outcome, 'unchanged');
  assert.equal(catalog.revision, revision);
});

test('versions are numbered on over deletions, and the oldest go', () => {
  const { catalog, run } = world();
  for (let round = 0; round < maxVersions; round++) {
    run((draft) => putRule(draft, key, manifest(String(round)), author()));
    run((draft) => deleteRule(draft, key, author()));
  }
  const versions = [...versionsOf(catalog, key)].map(({ record }) => record.version);
  assert.deepEqual(
    [versions.length, versions[0], versions.at(-1)],
    [maxVersions, maxVersions + 1, 2 * maxVersions],
  );
  const [, second] = versionsOf(catalog, key);
  run((draft) =>
    rollBackRule(draft, key, Number([...versionsOf(catalog, key)][0]?.createRevision), author()),
  );
  assert.equal(second?.record.action, 'deleted');
});

test('a history that is too large loses its oldest versions, whichever rule’s they are', () => {
  const { catalog, run } = world();
  for (const name of ['a', 'b', 'c'])
    run((draft) => putRule(draft, { ...key, name }, manifest('x'.repeat(1_000)), author()));
  assert.equal(
    run((draft) => trimHistory(draft)),
    0,
  );
  assert.equal(
    run((draft) => trimHistory(draft, 4_000)),
    1,
  );
  assert.deepEqual(
    [...catalog.ruleVersions()].map(({ record }) => record.name),
    ['b', 'c'],
  );
});

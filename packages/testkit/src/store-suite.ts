import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Change, Transaction } from '@portolan/core/catalog/change.ts';
import { keyOf, recordKey } from '@portolan/core/catalog/records.ts';
import type { Store, StoredEntry } from '@portolan/core/catalog/store.ts';
import fc from 'fast-check';
import { modelStore } from './store-model.ts';
import { deleting, instanceRecord, kvRecord, oneOfEach, putting } from './store-records.ts';

/** A store under test, not open yet. */
export interface StoreUnderTest {
  readonly store: Store;
  /** Another store over the same content. The one before is closed by then. */
  reopen(): Promise<Store>;
  /** Removes what the stores left behind; all are closed by then. */
  destroy(): Promise<void>;
}

interface Opened {
  readonly store: Store;
  readonly revision: number;
  /** What it held when it was opened. */
  readonly content: ReadonlyMap<string, StoredEntry>;
  /** What came through `onChange` since. */
  readonly changes: Change[];
}

/** What every driver of the `Store` contract must do. `makeStore` gives a new, empty one each time. */
export function storeSuite(name: string, makeStore: () => Promise<StoreUnderTest>): void {
  /** Runs `body` on a new store; every store that `body` opens is closed after it. */
  const withStore = async (
    body: (first: Opened, reopen: () => Promise<Opened>) => Promise<void>,
  ): Promise<void> => {
    const made = await makeStore();
    let current = made.store;
    try {
      await body(await open(current), async () => {
        await current.close();
        current = await made.reopen();
        return open(current);
      });
    } finally {
      await current.close();
      await made.destroy();
    }
  };

  describe(`store ${name}`, () => {
    test('a new store is empty, at revision 0', () =>
      withStore(async ({ revision, content }) => {
        assert.equal(revision, 0);
        assert.equal(content.size, 0);
      }));

    test('what was committed is there after it is opened again, record for record', () =>
      withStore(async ({ store }, reopen) => {
        const records = oneOfEach();
        await store.commit(records.map((record) => putting(record)));
        const again = await reopen();
        assert.equal(again.revision, records.length);
        assert.equal(again.content.size, records.length);
        records.forEach((record, index) => {
          const entry = again.content.get(recordKey(record));
          assert.deepEqual(entry?.record, record);
          assert.deepEqual([entry?.createRevision, entry?.modifyRevision], [index + 1, index + 1]);
        });
      }));

    test('maps with keys of strangers come back without a prototype', () =>
      withStore(async ({ store }, reopen) => {
        await store.commit([putting(...oneOfEach())]);
        const { content } = await reopen();
        const node = content.get(keyOf.node('n1'))?.record;
        assert.ok(node?.kind === 'node');
        assert.equal(Object.getPrototypeOf(node.metadata), null);
        assert.deepEqual(Object.entries(node.metadata), [['__proto__', 'a key like any other']]);
      }));

    test('revisions go on after it is opened again', () =>
      withStore(async ({ store }, reopen) => {
        await store.commit([putting(kvRecord('a')), putting(kvRecord('b'))]);
        const again = await reopen();
        const results = await again.store.commit([putting(kvRecord('a', 'bmV3'))]);
        assert.deepEqual(results, [{ outcome: 'committed', revision: 3 }]);
        const third = await reopen();
        assert.deepEqual(third.content.get('kv/a'), {
          record: kvRecord('a', 'bmV3'),
          createRevision: 1,
          modifyRevision: 3,
        });
      }));

    test('a deleted record is gone, and made anew it is new', () =>
      withStore(async ({ store }, reopen) => {
        await store.commit([putting(kvRecord('a'), kvRecord('b')), deleting('kv/a')]);
        const again = await reopen();
        assert.deepEqual([...again.content.keys()], ['kv/b']);
        await again.store.commit([putting(kvRecord('a')), deleting('kv/b'), putting(kvRecord('b'))]);
        const { content } = await reopen();
        assert.equal(content.get('kv/a')?.createRevision, 3);
        assert.equal(content.get('kv/b')?.createRevision, 5);
      }));

    test('every change is told once, in order, before its commit resolves', () =>
      withStore(async ({ store, changes }) => {
        await store.commit([putting(kvRecord('a')), putting(kvRecord('b'), kvRecord('c'))]);
        assert.deepEqual(
          changes.map((change) => [change.revision, change.writes.length]),
          [
            [1, 1],
            [2, 2],
          ],
        );
        await store.commit([deleting('kv/a')]);
        assert.deepEqual(changes.at(-1), { revision: 3, writes: [{ op: 'delete', key: 'kv/a' }] });
      }));

    test('a transaction without writes takes no revision and is not told', () =>
      withStore(async ({ store, changes }) => {
        const results = await store.commit([
          { writes: [], guards: [] },
          putting(kvRecord('a')),
          { writes: [], guards: [{ key: 'kv/a', modifyRevision: 1 }] },
        ]);
        assert.deepEqual(results, [
          { outcome: 'unchanged' },
          { outcome: 'committed', revision: 1 },
          { outcome: 'unchanged' },
        ]);
        assert.equal(changes.length, 1);
      }));

    test('an empty commit asks for the store and changes nothing', () =>
      withStore(async ({ store, changes }, reopen) => {
        assert.deepEqual(await store.commit([]), []);
        assert.equal(changes.length, 0);
        assert.equal((await reopen()).revision, 0);
      }));

    test('a guard holds on the revision of the last change, also within one commit', () =>
      withStore(async ({ store }) => {
        const guarded = (modifyRevision: number): Transaction => ({
          ...putting(kvRecord('a')),
          guards: [{ key: 'kv/a', modifyRevision }],
        });
        const results = await store.commit([guarded(0), guarded(1), guarded(2)]);
        assert.deepEqual(
          results.map((result) => result.outcome),
          ['committed', 'committed', 'committed'],
        );
        assert.deepEqual(await store.commit([guarded(2)]), [{ outcome: 'conflict', key: 'kv/a' }]);
        assert.deepEqual(await store.commit([guarded(0)]), [{ outcome: 'conflict', key: 'kv/a' }]);
        assert.deepEqual(await store.commit([guarded(3)]), [{ outcome: 'committed', revision: 4 }]);
      }));

    test('a guard of 0 holds on what was deleted', () =>
      withStore(async ({ store }) => {
        await store.commit([putting(kvRecord('a')), deleting('kv/a')]);
        const guards = [{ key: 'kv/a', modifyRevision: 0 }];
        assert.deepEqual(await store.commit([{ ...putting(kvRecord('a')), guards }]), [
          { outcome: 'committed', revision: 3 },
        ]);
      }));

    test('of a transaction with one failed guard nothing is kept', () =>
      withStore(async ({ store, changes }, reopen) => {
        const transaction: Transaction = {
          ...putting(kvRecord('a'), kvRecord('b')),
          guards: [
            { key: 'kv/a', modifyRevision: 0 },
            { key: 'kv/b', modifyRevision: 7 },
          ],
        };
        assert.deepEqual(await store.commit([transaction]), [{ outcome: 'conflict', key: 'kv/b' }]);
        assert.equal(changes.length, 0);
        assert.equal((await reopen()).content.size, 0);
      }));

    test('what follows a conflict in the same commit is a conflict too, what came before is kept', () =>
      withStore(async ({ store }, reopen) => {
        const results = await store.commit([
          putting(kvRecord('before')),
          { ...putting(kvRecord('guarded')), guards: [{ key: 'kv/guarded', modifyRevision: 9 }] },
          putting(kvRecord('after')),
        ]);
        assert.deepEqual(
          results.map((result) => result.outcome),
          ['committed', 'conflict', 'conflict'],
        );
        assert.deepEqual([...(await reopen()).content.keys()], ['kv/before']);
      }));

    test('of two writes to one key in a transaction the later one stays', () =>
      withStore(async ({ store }, reopen) => {
        await store.commit([putting(kvRecord('a', 'b25l'), kvRecord('a', 'dHdv'))]);
        const { content } = await reopen();
        assert.deepEqual(content.get('kv/a')?.record, kvRecord('a', 'dHdv'));
      }));

    test('1,000 overlapping commits each get their own revision and all are kept', () =>
      withStore(async ({ store, changes }, reopen) => {
        const commits = Array.from({ length: 1000 }, (_, i) => store.commit([putting(kvRecord(`k${i}`))]));
        const revisions = (await Promise.all(commits)).map(([result]) =>
          result?.outcome === 'committed' ? result.revision : 0,
        );
        assert.deepEqual(
          revisions.toSorted((left, right) => left - right),
          Array.from({ length: 1000 }, (_, i) => i + 1),
        );
        assert.deepEqual(
          changes.map((change) => change.revision),
          Array.from({ length: 1000 }, (_, i) => i + 1),
        );
        assert.equal((await reopen()).content.size, 1000);
      }));

    test('overlapping commits with the same guard: exactly one wins', () =>
      withStore(async ({ store }) => {
        const guards = [{ key: 'kv/lock', modifyRevision: 0 }];
        const commits = Array.from({ length: 50 }, (_, i) =>
          store.commit([{ ...putting(kvRecord('lock', String(i))), guards }]),
        );
        const outcomes = (await Promise.all(commits)).map(([result]) => result?.outcome);
        assert.equal(outcomes.filter((outcome) => outcome === 'committed').length, 1);
        assert.equal(outcomes.filter((outcome) => outcome === 'conflict').length, 49);
      }));

    test('big values come back whole', () =>
      withStore(async ({ store }, reopen) => {
        const values = [4_000, 70_000, 1_000_000, 3_000_000].map((length) => 'é'.repeat(length / 2));
        await store.commit(values.map((value, i) => putting(kvRecord(`big/${i}`, value))));
        const { content } = await reopen();
        values.forEach((value, i) => {
          const record = content.get(`kv/big/${i}`)?.record;
          assert.ok(record?.kind === 'kv' && record.value === value, `value ${i}`);
        });
      }));

    test('hostile keys stay apart', () =>
      withStore(async ({ store }, reopen) => {
        const keys = hostileKeys();
        await store.commit(keys.map((key, i) => putting(kvRecord(key, String(i)))));
        const again = await reopen();
        assert.equal(again.content.size, keys.length);
        keys.forEach((key, i) => {
          const entry = again.content.get(keyOf.kv(key));
          assert.deepEqual(entry?.record, kvRecord(key, String(i)));
          assert.equal(entry?.modifyRevision, i + 1);
        });
        await again.store.commit(keys.map((key) => deleting(keyOf.kv(key))));
        assert.equal((await reopen()).content.size, 0);
      }));

    test('names with slashes and percent signs do not run into each other', () =>
      withStore(async ({ store }, reopen) => {
        const records = ['a/b', 'a%2Fb', 'a', '..', '__proto__', 'ü', ' '].map((id) =>
          instanceRecord('web', id),
        );
        await store.commit([putting(...records)]);
        assert.equal((await reopen()).content.size, records.length);
      }));

    test('random transactions do what the model says, and opening again gives the same content', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(fc.array(anyTransaction, { maxLength: 5 }), { maxLength: 12 }), (batches) =>
          withStore(async ({ store, changes }, reopen) => {
            const model = modelStore();
            for (const batch of batches) {
              assert.deepEqual(await store.commit(batch), model.commit(batch));
            }
            assert.deepEqual(changes, model.changes);
            const again = await reopen();
            assert.equal(again.revision, model.revision);
            assert.deepEqual(sorted(again.content), sorted(model.entries));
          }),
        ),
        { numRuns: 40 },
      );
    });
  });
}

async function open(store: Store): Promise<Opened> {
  const changes: Change[] = [];
  const { revision, entries } = await store.open((change) => changes.push(change));
  const content = new Map<string, StoredEntry>();
  for (const entry of entries) content.set(recordKey(entry.record), entry);
  return { store, revision, content, changes };
}

function sorted(entries: ReadonlyMap<string, StoredEntry>): [string, StoredEntry][] {
  return [...entries].sort(([left], [right]) => (left < right ? -1 : 1));
}

function hostileKeys(): string[] {
  const long = 'x'.repeat(5_000);
  return [
    '',
    '/',
    '//',
    '__proto__',
    'constructor',
    '\u0000',
    '\u0000\u0000',
    'a\u0000b',
    '\u0001',
    '\uffff',
    '\ud800',
    '\ud801',
    '\udc00x',
    '\ufffd',
    '😀',
    'a',
    'a/',
    'a/b',
    'A',
    ' a',
    '#',
    'ä'.normalize('NFC'),
    'ä'.normalize('NFD'),
    long,
    `${long}1`,
    `${long}2`,
    'é'.repeat(3_000),
    '\ud800'.repeat(1_000),
    '../../etc/passwd',
    '%2F',
  ];
}

const anyKey = fc.constantFrom('a', 'b', 'c', 'd/e');
const anyWrite = fc.oneof(
  fc.tuple(anyKey, fc.string({ maxLength: 8 })).map(([key, value]) => ({
    op: 'put' as const,
    record: kvRecord(key, value),
  })),
  anyKey.map((key) => ({ op: 'put' as const, record: instanceRecord('web', key) })),
  anyKey.map((key) => ({ op: 'delete' as const, key: keyOf.kv(key) })),
);
const anyTransaction: fc.Arbitrary<Transaction> = fc.record({
  writes: fc.array(anyWrite, { maxLength: 4 }),
  guards: fc.array(fc.record({ key: anyKey.map((key) => keyOf.kv(key)), modifyRevision: fc.nat(4) }), {
    maxLength: 1,
  }),
});

import type { Change, Transaction } from '@portolan/core/catalog/change.ts';
import { recordKey } from '@portolan/core/catalog/records.ts';
import type { CommitResult, StoredEntry } from '@portolan/core/catalog/store.ts';

/** The `Store` contract in its plainest form: what a driver's answers are compared with. */
export interface ModelStore {
  readonly revision: number;
  readonly entries: ReadonlyMap<string, StoredEntry>;
  readonly changes: readonly Change[];
  commit(transactions: readonly Transaction[]): CommitResult[];
}

export function modelStore(): ModelStore {
  const entries = new Map<string, StoredEntry>();
  const changes: Change[] = [];
  let revision = 0;

  function conflictOf({ guards }: Transaction): string | undefined {
    return guards.find((guard) => (entries.get(guard.key)?.modifyRevision ?? 0) !== guard.modifyRevision)
      ?.key;
  }

  function write({ writes }: Transaction): void {
    for (const one of writes) {
      if (one.op === 'delete') {
        entries.delete(one.key);
        continue;
      }
      const key = recordKey(one.record);
      const createRevision = entries.get(key)?.createRevision ?? revision;
      entries.set(key, { record: one.record, createRevision, modifyRevision: revision });
    }
  }

  return {
    get revision() {
      return revision;
    },
    entries,
    changes,
    commit(transactions) {
      const results: CommitResult[] = [];
      let conflict: string | undefined;
      for (const transaction of transactions) {
        conflict ??= conflictOf(transaction);
        if (conflict !== undefined) {
          results.push({ outcome: 'conflict', key: conflict });
        } else if (transaction.writes.length === 0) {
          results.push({ outcome: 'unchanged' });
        } else {
          revision += 1;
          write(transaction);
          changes.push({ revision, writes: transaction.writes });
          results.push({ outcome: 'committed', revision });
        }
      }
      return results;
    },
  };
}

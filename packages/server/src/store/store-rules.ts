import type { Guard } from '@portolan/core/catalog/change.ts';
import type { RecordKey } from '@portolan/core/catalog/records.ts';
import type { CommitResult } from '@portolan/core/catalog/store.ts';

/** What a driver remembers of a record beside its content. */
export interface Revisions {
  readonly createRevision: number;
  readonly modifyRevision: number;
}

/** Where a record stands within the batch under way; undefined: it does not exist. */
export type Lookup = (key: RecordKey) => Revisions | undefined;

/** The key of the first guard that does not hold. */
export function failedGuard(guards: readonly Guard[], lookup: Lookup): RecordKey | undefined {
  for (const guard of guards) {
    if ((lookup(guard.key)?.modifyRevision ?? 0) !== guard.modifyRevision) return guard.key;
  }
  return undefined;
}

/** A record that was there keeps the revision that made it, also across several writes of one transaction. */
export function revisionsAfterPut(before: Revisions | undefined, revision: number): Revisions {
  return { createRevision: before?.createRevision ?? revision, modifyRevision: revision };
}

/** Commits one transaction after the other; from the first conflict on they are conflicts all, as `Store` says. */
export function inOrder<T>(
  transactions: readonly T[],
  commitOne: (transaction: T) => CommitResult,
): CommitResult[] {
  let conflict: CommitResult | undefined;
  return transactions.map((transaction) => {
    if (conflict !== undefined) return conflict;
    const result = commitOne(transaction);
    if (result.outcome === 'conflict') conflict = result;
    return result;
  });
}

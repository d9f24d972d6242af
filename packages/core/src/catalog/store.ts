import type { Change, Transaction } from './change.ts';
import type { CatalogRecord } from './records.ts';

/**
 * Where the catalog's records outlive the process. Three drivers: memory, LMDB, etcd. One exported suite
 * (`@portolan/testkit/store-suite.ts`) tests them all.
 *
 * Order of calls: `open` once, then `commit` any number of times (also overlapping), then `close` once.
 *
 * Guarantees of every driver:
 * - `onChange` is called exactly once for every committed transaction, this process' and others', in the order of their
 *   revisions, and before the `commit` that made it resolves.
 * - A transaction is all or nothing, and is durable when its `onChange` is called: neither a crash of the process nor of the
 *   machine loses it afterwards.
 * - A transaction without writes takes no revision and is not reported.
 * - The transactions of one `commit` were decided upon each other: after a conflict all later ones of the same call are
 *   conflicts too. The change that caused it has come through `onChange` by then.
 * - `commit([])` asks whether the store can be written now, by really writing or asking.
 * - `commit` resolves with one result for each transaction, in order. It rejects only with a `Fault`: `unavailable` (not
 *   reached, unknown outcome says so in its message), `full` (disk full; nothing of the batch was kept), `too-large`.
 */
export interface Store {
  readonly name: string;
  open(onChange: (change: Change) => void): Promise<StoreContent>;
  commit(transactions: readonly Transaction[]): Promise<readonly CommitResult[]>;
  close(): Promise<void>;
}

/** What the store held when it was opened; every later change comes through `onChange`. */
export interface StoreContent {
  /** The revision of the last committed transaction; 0 for a new store. */
  readonly revision: number;
  readonly entries: Iterable<StoredEntry>;
}

export interface StoredEntry {
  readonly record: CatalogRecord;
  readonly createRevision: number;
  readonly modifyRevision: number;
}

export type CommitResult =
  | { readonly outcome: 'committed'; readonly revision: number }
  /** No writes were asked for. */
  | { readonly outcome: 'unchanged' }
  /** A guard failed: read again and decide anew. */
  | { readonly outcome: 'conflict'; readonly key: string };

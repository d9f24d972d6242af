import type { CatalogRecord, RecordKey } from './records.ts';

/** One record written or removed. */
export type Write =
  | { readonly op: 'put'; readonly record: CatalogRecord }
  | { readonly op: 'delete'; readonly key: RecordKey };

/** What one committed transaction did. Revisions are positive whole numbers that only rise. */
export interface Change {
  readonly revision: number;
  readonly writes: readonly Write[];
}

/** What a transaction wants: `writes`, at most one for each key, if every guard holds. */
export interface Transaction {
  readonly writes: readonly Write[];
  readonly guards: readonly Guard[];
}

/** The record at `key` must last have changed at exactly `modifyRevision`; 0 means that it must not exist. */
export interface Guard {
  readonly key: RecordKey;
  readonly modifyRevision: number;
}

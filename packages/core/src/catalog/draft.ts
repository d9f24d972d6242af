import type { CatalogReader } from './reader.ts';
import type { CatalogRecord, RecordKey } from './records.ts';

/**
 * What an intent decides upon: the catalog as it will be after every intent before it, plus the intent's own writes so far.
 * Reads through it see those writes. An intent is a plain synchronous function of its draft, and may be run again (on an etcd
 * store, after a conflict): it must have no other effect. If it throws, nothing of it is written.
 */
export interface Draft extends Omit<CatalogReader, 'indexOf'> {
  /** Writes a record whole. One equal by content to what is there already is no write at all. */
  put(record: CatalogRecord): void;
  delete(key: RecordKey): void;
  /** Fails this intent with a `conflict` fault unless the record's modifyRevision is this one (0: it must not exist). */
  expect(key: RecordKey, modifyRevision: number): void;
}

export type Intent<T> = (draft: Draft) => T;

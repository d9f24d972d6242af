import type { Change, Transaction } from '@portolan/core/catalog/change.ts';
import { type RecordKey, recordKey } from '@portolan/core/catalog/records.ts';
import type { CommitResult } from '@portolan/core/catalog/store.ts';
import type { LmdbFile } from './lmdb-file.ts';
import { decodeRevisions, encodedBytesAtMost, encodeKey, encodeValue } from './record-codec.ts';
import { failedGuard, type Revisions, revisionsAfterPut } from './store-rules.ts';

/** A transaction with each put's record already as JSON; undefined for a delete. */
export interface Encoded {
  readonly transaction: Transaction;
  readonly json: readonly (string | undefined)[];
}

/** One key to write, or to remove where `value` is undefined. */
export interface DiskWrite {
  readonly key: Buffer;
  readonly value: Buffer | undefined;
}

/** One LMDB transaction in the making: decides the guards, gives the revisions, collects what is to be written. */
export class LmdbBatch {
  readonly changes: Change[] = [];
  readonly diskWrites: DiskWrite[] = [];
  readonly #file: LmdbFile;
  readonly #slabs: Slabs;
  readonly #written = new Map<RecordKey, Revisions | undefined>();
  #revision: number;

  constructor(file: LmdbFile, slabs: Slabs, revision: number) {
    this.#file = file;
    this.#slabs = slabs;
    this.#revision = revision;
  }

  get revision(): number {
    return this.#revision;
  }

  add(encoded: Encoded): CommitResult {
    const { transaction } = encoded;
    if (transaction.guards.length > 0) {
      const conflict = failedGuard(transaction.guards, this.#lookup);
      if (conflict !== undefined) return { outcome: 'conflict', key: conflict };
    }
    if (transaction.writes.length === 0) return { outcome: 'unchanged' };
    this.#revision += 1;
    transaction.writes.forEach((write, index) => {
      if (write.op === 'delete') this.#delete(write.key);
      else this.#put(recordKey(write.record), encoded.json[index] ?? '');
    });
    this.changes.push({ revision: this.#revision, writes: transaction.writes });
    return { outcome: 'committed', revision: this.#revision };
  }

  #put(key: RecordKey, json: string): void {
    const diskKey = encodeKey(key);
    const revisions = revisionsAfterPut(this.#lookup(key, diskKey), this.#revision);
    this.#written.set(key, revisions);
    this.diskWrites.push({ key: diskKey, value: this.#slabs.value(revisions, json) });
  }

  #delete(key: RecordKey): void {
    this.#written.set(key, undefined);
    this.diskWrites.push({ key: encodeKey(key), value: undefined });
  }

  #lookup = (key: RecordKey, diskKey?: Buffer): Revisions | undefined => {
    const written = this.#written.get(key);
    if (written !== undefined || this.#written.has(key)) return written;
    const value = this.#file.peek(diskKey ?? encodeKey(key));
    return value === undefined ? undefined : decodeRevisions(value);
  };
}

const slabBytes = 1024 * 1024;

/** The bytes of one batch's values. LMDB's thread reads them until the commit settles; then they are used again. */
export class Slabs {
  #slab = Buffer.allocUnsafeSlow(slabBytes);
  #used = 0;

  value(revisions: Revisions, json: string): Buffer {
    const needed = encodedBytesAtMost(json);
    if (needed > slabBytes / 4) {
      const own = Buffer.allocUnsafeSlow(needed);
      return own.subarray(0, encodeValue(own, 0, revisions, json));
    }
    if (this.#used + needed > this.#slab.length) {
      // The queued values hold on to the old slab.
      this.#slab = Buffer.allocUnsafeSlow(slabBytes);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used = encodeValue(this.#slab, start, revisions, json);
    return this.#slab.subarray(start, this.#used);
  }

  reset(): void {
    this.#used = 0;
  }
}

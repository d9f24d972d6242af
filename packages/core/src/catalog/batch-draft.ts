import { Fault } from '../base/fault.ts';
import { sameJson } from '../base/json.ts';
import type { Guard, Transaction, Write } from './change.ts';
import type { Draft } from './draft.ts';
import { frozenRecord } from './freeze.ts';
import { type CatalogRecord, type Entry, type RecordKey, recordKey } from './records.ts';
import type { Sharing } from './sharing.ts';
import { TableReader } from './table-reader.ts';
import type { Tables } from './tables.ts';
import { checkRecord } from './validate.ts';

/** One key that the intent wrote: what it found there, and what it wants there. */
interface Written {
  readonly before: Entry | undefined;
  /** Undefined: nothing. */
  after: Entry | undefined;
}

/**
 * The draft of one intent. It writes straight to the tables, with the revision that its transaction will probably get; who
 * made it takes that back.
 */
export class BatchDraft extends TableReader implements Draft {
  readonly revision: number;
  readonly #sharing: Sharing;
  readonly #provisional: number;
  /** Keys that earlier intents of the batch write: their committed revision is not known yet. */
  readonly #earlier: ReadonlySet<RecordKey>;
  readonly #written = new Map<RecordKey, Written>();
  readonly #expected = new Map<RecordKey, number>();
  /** Whether a key was written twice, so that the outcome may be less than what was done. */
  #rewritten = false;
  #open = true;

  constructor(
    tables: Tables,
    sharing: Sharing,
    revision: number,
    provisional: number,
    earlier: ReadonlySet<RecordKey>,
  ) {
    super(tables);
    this.#sharing = sharing;
    this.revision = revision;
    this.#provisional = provisional;
    this.#earlier = earlier;
  }

  put(record: CatalogRecord): void {
    this.#mustBeOpen();
    const current = this.tables.current(record);
    checkRecord(record, current?.record);
    if (current !== undefined && sameJson(current.record, record)) return;
    const entry: Entry = Object.freeze({
      record: frozenRecord(this.#sharing.shared(record, current)),
      createRevision: current?.createRevision ?? this.#provisional,
      modifyRevision: this.#provisional,
    });
    this.tables.place(entry, current);
    this.#write(recordKey(record), current, entry);
  }

  delete(key: RecordKey): void {
    this.#mustBeOpen();
    const current = this.tables.get(key);
    if (current === undefined) return;
    this.tables.remove(current, this.#provisional);
    this.#write(recordKey(current.record), current, undefined);
  }

  expect(key: RecordKey, modifyRevision: number): void {
    this.#mustBeOpen();
    const written = this.#written.get(key);
    const found = written === undefined ? this.tables.get(key) : written.before;
    const actual = found?.modifyRevision ?? 0;
    if (actual !== modifyRevision) {
      throw new Fault('conflict', `${key} last changed at revision ${actual}, not at ${modifyRevision}`);
    }
    this.#expected.set(key, modifyRevision);
  }

  /** Nothing can be written from now on. */
  close(): void {
    this.#open = false;
  }

  /** Whether the tables hold more than `transaction` says (a record that was written and put back). */
  get rewritten(): boolean {
    return this.#rewritten;
  }

  /**
   * What it all comes to: at most one write for each key. Every record that is written or was expected is guarded by the
   * revision at which the intent found it, unless an earlier intent of the batch writes it: that one's revision is only
   * known once it is committed.
   */
  transaction(): Transaction {
    const writes: Write[] = [];
    const guards: Guard[] = [];
    for (const [key, { before, after }] of this.#written) {
      if (after === undefined ? before === undefined : sameRecord(before, after)) continue;
      writes.push(after === undefined ? { op: 'delete', key } : { op: 'put', record: after.record });
      if (this.#earlier.has(key)) continue;
      guards.push({ key, modifyRevision: before?.modifyRevision ?? 0 });
      this.#expected.delete(key);
    }
    for (const [key, modifyRevision] of this.#expected) {
      if (!this.#earlier.has(key)) guards.push({ key, modifyRevision });
    }
    return { writes, guards };
  }

  #write(key: RecordKey, current: Entry | undefined, after: Entry | undefined): void {
    const written = this.#written.get(key);
    if (written === undefined) {
      this.#written.set(key, { before: current, after });
    } else {
      written.after = after;
      this.#rewritten = true;
    }
  }

  #mustBeOpen(): void {
    if (!this.#open) throw new Fault('internal', 'A draft cannot be written after its intent returned.');
  }
}

function sameRecord(before: Entry | undefined, after: Entry): boolean {
  return before !== undefined && sameJson(before.record, after.record);
}

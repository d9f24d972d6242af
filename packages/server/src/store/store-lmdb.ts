import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '@portolan/core/base/clock.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import type { Change, Transaction } from '@portolan/core/catalog/change.ts';
import type { CommitResult, Store, StoreContent, StoredEntry } from '@portolan/core/catalog/store.ts';
import type { Logger } from 'pino';
import { type DirectoryLock, lockDirectory } from './directory-lock.ts';
import { type DiskRoom, diskRoom } from './disk-room.ts';
import { type Encoded, LmdbBatch, Slabs } from './lmdb-batch.ts';
import { bytesNeededFor, type LmdbFile, openLmdbFile, readValues } from './lmdb-file.ts';
import { valueDecoder } from './record-codec.ts';
import { inOrder } from './store-rules.ts';

export interface LmdbStoreOptions {
  /** A directory of the store's own; made if it is not there. */
  readonly path: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** How long a commit may take until the caller is told `unavailable`. Default 10 s: beyond that a disk is broken. */
  readonly commitTimeoutMs?: number;
  /** Space kept back so that deletes work on a full disk; the file grows by as much. Default 8 MiB: two thousand pages. */
  readonly reserveBytes?: number;
}

/** A record's JSON. LMDB allows more, but a value must fit in memory several times. */
const maxRecordUnits = 16 * 1024 * 1024;
/** Overlapping commits are joined up to so many transactions, to bound how long one commit takes. */
const maxJoinedTransactions = 4096;
const defaultReserveBytes = 8 * 1024 * 1024;
/** A store that is well has room for some hundred puts. */
const probeRoomBytes = 512 * 1024;
const diskFormat = 1;
const formatKey = Buffer.from('format');
const revisionKey = Buffer.from('revision');
const probeKey = Buffer.from('probe');

/** The embedded store: one LMDB file, one process, durable before acknowledged. See `README.md` in this folder. */
export function lmdbStore(options: LmdbStoreOptions): Store {
  return new LmdbStore(options);
}

interface Job {
  readonly encoded: readonly Encoded[];
  readonly resolve: (results: readonly CommitResult[]) => void;
  readonly reject: (fault: Fault) => void;
}

class LmdbStore implements Store {
  readonly name = 'lmdb';
  readonly #options: LmdbStoreOptions;
  readonly #slabs = new Slabs();
  readonly #metaValue = Buffer.alloc(6);
  #lock: DirectoryLock | undefined;
  #file: LmdbFile | undefined;
  #room: DiskRoom | undefined;
  #onChange: (change: Change) => void = () => {};
  #revision = 0;
  #queue: Job[] = [];
  #running: Promise<void> | undefined;
  /** The disk is full: only deletes go through. */
  #full = false;
  /** A commit has passed its timeout and still is not settled. */
  #stuck: Fault | undefined;
  /** LMDB failed to write; what it holds in memory cannot be trusted any more. */
  #broken: Fault | undefined;

  constructor(options: LmdbStoreOptions) {
    this.#options = options;
  }

  async open(onChange: (change: Change) => void): Promise<StoreContent> {
    const { path } = this.#options;
    mkdirSync(path, { recursive: true });
    this.#lock = lockDirectory(path);
    try {
      const entries = await this.#readAll(path);
      const file = openLmdbFile(path);
      this.#file = file;
      this.#room = await this.#openRoom(file);
      this.#revision = file.meta(revisionKey)?.readUIntBE(0, 6) ?? 0;
      this.#onChange = onChange;
      return { revision: this.#revision, entries };
    } catch (error) {
      await this.close();
      throw this.#faultOf(error);
    }
  }

  commit(transactions: readonly Transaction[]): Promise<readonly CommitResult[]> {
    return new Promise((resolve, reject) => {
      if (this.#file === undefined) throw new Fault('unavailable', 'the store is not open');
      const refusal = this.#broken ?? this.#stuck;
      if (refusal !== undefined) throw refusal;
      this.#queue.push({ encoded: transactions.map(encode), resolve, reject });
      this.#running ??= this.#run(this.#file);
    });
  }

  async close(): Promise<void> {
    const file = this.#file;
    await this.#running;
    this.#file = undefined;
    await this.#room?.close();
    this.#room = undefined;
    await file?.close();
    this.#lock?.release();
    this.#lock = undefined;
  }

  async #checkFormat(file: LmdbFile): Promise<void> {
    const format = file.meta(formatKey)?.readUInt32BE(0);
    if (format === undefined) {
      const value = Buffer.alloc(4);
      value.writeUInt32BE(diskFormat);
      await file.write([], { key: formatKey, value });
    } else if (format > diskFormat) {
      throw new Fault(
        'invalid',
        `${this.#options.path} was written by a newer Portolan (format ${format}, this one reads up to ${diskFormat}): ` +
          'run that version, or use another --data-dir',
      );
    }
  }

  #openRoom(file: LmdbFile): Promise<DiskRoom> {
    const { path, clock, reserveBytes = defaultReserveBytes } = this.#options;
    return diskRoom({ file: join(path, 'data.mdb'), clock, reserveBytes, usedBytes: () => file.usedBytes() });
  }

  async #readAll(path: string): Promise<readonly StoredEntry[]> {
    const file = openLmdbFile(path);
    try {
      await this.#checkFormat(file);
    } finally {
      await file.close();
    }
    const entries: StoredEntry[] = [];
    const decode = valueDecoder();
    await readValues(path, (value, size) => {
      try {
        entries.push(decode(value, size));
      } catch (error) {
        // It stays in the file for whoever can read it; everything else is served.
        this.#options.log.error({ err: error, bytes: size }, 'a stored record cannot be read');
      }
    });
    return entries;
  }

  async #run(file: LmdbFile): Promise<void> {
    // Let every commit of this turn join the first.
    await undefined;
    while (this.#queue.length > 0) {
      await this.#commitJobs(file, this.#takeJobs());
    }
    // In the same turn as the look at the queue: a later commit must start a new run.
    this.#running = undefined;
  }

  /** On a full disk every commit stands alone, so that a put does not take a delete down with it. */
  #takeJobs(): Job[] {
    let count = 0;
    let transactions = 0;
    for (const job of this.#queue) {
      transactions += job.encoded.length;
      if (count > 0 && (this.#full || transactions > maxJoinedTransactions)) break;
      count += 1;
    }
    return this.#queue.splice(0, count);
  }

  async #commitJobs(file: LmdbFile, jobs: readonly Job[]): Promise<void> {
    this.#slabs.reset();
    const batch = new LmdbBatch(file, this.#slabs, this.#revision);
    const results = jobs.map((job) => inOrder(job.encoded, (encoded) => batch.add(encoded)));
    try {
      await this.#write(file, jobs, batch);
    } catch (error) {
      rejectAll(jobs, this.#faultOf(error));
      return;
    }
    this.#revision = batch.revision;
    for (const change of batch.changes) this.#onChange(change);
    jobs.forEach((job, index) => {
      job.resolve(results[index] ?? []);
    });
  }

  async #write(file: LmdbFile, jobs: readonly Job[], batch: LmdbBatch): Promise<void> {
    const probing = jobs.some((job) => job.encoded.length === 0);
    if (batch.changes.length === 0 && !probing) return;
    await this.#mustHaveRoom(batch, probing);
    this.#metaValue.writeUIntBE(batch.revision, 0, 6);
    const meta = { key: batch.changes.length > 0 ? revisionKey : probeKey, value: this.#metaValue };
    const timeoutMs = this.#options.commitTimeoutMs ?? 10_000;
    const disarm = this.#options.clock.after(timeoutMs, () => this.#becomeStuck(jobs, timeoutMs));
    try {
      await file.write(batch.diskWrites, meta);
    } catch (error) {
      this.#broken = this.#faultOf(error);
      throw this.#broken;
    } finally {
      disarm();
      this.#stuck = undefined;
    }
  }

  /**
   * The disk does not answer. Callers are told so; should the commit still succeed one day, its changes are reported then,
   * and until it settles nothing else is tried.
   */
  #becomeStuck(jobs: readonly Job[], timeoutMs: number): void {
    this.#stuck = new Fault(
      'unavailable',
      `the disk that holds ${this.#options.path} did not confirm a write within ${timeoutMs} ms: whether it was kept is unknown`,
    );
    this.#options.log.error({ path: this.#options.path, timeoutMs }, 'the store does not answer');
    rejectAll(jobs, this.#stuck);
    rejectAll(this.#queue.splice(0), this.#stuck);
  }

  /** A probe asks for puts. */
  async #mustHaveRoom(batch: LmdbBatch, probing: boolean): Promise<void> {
    const onlyDeletes = !probing && batch.diskWrites.every((write) => write.value === undefined);
    const needed = bytesNeededFor(batch.diskWrites) + (probing ? probeRoomBytes : 0);
    const room = await this.#room?.has(needed, onlyDeletes ? 'deletes' : 'puts');
    if (room) {
      if (!onlyDeletes) this.#noteFull(false);
      return;
    }
    this.#noteFull(true);
    throw new Fault(
      'full',
      `the disk that holds ${this.#options.path} is full: free some space; reads go on`,
    );
  }

  #noteFull(full: boolean): void {
    if (full === this.#full) return;
    this.#full = full;
    const { log, path } = this.#options;
    if (full) log.error({ path }, 'the disk is full: only deletes are taken');
    else log.info({ path }, 'the disk has room again');
  }

  #faultOf(error: unknown): Fault {
    if (error instanceof Fault) return error;
    const { path } = this.#options;
    const reason = Fault.from(error).message;
    return new Fault(
      'unavailable',
      `${path} cannot be used: ${reason}; restart the server once this is solved`,
      {
        cause: error,
      },
    );
  }
}

function rejectAll(jobs: readonly Job[], fault: Fault): void {
  for (const job of jobs) job.reject(fault);
}

function encode(transaction: Transaction): Encoded {
  const json = transaction.writes.map((write) => {
    if (write.op === 'delete') return undefined;
    const text = JSON.stringify(write.record);
    if (text.length > maxRecordUnits) {
      throw new Fault(
        'too-large',
        `the ${write.record.kind} record has ${text.length} characters; ${maxRecordUnits} are allowed`,
      );
    }
    return text;
  });
  return { transaction, json };
}

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '@portolan/core/base/clock.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import type { Change, Transaction } from '@portolan/core/catalog/change.ts';
import type { CommitResult, Store, StoreContent, StoredEntry } from '@portolan/core/catalog/store.ts';
import type { Logger } from 'pino';
import { type DirectoryLock, lockDirectory } from './directory-lock.ts';
import { type Encoded, LmdbBatch, Slabs } from './lmdb-batch.ts';
import { faultOfLmdb, type LmdbFile, openLmdbFile } from './lmdb-file.ts';
import { valueDecoder } from './record-codec.ts';
import { type SpaceReserve, spaceReserve } from './space-reserve.ts';
import { inOrder } from './store-rules.ts';

export interface LmdbStoreOptions {
  /** A directory of the store's own; made if it is not there. */
  readonly path: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** How long a commit may take until the caller is told `unavailable`. Default 10 s: beyond that a disk is broken. */
  readonly commitTimeoutMs?: number;
  /** Space kept back so that deletes work on a full disk. Default 8 MiB: some two thousand pages. */
  readonly reserveBytes?: number;
}

/** A record's JSON. LMDB allows more, but a value must fit in memory several times. */
const maxRecordUnits = 16 * 1024 * 1024;
/** Overlapping commits are joined up to so many transactions, to bound how long one commit takes. */
const maxJoinedTransactions = 4096;
/** Taking the reserve writes megabytes: not for every refused put. */
const reserveRetryMs = 250;
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
  readonly #reserve: SpaceReserve;
  readonly #slabs = new Slabs();
  readonly #metaValue = Buffer.alloc(6);
  #lock: DirectoryLock | undefined;
  #file: LmdbFile | undefined;
  #onChange: (change: Change) => void = () => {};
  #revision = 0;
  #queue: Job[] = [];
  #running: Promise<void> | undefined;
  /** The disk was full: only deletes go through until there is room again. */
  #full = false;
  /** Since then deletes went through, so that LMDB may have pages of its own to write on. */
  #freed = false;
  #nextReserveTryMs = 0;
  /** A commit has passed its timeout and still is not settled. */
  #stuck: Fault | undefined;

  constructor(options: LmdbStoreOptions) {
    this.#options = options;
    this.#reserve = spaceReserve(join(options.path, 'reserve'), options.reserveBytes ?? 8 * 1024 * 1024);
  }

  async open(onChange: (change: Change) => void): Promise<StoreContent> {
    const { path } = this.#options;
    mkdirSync(path, { recursive: true });
    this.#lock = lockDirectory(path);
    try {
      this.#file = openLmdbFile(path);
      await this.#checkFormat(this.#file);
    } catch (error) {
      await this.close();
      throw error instanceof Fault ? error : faultOfLmdb(error, path);
    }
    this.#revision = this.#file.meta(revisionKey)?.readUIntBE(0, 6) ?? 0;
    this.#onChange = onChange;
    if (!this.#reserve.take()) this.#becomeFull();
    return { revision: this.#revision, entries: this.#entries(this.#file) };
  }

  commit(transactions: readonly Transaction[]): Promise<readonly CommitResult[]> {
    return new Promise((resolve, reject) => {
      if (this.#file === undefined) throw new Fault('unavailable', 'the store is not open');
      if (this.#stuck !== undefined) throw this.#stuck;
      this.#queue.push({ encoded: transactions.map(encode), resolve, reject });
      this.#running ??= this.#run(this.#file).finally(() => {
        this.#running = undefined;
      });
    });
  }

  async close(): Promise<void> {
    const file = this.#file;
    await this.#running;
    this.#file = undefined;
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

  *#entries(file: LmdbFile): Iterable<StoredEntry> {
    const decode = valueDecoder();
    for (const value of file.values()) {
      try {
        yield decode(value);
      } catch (error) {
        // It stays in the file for whoever can read it; everything else is served.
        this.#options.log.error({ err: error, bytes: value.length }, 'a stored record cannot be read');
      }
    }
  }

  async #run(file: LmdbFile): Promise<void> {
    // Let every commit of this turn join the first.
    await undefined;
    while (this.#queue.length > 0) {
      await this.#commitJobs(file, this.#takeJobs());
    }
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
    if (this.#full && !this.#mayWrite(jobs)) {
      rejectAll(jobs, this.#fullFault());
      return;
    }
    this.#slabs.reset();
    const batch = new LmdbBatch(file, this.#slabs, this.#revision);
    const results = jobs.map((job) => inOrder(job.encoded, (encoded) => batch.add(encoded)));
    try {
      await this.#write(file, jobs, batch);
    } catch (error) {
      await this.#failed(file, jobs, faultOfLmdb(error, this.#options.path));
      return;
    }
    this.#revision = batch.revision;
    if (this.#full && batch.diskWrites.length > 0) this.#freed = true;
    for (const change of batch.changes) this.#onChange(change);
    jobs.forEach((job, index) => {
      job.resolve(results[index] ?? []);
    });
  }

  async #write(file: LmdbFile, jobs: readonly Job[], batch: LmdbBatch): Promise<void> {
    const probing = jobs.some((job) => job.encoded.length === 0);
    if (batch.changes.length === 0 && !probing) return;
    this.#metaValue.writeUIntBE(batch.revision, 0, 6);
    const meta = { key: batch.changes.length > 0 ? revisionKey : probeKey, value: this.#metaValue };
    const timeoutMs = this.#options.commitTimeoutMs ?? 10_000;
    const disarm = this.#options.clock.after(timeoutMs, () => this.#becomeStuck(jobs, timeoutMs));
    try {
      await file.write(batch.diskWrites, meta);
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

  /** The first full disk gives up the reserve, which may be all that deletes need. */
  async #failed(file: LmdbFile, jobs: readonly Job[], fault: Fault): Promise<void> {
    this.#freed = false;
    if (fault.code === 'full') {
      const hadReserve = this.#reserve.held;
      this.#becomeFull();
      if (hadReserve && jobs.every(deletesOnly)) return this.#commitJobs(file, jobs);
    }
    rejectAll(jobs, fault);
  }

  #becomeFull(): void {
    if (!this.#full)
      this.#options.log.error({ path: this.#options.path }, 'the disk is full: only deletes are taken');
    this.#full = true;
    this.#reserve.release();
  }

  /** On a full disk: deletes always; anything else once the reserve could be taken again, or deletes made room inside LMDB's file. */
  #mayWrite(jobs: readonly Job[]): boolean {
    if (this.#retakeReserve()) return true;
    return this.#freed || jobs.every(deletesOnly);
  }

  #retakeReserve(): boolean {
    const now = this.#options.clock.monotonicMs();
    if (now < this.#nextReserveTryMs) return false;
    this.#nextReserveTryMs = now + reserveRetryMs;
    if (!this.#reserve.take()) return false;
    this.#full = false;
    this.#freed = false;
    this.#options.log.info({ path: this.#options.path }, 'the disk has room again');
    return true;
  }

  #fullFault(): Fault {
    return new Fault(
      'full',
      `the disk that holds ${this.#options.path} is full: free some space; reads go on`,
    );
  }
}

function rejectAll(jobs: readonly Job[], fault: Fault): void {
  for (const job of jobs) job.reject(fault);
}

/** False for a probe, which writes. */
function deletesOnly(job: Job): boolean {
  return (
    job.encoded.length > 0 &&
    job.encoded.every(({ transaction }) => transaction.writes.every((write) => write.op === 'delete'))
  );
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

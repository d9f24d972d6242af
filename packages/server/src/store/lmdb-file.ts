import { Fault } from '@portolan/core/base/fault.ts';
import { type Database, open } from 'lmdb';
import type { DiskWrite } from './lmdb-batch.ts';

/** The only file that knows the npm package `lmdb`. Two named databases in one file; the unnamed root is never written. */
export interface LmdbFile {
  /** Every value of `records`, in order of key. Read it to the end at once. */
  values(): Iterable<Buffer>;
  /** Valid until the next call; undefined: no such key. Sees what is committed. */
  peek(key: Buffer): Buffer | undefined;
  meta(key: Buffer): Buffer | undefined;
  /**
   * One transaction, made on LMDB's own thread; resolves when it is on the disk. Rejects with the system's error; then nothing
   * of it was kept. The buffers must stay as they are until then.
   */
  write(records: readonly DiskWrite[], meta: DiskWrite): Promise<void>;
  close(): Promise<void>;
}

/**
 * No `useWritemap` (a full disk would kill the process with SIGBUS), and no `overlappingSync`: a commit resolves when LMDB has
 * flushed data and then its meta page, the order its crash safety rests on.
 */
export function openLmdbFile(directory: string): LmdbFile {
  const binary = { keyEncoding: 'binary', encoding: 'binary' } as const;
  const root = open<Buffer, Buffer>({
    path: directory,
    noSubdir: false,
    maxDbs: 4,
    overlappingSync: false,
    ...binary,
  });
  const records = root.openDB<Buffer, Buffer>('records', binary);
  const meta = root.openDB<Buffer, Buffer>('meta', binary);
  return {
    values: () => valuesOf(records),
    peek: (key) => records.getBinaryFast(key),
    meta: (key) => meta.getBinary(key),
    write: (writes, metaWrite) =>
      commit(records, () => {
        for (const write of writes) enqueue(records, write);
        enqueue(meta, metaWrite);
      }),
    close: () => root.close(),
  };
}

function* valuesOf(records: Database<Buffer, Buffer>): Iterable<Buffer> {
  for (const { value } of records.getRange()) yield value;
}

function enqueue(database: Database<Buffer, Buffer>, { key, value }: DiskWrite): void {
  if (value === undefined) void database.remove(key);
  else void database.put(key, value);
}

async function commit(records: Database<Buffer, Buffer>, write: () => void): Promise<void> {
  try {
    await records.batch(write);
    await records.flushed;
  } catch (error) {
    throw await causeOf(error);
  }
}

/**
 * lmdb rejects with "Commit failed" and gives the reason in a second promise, which must be caught or it takes the process
 * down. It rejects in a later turn; should it ever not, the first error is all there is.
 */
async function causeOf(error: unknown): Promise<unknown> {
  const reason = (error as { commitError?: Promise<unknown> }).commitError;
  if (reason === undefined) return error;
  const second = reason.then(
    () => error,
    (cause: unknown) => cause,
  );
  return await Promise.race([second, new Promise((resolve) => setTimeout(resolve, 1000, error).unref())]);
}

/** ENOSPC, EDQUOT, EFBIG, and LMDB's own MDB_MAP_FULL. */
const fullCodes: ReadonlySet<unknown> = new Set([28, 122, 27, -30792]);

export function faultOfLmdb(error: unknown, directory: string): Fault {
  if (error instanceof Fault) return error;
  const { code, message } = error as { code?: unknown; message?: string };
  if (fullCodes.has(code) || /no space left|quota|MAP_FULL/i.test(message ?? '')) {
    return new Fault('full', `the disk that holds ${directory} is full: free some space; reads go on`, {
      cause: error,
    });
  }
  return new Fault('unavailable', `cannot write to ${directory}: ${message ?? String(error)}`, {
    cause: error,
  });
}

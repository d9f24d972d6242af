import { type Database, type DatabaseOptions, open, type RootDatabase } from 'lmdb';
import type { DiskWrite } from './lmdb-batch.ts';

/** The only file that knows the npm package `lmdb`. Two named databases in one file; the unnamed root is never written. */
export interface LmdbFile {
  /** Valid until the next call; undefined: no such key. Sees what is committed. */
  peek(key: Buffer): Buffer | undefined;
  meta(key: Buffer): Buffer | undefined;
  /**
   * One transaction, made on LMDB's own thread; resolves when it is on the disk. Rejects with the system's error; then nothing
   * of it was kept. The buffers must stay as they are until then.
   */
  write(records: readonly DiskWrite[], meta: DiskWrite): Promise<void>;
  /** The end of the last page in use. */
  usedBytes(): number;
  close(): Promise<void>;
}

/**
 * No `useWritemap` (a full disk would kill the process with SIGBUS), and no `overlappingSync`: a commit resolves when LMDB has
 * flushed data and then its meta page, the order its crash safety rests on.
 */
export function openLmdbFile(directory: string): LmdbFile {
  const root = openRoot(directory);
  const records = root.openDB<Buffer, Buffer>('records', binary);
  const meta = root.openDB<Buffer, Buffer>('meta', binary);
  return {
    peek: (key) => records.getBinaryFast(key),
    meta: (key) => meta.getBinary(key),
    write: (writes, metaWrite) =>
      commit(records, () => {
        for (const write of writes) enqueue(records, write);
        enqueue(meta, metaWrite);
      }),
    usedBytes: () => usedBytes(root.getStats()),
    close: () => root.close(),
  };
}

const binary = { keyEncoding: 'binary', encoding: 'binary' } as const;

function openRoot(directory: string): RootDatabase<Buffer, Buffer> {
  return open<Buffer, Buffer>({
    path: directory,
    noSubdir: false,
    maxDbs: 4,
    overlappingSync: false,
    eventTurnBatching: false,
    ...binary,
  });
}

/** Reads a value that is at the start of `bytes`, `size` bytes long. Both are only there during the call. */
export type ReadValue = (bytes: Buffer, size: number) => void;

/**
 * How many bytes of values are read through one mapping. Reading brings the file's pages into the process, and only taking the
 * mapping away gives that memory back. The system maps some 16 pages around each that is touched, and values that follow each other
 * may lie anywhere: this can bring in 30 MB.
 */
const defaultBytesMapped = 2 * 1024 * 1024;

/** Hands every value of `records` to `read`, in order of key. Nobody may write meanwhile. */
export async function readValues(
  directory: string,
  read: ReadValue,
  maxBytesMapped = defaultBytesMapped,
): Promise<void> {
  let after: Buffer | undefined;
  do after = await readSome(directory, after, read, maxBytesMapped);
  while (after !== undefined);
}

/** Reads on after a key; resolves with the last that was read, or undefined at the end. */
async function readSome(
  directory: string,
  after: Buffer | undefined,
  read: ReadValue,
  maxBytesMapped: number,
): Promise<Buffer | undefined> {
  const root = openRoot(directory);
  try {
    let bytesRead = 0;
    const decode = (bytes: Buffer, size: number): void => {
      bytesRead += size;
      read(bytes, size);
    };
    // A decoder is lent the bytes; everything else is given a copy, which costs more than all the rest of reading. It is
    // documented, and missing from the package's types.
    const options: DatabaseOptions & { encoder: object } = { keyEncoding: 'binary', encoder: { decode } };
    const records = root.openDB<void, Buffer>('records', options);
    const range = after === undefined ? {} : { start: after, exclusiveStart: true };
    for (const { key } of records.getRange(range)) if (bytesRead >= maxBytesMapped) return key;
    return undefined;
  } finally {
    await root.close();
  }
}

function usedBytes(stats: object): number {
  // The package's types leave out what is in it.
  const { lastPageNumber, pageSize } = stats as { lastPageNumber: number; pageSize: number };
  return (lastPageNumber + 1) * pageSize;
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

/** A write costs at most so much of the file, beside values too long for a leaf: a leaf, its branch, and the halves split off. */
const pagesPerWrite = 4;
/** The roots, the meta database, the list of free pages. */
const pagesPerCommit = 64;
const pageBytes = 4096;

/** An upper bound of how far one commit can extend the file. */
export function bytesNeededFor(writes: readonly DiskWrite[]): number {
  let pages = pagesPerCommit;
  for (const { value } of writes) pages += pagesPerWrite + Math.ceil((value?.length ?? 0) / pageBytes);
  return pages * pageBytes;
}

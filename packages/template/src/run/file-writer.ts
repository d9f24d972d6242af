import {
  chownSync,
  closeSync,
  fchmodSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Fault } from '@portolan/core/base/fault.ts';
import type { Owner } from './accounts.ts';

export interface FileOptions {
  /** Permission bits; undefined keeps those of the file that is there, 0644 for a new one. */
  readonly mode: number | undefined;
  readonly createFolders: boolean;
  /** Keeps what was there as `<name>.bak`. */
  readonly backup: boolean;
  /** Whose it is; undefined keeps the owner of the file that is there. */
  readonly owner?: Owner | undefined;
}

/** What is at `path`; undefined: nothing. */
export function currentText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw failure('read', path, thrown);
  }
}

/**
 * Replaces the file at `path` so that a reader sees the old text or the new one, never a part, also after a power cut: a
 * new file in the same folder, flushed, renamed over the old. Mode and owner of the old file are kept. Throws a `Fault`.
 */
export function writeWhole(path: string, text: string, options: FileOptions): WrittenFile {
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${process.pid}.${nextNumber()}.tmp`);
  try {
    if (options.createFolders) mkdirSync(folder, { recursive: true });
    const before = existing(path);
    write(temporary, text, options.mode ?? (before === undefined ? 0o644 : before.mode & 0o7777));
    if (options.owner !== undefined) give(temporary, options.owner);
    else if (before !== undefined) keepOwner(temporary, before);
    if (options.backup && before !== undefined) keepBackup(path);
    renameSync(temporary, path);
    flushFolder(folder);
    return { text, stamp: stampOf(path) };
  } catch (thrown) {
    rmSync(temporary, { force: true });
    throw failure('write', path, thrown);
  }
}

/** A file as it was left: what is in it, and how to tell that nobody else wrote it since. */
export interface WrittenFile {
  readonly text: string;
  readonly stamp: string | undefined;
}

/** Whether `text` is what is at `path`; a file that is still as it was `written` is not read again. Throws a `Fault`. */
export function isCurrent(path: string, text: string, written: WrittenFile | undefined): boolean {
  const stamp = written?.stamp;
  if (written !== undefined && stamp !== undefined && stamp === stampOf(path)) return written.text === text;
  return currentText(path) === text;
}

function stampOf(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false, bigint: true });
  return found === undefined
    ? undefined
    : `${found.dev} ${found.ino} ${found.mtimeNs} ${found.ctimeNs} ${found.size}`;
}

let written = 0;
function nextNumber(): number {
  return ++written;
}

function write(path: string, text: string, mode: number): void {
  const file = openSync(path, 'wx', 0o600);
  try {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    fchmodSync(file, mode);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function existing(path: string): { mode: number; uid: number; gid: number } | undefined {
  return statSync(path, { throwIfNoEntry: false });
}

function give(path: string, owner: Owner): void {
  const made = statSync(path);
  chownSync(path, owner.uid ?? made.uid, owner.gid ?? made.gid);
}

/** Only root may give files away; for the rest the owner is the same anyway. */
function keepOwner(path: string, before: { uid: number; gid: number }): void {
  const made = statSync(path);
  if (made.uid === before.uid && made.gid === before.gid) return;
  try {
    chownSync(path, before.uid, before.gid);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EPERM') throw thrown;
  }
}

/** A second name for the old file: it is there before the new one takes its name. */
function keepBackup(path: string): void {
  const backup = `${path}.bak`;
  rmSync(backup, { force: true });
  linkSync(path, backup);
}

function flushFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function failure(what: string, path: string, thrown: unknown): Fault {
  const code = (thrown as NodeJS.ErrnoException).code === 'ENOSPC' ? 'full' : 'unavailable';
  return new Fault(code, `cannot ${what} ${path}: ${Fault.from(thrown).message}`, { cause: thrown });
}

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Fault } from '@portolan/core/base/fault.ts';

const sqliteBusy = 5;

export interface DirectoryLock {
  release(): void;
}

/**
 * Makes sure that one process at a time works in `directory`, across containers too. The kernel lets go of the lock however the
 * process ends. Node has no file locks of its own; SQLite, which comes with it, takes one on an empty file.
 * Throws `unavailable`, naming the process that has it.
 */
export function lockDirectory(directory: string): DirectoryLock {
  const owner = join(directory, 'owner.pid');
  const lock = new DatabaseSync(join(directory, 'owner.lock'), { timeout: 0 });
  try {
    // A journal in memory: one on disk could not be written on a full disk.
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    const reason =
      (error as { errcode?: unknown }).errcode === sqliteBusy
        ? `is in use by ${ownerText(owner)}: stop it, or use another --data-dir`
        : `cannot be locked: ${Fault.from(error).message}`;
    throw new Fault('unavailable', `data directory ${directory} ${reason}`, { cause: error });
  }
  noteOwner(owner);
  return { release: () => lock.close() };
}

/** Only for the message that another process will print: a full disk must not keep us from starting. */
function noteOwner(file: string): void {
  try {
    writeFileSync(file, `${process.pid}\n`);
  } catch {
    // The lock itself is held all the same.
  }
}

function ownerText(file: string): string {
  try {
    const pid = readFileSync(file, 'utf8').trim();
    return pid === '' ? 'another process' : `process ${pid}`;
  } catch {
    return 'another process';
  }
}

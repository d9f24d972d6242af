import { closeSync, fsyncSync, ftruncateSync, openSync, rmSync, writeSync } from 'node:fs';

/**
 * Disk space kept back for the day the disk is full: released, it lets deletes through, which need a few new pages
 * before they free any. It is really written, because a sparse file reserves nothing.
 */
export interface SpaceReserve {
  readonly held: boolean;
  /** Takes the space (again). False: there is not enough. */
  take(): boolean;
  /** Gives the space back to whoever needs it. */
  release(): void;
}

const block = Buffer.alloc(64 * 1024, 0x50);

export function spaceReserve(file: string, bytes: number): SpaceReserve {
  let held = false;
  return {
    get held() {
      return held;
    },
    take() {
      held = held || fill(file, bytes);
      return held;
    },
    release() {
      held = false;
      rmSync(file, { force: true });
    },
  };
}

function fill(file: string, bytes: number): boolean {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, 'w');
    for (let written = 0; written < bytes; ) written += writeSync(descriptor, block);
    fsyncSync(descriptor);
    return true;
  } catch {
    if (descriptor !== undefined) ftruncateSync(descriptor, 0);
    return false;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Clock } from '@portolan/core/base/clock.ts';

/**
 * Disk space that the store's file already has. LMDB must never meet a full disk: lmdb 3.5.6 damages the process' memory when a
 * page cannot be written. So the file is made longer, with bytes really written, before LMDB needs the room; when that fails,
 * the last `reserveBytes` are for deletes, which need new pages before they free any.
 */
export interface DiskRoom {
  /** Whether `neededBytes` more can be written. Only `deletes` may use the reserve. */
  has(neededBytes: number, use: 'puts' | 'deletes'): Promise<boolean>;
  close(): Promise<void>;
}

export interface DiskRoomOptions {
  readonly file: string;
  readonly reserveBytes: number;
  readonly clock: Clock;
  /** How far LMDB has come in the file. Asked seldom. */
  readonly usedBytes: () => number;
}

/** A full disk is not asked again for each refused put. */
const retryMs = 250;
const piece = Buffer.alloc(256 * 1024, 0x50);

export async function diskRoom(options: DiskRoomOptions): Promise<DiskRoom> {
  // Not append: LMDB writes to the same file, and pieces go where we say.
  const handle = await open(options.file, constants.O_RDWR);
  const { size } = await handle.stat();
  return new FileRoom(options, handle, size);
}

class FileRoom implements DiskRoom {
  readonly #options: DiskRoomOptions;
  readonly #handle: FileHandle;
  #ownedBytes: number;
  /** At most so much is in use: what was asked for since LMDB was asked. */
  #usedAtMost: number;
  #deleted = false;
  #nextTryMs = Number.NEGATIVE_INFINITY;

  constructor(options: DiskRoomOptions, handle: FileHandle, sizeBytes: number) {
    this.#options = options;
    this.#handle = handle;
    this.#ownedBytes = sizeBytes;
    this.#usedAtMost = options.usedBytes();
  }

  async has(neededBytes: number, use: 'puts' | 'deletes'): Promise<boolean> {
    const { reserveBytes, usedBytes } = this.#options;
    const wanted = neededBytes + reserveBytes;
    if (this.#left() < wanted) this.#usedAtMost = usedBytes();
    if (this.#left() < wanted) await this.#grow(this.#usedAtMost + wanted + reserveBytes);
    const keptBytes = use === 'deletes' ? 0 : this.#putsKeep();
    if (this.#left() < neededBytes + keptBytes) return false;
    if (use === 'deletes') this.#deleted = true;
    this.#usedAtMost += neededBytes;
    return true;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  /** Deletes on a full disk leave free pages within the file, which LMDB takes first: puts may try until they do need more. */
  #putsKeep(): number {
    const { reserveBytes } = this.#options;
    return this.#deleted ? reserveBytes / 2 : reserveBytes;
  }

  #left(): number {
    return this.#ownedBytes - this.#usedAtMost;
  }

  async #grow(toBytes: number): Promise<void> {
    const now = this.#options.clock.monotonicMs();
    if (now < this.#nextTryMs) return;
    try {
      while (this.#ownedBytes < toBytes) {
        const { bytesWritten } = await this.#handle.write(piece, 0, piece.length, this.#ownedBytes);
        this.#ownedBytes += bytesWritten;
      }
      await this.#handle.datasync();
      this.#deleted = false;
    } catch {
      // What was written until then is ours.
      this.#nextTryMs = now + retryMs;
    }
  }
}

import { type FSWatcher, watch } from 'node:fs';
import type { Clock } from '@portolan/core/base/clock.ts';
import { limits } from './config.ts';

/** Tells that something may have changed in some directories. */
export interface DirectoryWatch {
  /** Which directories, from now on. */
  set(directories: readonly string[]): void;
  close(): void;
}

/**
 * Calls `onChange` once it is quiet after a change, and now and then without one: not every file system tells. `onChange` is not called
 * again before `set` has been.
 */
export function watchDirectories(
  clock: Clock,
  onChange: () => void,
  onTrouble: (error: unknown) => void,
): DirectoryWatch {
  const watchers = new Map<string, FSWatcher>();
  let cancel = (): void => {};
  let firstMs: number | undefined;
  let closed = false;

  function fire(): void {
    cancel();
    firstMs = undefined;
    if (!closed) onChange();
  }

  function changed(): void {
    if (closed) return;
    const nowMs = clock.monotonicMs();
    firstMs ??= nowMs;
    cancel();
    cancel = clock.after(Math.max(0, Math.min(limits.quietMs, firstMs + limits.latestMs - nowMs)), fire);
  }

  function add(directory: string): void {
    try {
      const watcher = watch(directory, { persistent: false }, changed);
      watcher.on('error', () => {
        // The directory went away: looking again finds out what that means.
        drop(directory);
        changed();
      });
      watchers.set(directory, watcher);
    } catch (error) {
      onTrouble(error);
    }
  }

  function drop(directory: string): void {
    watchers.get(directory)?.close();
    watchers.delete(directory);
  }

  return {
    set(directories) {
      if (closed) return;
      // Anew each time: a directory may be another one of the same name.
      for (const directory of [...watchers.keys()]) drop(directory);
      for (const directory of directories.slice(0, limits.maxWatched)) add(directory);
      cancel();
      firstMs = undefined;
      cancel = clock.after(limits.lookAgainMs, fire);
    },
    close() {
      closed = true;
      cancel();
      for (const directory of [...watchers.keys()]) drop(directory);
    },
  };
}

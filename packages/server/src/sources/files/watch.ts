import { type FSWatcher, watch } from 'node:fs';
import type { Clock } from '@portolan/core/base/clock.ts';
import { limits } from './config.ts';

/** Tells that something may have changed in some directories. */
export interface DirectoryWatch {
  /** Which directories, from now on, with what tells each from another of the same name. */
  set(directories: ReadonlyMap<string, string>): void;
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
  const watchers = new Map<string, { readonly watcher: FSWatcher; readonly identity: string }>();
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

  function add(directory: string, identity: string): void {
    try {
      const watcher = watch(directory, { persistent: false }, changed);
      watcher.on('error', () => {
        // The directory went away: looking again finds out what that means.
        drop(directory);
        changed();
      });
      watchers.set(directory, { watcher, identity });
    } catch (error) {
      onTrouble(error);
    }
  }

  function drop(directory: string): void {
    watchers.get(directory)?.watcher.close();
    watchers.delete(directory);
  }

  return {
    set(directories) {
      if (closed) return;
      for (const [directory, { identity }] of [...watchers]) {
        if (directories.get(directory) !== identity) drop(directory);
      }
      for (const [directory, identity] of directories) {
        if (watchers.size >= limits.maxWatched) break;
        if (!watchers.has(directory)) add(directory, identity);
      }
      // What was told meanwhile may have come too late to be seen.
      if (firstMs !== undefined) return;
      cancel();
      cancel = clock.after(limits.lookAgainMs, fire);
    },
    close() {
      closed = true;
      cancel();
      for (const directory of [...watchers.keys()]) drop(directory);
    },
  };
}

import { getCompileCacheDir } from 'node:module';
import { dirname, join } from 'node:path';

/**
 * Where our processes keep compiled code from one start to the next: where this one does (the command's own cache, or `NODE_COMPILE_CACHE`), else in
 * `stateDir`. Without it each of them carries the TypeScript stripper: 100 MB instead of 65 MB, and a slower start.
 */
export function compileCacheFor(stateDir: string): string {
  const { NODE_COMPILE_CACHE: given } = process.env;
  if (given !== undefined && given !== '') return given;
  // Node tells the folder of its own version, which it makes below the one that it was given.
  const own = getCompileCacheDir();
  return own === undefined ? join(stateDir, 'compile-cache') : dirname(own);
}

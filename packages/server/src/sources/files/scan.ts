import type { Stats } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '@portolan/core/base/fault.ts';
import { readLimits } from '../../rules/limits.ts';
import { limits } from './config.ts';

/** A file that may hold manifests. */
export interface FoundFile {
  readonly path: string;
  /** Changes with the file: a look at it tells whether it needs to be read again. */
  readonly print: string;
}

/** What lies in a directory, or why that could not be found out. */
export interface Scan {
  /** Of the directory itself: another one has come in its place when this differs. */
  readonly identity: string;
  /** In order of path. */
  readonly files: readonly FoundFile[];
  /** With the identity of each. */
  readonly directories: ReadonlyMap<string, string>;
  /** Paths of files and directories that could not be looked at, and why. What is below them may still be there. */
  readonly unreadable: ReadonlyMap<string, string>;
}

const manifestName = /\.(ya?ml|json)$/i;

/**
 * Looks for manifests in a directory and those below it, through symbolic links. Names that begin with a dot are not looked at: editors
 * and mounted ConfigMaps keep their own business there. Throws `unavailable` where the directory itself cannot be read.
 */
export async function scanDirectory(directory: string): Promise<Scan> {
  const files: FoundFile[] = [];
  const directories = new Map<string, string>();
  const unreadable = new Map<string, string>();
  const seen = new Set<string>();

  async function walk(path: string, identity: string, depth: number): Promise<void> {
    if (seen.has(identity)) return;
    seen.add(identity);
    if (depth > limits.maxDepth)
      throw new Fault('too-large', `directories are nested deeper than ${limits.maxDepth}`);
    directories.set(path, identity);
    for (const name of (await readdir(path)).sort()) {
      if (name.startsWith('.')) continue;
      const at = join(path, name);
      try {
        await look(at, name, depth);
      } catch (thrown) {
        unreadable.set(at, reasonOf(thrown));
      }
    }
  }

  async function look(path: string, name: string, depth: number): Promise<void> {
    const found = await stat(path);
    if (found.isDirectory()) return walk(path, identityOf(found), depth + 1);
    if (!found.isFile() || !manifestName.test(name)) return;
    if (files.length < limits.maxFiles) {
      files.push({ path, print: `${identityOf(found)}:${found.size}:${found.mtimeMs}:${found.ctimeMs}` });
      return;
    }
    // Said once, of all of it: there may be any number.
    unreadable.set(directory, `more than ${limits.maxFiles} files are not read`);
  }

  try {
    const identity = identityOf(await stat(directory));
    await walk(directory, identity, 0);
    return { identity, files, directories, unreadable };
  } catch (thrown) {
    throw new Fault('unavailable', `${directory} cannot be read: ${reasonOf(thrown)}`, { cause: thrown });
  }
}

function identityOf({ dev, ino }: Stats): string {
  return `${dev}:${ino}`;
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

/** The text of a file. Throws `invalid` or `too-large` for what is no text that is read, else what the file system says. */
export async function readManifestFile(path: string): Promise<string> {
  const { size } = await stat(path);
  if (size > readLimits.maxBytes)
    throw new Fault('too-large', `has ${size} bytes; at most ${readLimits.maxBytes} are read`);
  const bytes = await readFile(path);
  try {
    return strictUtf8.decode(bytes);
  } catch (cause) {
    throw new Fault('invalid', 'is not UTF-8', { cause });
  }
}

export function reasonOf(thrown: unknown): string {
  const code = (thrown as NodeJS.ErrnoException | undefined)?.code;
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: 'it is not there',
    EACCES: 'permission denied',
    ENOTDIR: 'it is no directory',
    ELOOP: 'its links go round in circles',
  };
  return reasons[code ?? ''] ?? Fault.from(thrown).message;
}

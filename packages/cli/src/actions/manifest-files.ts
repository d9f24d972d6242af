import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { text as readText } from 'node:stream/consumers';
import { Fault } from '@portolan/core/base/fault.ts';
import type { Io } from '../io.ts';

export interface ManifestFile {
  /** As problems name it. */
  readonly file: string;
  readonly text: string;
}

/** A project has tens; thousands are another directory that was meant. */
const maxFiles = 1_000;

const manifestName = /\.(ya?ml|json)$/i;

/**
 * The texts that `-f` names: files, directories (with `recursive` those below them too), `-` for stdin. Throws `invalid` for what cannot
 * be read.
 */
export async function manifestFiles(
  io: Io,
  paths: readonly string[],
  recursive: boolean,
): Promise<readonly ManifestFile[]> {
  const found: ManifestFile[] = [];
  for (const path of paths) {
    if (path === '-') found.push({ file: 'stdin', text: await readText(io.stdin) });
    else for (const file of filesAt(path, recursive)) found.push({ file, text: readFrom(file) });
  }
  if (found.length === 0) {
    throw new Fault(
      'invalid',
      `-f: ${paths.join(', ')} holds no .yaml, .yml or .json file${recursive ? '' : '; -R looks into subdirectories'}`,
    );
  }
  return found;
}

function filesAt(path: string, recursive: boolean): readonly string[] {
  if (!isDirectory(path)) return [path];
  const files: string[] = [];
  const walk = (directory: string): void => {
    for (const name of readdirSync(directory).sort()) {
      const at = join(directory, name);
      if (name.startsWith('.')) continue;
      if (isDirectory(at)) {
        if (recursive) walk(at);
      } else if (manifestName.test(name)) files.push(at);
      if (files.length > maxFiles)
        throw new Fault('invalid', `-f: ${path} holds more than ${maxFiles} files`);
    }
  };
  walk(path);
  return files;
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (thrown) {
    throw unreadable(path, thrown);
  }
}

function readFrom(path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
  } catch (thrown) {
    throw unreadable(path, thrown);
  }
}

function unreadable(path: string, thrown: unknown): Fault {
  return new Fault('invalid', `-f: cannot read '${path}': ${Fault.from(thrown).message}`, {
    cause: thrown,
    path: '-f',
  });
}

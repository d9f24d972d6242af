import { randomUUID } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '@portolan/core/base/fault.ts';
import type { Settings } from './config/settings.ts';
import type { Identity } from './contract.ts';
import { makeDirectories } from './make-directories.ts';
import { version } from './version.ts';

/** Makes the data directory, readable by its owner only: registrations and keys are nobody else's business. */
export function prepareDataDir(directory: string): void {
  try {
    makeDirectories(directory, 0o700);
  } catch (cause) {
    throw dataDirFault(directory, cause);
  }
}

/** Who this server is. Its UUID is made at the first start and stays with the data directory. */
export function identityOf(settings: Settings): Identity {
  return {
    node: settings.node,
    nodeId: nodeIdOf(settings.dataDir),
    datacenter: settings.datacenter,
    address: settings.address,
    version,
  };
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function nodeIdOf(directory: string): string {
  const file = join(directory, 'node-id');
  try {
    const kept = readIfThere(file)?.trim();
    if (kept !== undefined && uuid.test(kept)) return kept;
    const made = randomUUID();
    // Whole or not at all: half an id would be another node after a crash.
    writeFileSync(`${file}.new`, `${made}\n`, { mode: 0o600 });
    renameSync(`${file}.new`, file);
    return made;
  } catch (cause) {
    throw dataDirFault(directory, cause);
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function dataDirFault(directory: string, cause: unknown): Fault {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new Fault('invalid', `--data-dir: ${directory} cannot be used: ${reason}`, { cause });
}

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '@portolan/core/base/fault.ts';

/** What a connection to an engine over TLS needs: PEM. */
export interface TlsFiles {
  readonly ca: Buffer;
  /** Absent: the engine does not ask who we are. */
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/**
 * Reads `ca.pem`, and `cert.pem` with `key.pem` if they are there: the names that Docker's own client looks for in `DOCKER_CERT_PATH`.
 * Read at each connect, so that renewed ones are taken. Rejects with `unavailable`, naming the file.
 */
export async function readTlsFiles(certPath: string): Promise<TlsFiles> {
  const ca = await readPem(certPath, 'ca.pem');
  const [cert, key] = await Promise.all([
    readIfThere(certPath, 'cert.pem'),
    readIfThere(certPath, 'key.pem'),
  ]);
  if (cert === undefined && key === undefined) return { ca };
  if (cert === undefined || key === undefined) {
    const missing = cert === undefined ? 'cert.pem' : 'key.pem';
    throw new Fault('unavailable', `${join(certPath, missing)} is missing: cert.pem and key.pem go together`);
  }
  return { ca, cert, key };
}

async function readPem(folder: string, name: string): Promise<Buffer> {
  const path = join(folder, name);
  try {
    return await readFile(path);
  } catch (error) {
    throw new Fault('unavailable', `${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

async function readIfThere(folder: string, name: string): Promise<Buffer | undefined> {
  try {
    return await readPem(folder, name);
  } catch (error) {
    const { code } = (error as Fault).cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw error;
  }
}

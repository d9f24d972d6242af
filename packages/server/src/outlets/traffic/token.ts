import { randomBytes, timingSafeEqual } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const tokenFile = 'gateway-token';
/** 256 bits. */
const tokenPattern = /^[0-9a-f]{64}$/;

/** What a data plane shows to be told secrets: made at the first start, in `directory`, readable by its owner only. */
export function gatewayToken(directory: string): string {
  const path = join(directory, tokenFile);
  const kept = readIfThere(path);
  if (kept !== undefined && tokenPattern.test(kept)) return kept;
  const made = randomBytes(32).toString('hex');
  writeFileSync(path, `${made}\n`, { mode: 0o600 });
  return made;
}

/** What the `Authorization` of a reader says about it: nothing at all, the token, or something else. */
export function judge(authorization: string | undefined, token: string): 'anyone' | 'data-plane' | 'refused' {
  if (authorization === undefined) return 'anyone';
  const shown = /^bearer ([0-9a-f]{64})$/i.exec(authorization)?.[1];
  if (shown === undefined) return 'refused';
  return timingSafeEqual(Buffer.from(shown), Buffer.from(token)) ? 'data-plane' : 'refused';
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

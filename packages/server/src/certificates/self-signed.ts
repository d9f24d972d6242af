import { renameSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { dnsNames } from './dns-names.ts';
import { issueCertificate } from './issue.ts';
import { type Pair, readPair } from './read-pair.ts';

const dayMs = 86_400_000;
/** Browsers refuse longer ones, also of authorities that somebody trusts by hand. */
const validMs = 397 * dayMs;
/** A server that runs for long without a restart has one that is still good. */
const renewMs = 60 * dayMs;

/**
 * The certificate for who has none: made at the first start, kept in `directory`, made anew before it ends or when the names change. Nobody
 * trusts it who was not told to.
 */
export async function selfSigned(directory: string, names: readonly string[], nowMs: number): Promise<Pair> {
  const files = {
    cert: join(directory, 'gateway-certificate.pem'),
    key: join(directory, 'gateway-certificate-key.pem'),
  };
  const kept = readKept(files);
  if (kept !== undefined && isGood(kept, names, nowMs)) return kept;
  const made = await issueCertificate({
    subject: 'CN=Portolan gateway (self-signed)',
    dnsNames: names.filter((name) => isIP(name) === 0),
    ipAddresses: names.filter((name) => isIP(name) !== 0),
    notBefore: new Date(nowMs - dayMs),
    notAfter: new Date(nowMs + validMs),
  });
  replaceFile(files.key, made.key, 0o600);
  replaceFile(files.cert, made.chain, 0o644);
  return readPair(files);
}

function readKept(files: { readonly cert: string; readonly key: string }): Pair | undefined {
  try {
    return readPair(files);
  } catch {
    return undefined;
  }
}

function isGood({ leaf }: Pair, names: readonly string[], nowMs: number): boolean {
  const known = dnsNames(leaf);
  const has = (name: string): boolean =>
    isIP(name) === 0 ? known.includes(name) : leaf.checkIP(name) !== undefined;
  return Date.parse(leaf.validTo) - nowMs > renewMs && names.every(has);
}

function replaceFile(path: string, content: string, mode: number): void {
  writeFileSync(`${path}.new`, content, { mode });
  renameSync(`${path}.new`, path);
}

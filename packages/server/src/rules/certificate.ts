import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { At } from './at.ts';

/**
 * Looks at a certificate chain (PEM, leaf first) and its key: what cannot be served is an error at its place. `nowMs` is the wall clock,
 * by which one that has expired is a warning.
 */
export function checkCertificate(
  chain: { readonly pem: string; readonly at: At },
  key: { readonly pem: string; readonly at: At },
  nowMs: number,
): void {
  const leaf = certificateOf(chain.pem, chain.at);
  const privateKey = keyOf(key.pem, key.at);
  if (leaf === undefined || privateKey === undefined) return;
  if (!leaf.checkPrivateKey(privateKey)) {
    key.at.error(
      'key-mismatch',
      'is not the key of the certificate in tls.crt',
      'the leaf comes first in tls.crt; take certificate and key from the same order',
    );
    return;
  }
  const until = Date.parse(leaf.validTo);
  if (until < nowMs) chain.at.warn('expired', `holds a certificate that expired on ${isoDay(until)}`);
  else if (Date.parse(leaf.validFrom) > nowMs) {
    chain.at.warn(
      'not-yet-valid',
      `holds a certificate that is valid from ${isoDay(Date.parse(leaf.validFrom))} on`,
    );
  }
}

function isoDay(ms: number): string {
  return Number.isNaN(ms) ? 'an unreadable date' : new Date(ms).toISOString().slice(0, 10);
}

function certificateOf(pem: string, at: At): X509Certificate | undefined {
  if (!pem.includes('-----BEGIN CERTIFICATE-----')) {
    at.error('bad-certificate', 'must be a certificate in PEM', 'it begins with -----BEGIN CERTIFICATE-----');
    return undefined;
  }
  try {
    return new X509Certificate(pem);
  } catch {
    at.error('bad-certificate', 'holds a certificate that cannot be read');
    return undefined;
  }
}

function keyOf(pem: string, at: At): KeyObject | undefined {
  if (/-----BEGIN (ENCRYPTED PRIVATE KEY|.*\n.*ENCRYPTED)/.test(pem)) {
    at.error('bad-key', 'must be a key without a passphrase', 'openssl pkey -in KEY -out PLAIN takes it off');
    return undefined;
  }
  try {
    return createPrivateKey(pem);
  } catch {
    // What OpenSSL says may hold parts of the text, which is a secret.
    at.error('bad-key', 'must be a private key in PEM', 'it begins with -----BEGIN PRIVATE KEY-----');
    return undefined;
  }
}

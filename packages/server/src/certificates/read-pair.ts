import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { Fault } from '@portolan/core/base/fault.ts';
import type { CertificateFiles } from './config.ts';

/** A certificate of the gateway's own with its key, PEM. */
export interface Pair {
  readonly chain: string;
  readonly key: string;
  readonly leaf: X509Certificate;
}

/** A chain has a few KB; something else was named by mistake. */
const maxFileBytes = 1_048_576;

/** Reads both files. Throws an `invalid` fault that says which one is wrong and how; nothing of the key is in it. */
export function readPair({ cert, key }: CertificateFiles): Pair {
  const chain = readText(cert);
  const keyText = readText(key);
  const leaf = leafOf(chain, cert);
  const privateKey = keyOf(keyText, key);
  if (!leaf.checkPrivateKey(privateKey)) {
    throw invalid(
      `${key} is not the key of the certificate in ${cert}: name the two that were issued together`,
    );
  }
  return { chain, key: keyText, leaf };
}

function readText(path: string): string {
  try {
    const bytes = readFileSync(path);
    if (bytes.length > maxFileBytes) throw new Error(`it has more than ${maxFileBytes} bytes`);
    return bytes.toString('utf8');
  } catch (cause) {
    const from = isAbsolute(path) ? '' : ` (from ${process.cwd()}, where it was started)`;
    throw invalid(`${path} cannot be read${from}: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

function leafOf(chain: string, path: string): X509Certificate {
  try {
    return new X509Certificate(chain);
  } catch {
    throw invalid(`${path} holds no certificate in PEM: it begins with -----BEGIN CERTIFICATE-----`);
  }
}

function keyOf(text: string, path: string): KeyObject {
  try {
    return createPrivateKey(text);
  } catch {
    // What OpenSSL says may hold parts of the text, which is a secret.
    throw invalid(`${path} holds no private key in PEM without a passphrase: 'openssl pkey' takes one off`);
  }
}

function invalid(message: string): Fault {
  return new Fault('invalid', `gateway.tls.certificates: ${message}`, { path: 'gateway.tls.certificates' });
}

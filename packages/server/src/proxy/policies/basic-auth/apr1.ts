import { createHash } from 'node:crypto';

const alphabet = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const rounds = 1_000;

/** Apache's `$apr1$` (apr_md5.c): the MD5-based crypt of FreeBSD with another magic word. */
export function apr1(password: string, salt: string): string {
  const secret = Buffer.from(password, 'utf8');
  const grain = Buffer.from(salt, 'latin1');
  const inner = md5(secret, grain, secret);
  const opening: Buffer[] = [secret, Buffer.from('$apr1$'), grain];
  for (let left = secret.length; left > 0; left -= 16) opening.push(inner.subarray(0, Math.min(16, left)));
  for (let bits = secret.length; bits > 0; bits >>= 1) {
    opening.push((bits & 1) === 1 ? Buffer.of(0) : secret.subarray(0, 1));
  }
  let digest = md5(...opening);
  for (let round = 0; round < rounds; round++) {
    const parts: Buffer[] = [round % 2 === 1 ? secret : digest];
    if (round % 3 !== 0) parts.push(grain);
    if (round % 7 !== 0) parts.push(secret);
    parts.push(round % 2 === 1 ? digest : secret);
    digest = md5(...parts);
  }
  return `$apr1$${salt}$${encoded(digest)}`;
}

function md5(...parts: readonly Buffer[]): Buffer {
  const hash = createHash('md5');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

const triples = [
  [0, 6, 12],
  [1, 7, 13],
  [2, 8, 14],
  [3, 9, 15],
  [4, 10, 5],
] as const;

function encoded(digest: Buffer): string {
  let text = '';
  for (const [high, middle, low] of triples) {
    text += letters(((digest[high] ?? 0) << 16) | ((digest[middle] ?? 0) << 8) | (digest[low] ?? 0), 4);
  }
  return text + letters(digest[11] ?? 0, 2);
}

function letters(value: number, count: number): string {
  let text = '';
  for (let index = 0; index < count; index++) text += alphabet[(value >> (6 * index)) & 63];
  return text;
}

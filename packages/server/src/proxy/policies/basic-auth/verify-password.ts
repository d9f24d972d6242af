import { createHash, timingSafeEqual } from 'node:crypto';
import { compareSync } from 'bcryptjs';
import { apr1 } from './apr1.ts';
import type { PasswordHash } from './password-hash.ts';

/** Whether the password is the one that was hashed. Takes as long as the hash is made to take: up to a second for bcrypt. */
export function verifyPassword(password: string, hash: PasswordHash): boolean {
  switch (hash.kind) {
    case 'sha1':
      return sameText(createHash('sha1').update(password, 'utf8').digest('base64'), hash.digest);
    case 'apr1':
      return sameText(apr1(password, hash.salt), hash.text);
    case 'bcrypt':
      return compareSync(password, hash.text);
  }
}

function sameText(left: string, right: string): boolean {
  const [one, other] = [Buffer.from(left, 'latin1'), Buffer.from(right, 'latin1')];
  return one.length === other.length && timingSafeEqual(one, other);
}

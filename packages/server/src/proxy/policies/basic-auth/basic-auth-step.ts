import type { BasicAuth } from '@portolan/core/traffic/model.ts';
import { headerLine, isHeaderValue } from '../header-edit.ts';
import { type Decision, type Denial, denial, type PolicyState, type PolicyStep } from '../step.ts';
import { maxPasswordLength, type PasswordChecker, type Verdict } from './password-checker.ts';
import { type PasswordHash, parseUsers } from './password-hash.ts';
import { verifyPassword } from './verify-password.ts';

const overloaded = denial(
  503,
  'auth-overload',
  'too many passwords wait to be verified',
  'Retry-After: 5\r\n',
);
/** Of nobody's password: who asks for a user that is not there waits as long. */
const nobodys: PasswordHash = {
  kind: 'bcrypt',
  text: '$2y$10$2U/CMCJYEQUAfM7LgihbZ.h8AhD6WXgKfYoztnaqWZlJL1i5TDZC6',
};

/** RFC 7617. */
export class BasicAuthStep implements PolicyStep {
  readonly credential = true;
  readonly #users: ReadonlyMap<string, PasswordHash | undefined>;
  readonly #passwords: PasswordChecker;
  readonly #challenge: Denial;
  readonly #decoy: PasswordHash;

  constructor(policy: BasicAuth, passwords: PasswordChecker) {
    this.#users = parseUsers(policy.users);
    this.#passwords = passwords;
    const hashes = [...this.#users.values()];
    this.#decoy = hashes.find((hash) => hash !== undefined) ?? nobodys;
    const realm = isHeaderValue(policy.realm) ? policy.realm.replace(/[\\"]/g, '\\$&') : '';
    const line = headerLine('WWW-Authenticate', `Basic realm="${realm}", charset="UTF-8"`);
    this.#challenge = denial(401, 'unauthorized', 'a user name and a password are asked for', line);
  }

  check(_request: unknown, { view }: PolicyState): Denial | Decision | undefined {
    const said = credentialsOf(view.header('authorization'));
    if (said === undefined) return this.#challenge;
    const known = this.#users.get(said.user);
    const hash = known ?? this.#decoy;
    if (hash.kind === 'sha1') {
      const right = verifyPassword(said.password, hash) && known !== undefined;
      return right ? undefined : this.#challenge;
    }
    if (known !== undefined && this.#passwords.knows(said.password, known)) return undefined;
    return (settle) =>
      this.#passwords.check(said.password, hash, (verdict) =>
        settle(this.#denialOf(verdict, known !== undefined)),
      );
  }

  #denialOf(verdict: Verdict, known: boolean): Denial | undefined {
    if (verdict === 'overload') return overloaded;
    return verdict === 'right' && known ? undefined : this.#challenge;
  }
}

/** Undefined: there are none, or malformed ones. */
function credentialsOf(field: string | undefined): { user: string; password: string } | undefined {
  const encoded = /^basic +([A-Za-z0-9+/_-]{1,2048}={0,2})$/i.exec(field ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon === -1 || text.length - colon > maxPasswordLength) return undefined;
  return { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

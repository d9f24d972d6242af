/** A hash of a line of an htpasswd file, by what it is verified with. */
export type PasswordHash =
  /** `{SHA}`: SHA-1, unsalted; base64. Takes no time. */
  | { readonly kind: 'sha1'; readonly digest: string }
  /** `$apr1$`: Apache's MD5 of a thousand rounds. */
  | { readonly kind: 'apr1'; readonly text: string; readonly salt: string }
  /** `$2a$`, `$2b$`, `$2y$`. */
  | { readonly kind: 'bcrypt'; readonly text: string };

/** More takes seconds for each guess. */
const maxBcryptCost = 14;

/** Undefined: plain text, crypt, or one that would take too long; such a user cannot come in. */
export function parseHash(text: string): PasswordHash | undefined {
  if (/^\{SHA\}[A-Za-z0-9+/]{27}=$/.test(text)) return { kind: 'sha1', digest: text.slice(5) };
  const apr1 = /^\$apr1\$([./0-9A-Za-z]{1,8})\$[./0-9A-Za-z]{22}$/.exec(text);
  if (apr1 !== null) return { kind: 'apr1', text, salt: apr1[1] ?? '' };
  const bcrypt = /^\$2[aby]\$(\d\d)\$[./0-9A-Za-z]{53}$/.exec(text);
  if (bcrypt === null) return undefined;
  const cost = Number(bcrypt[1]);
  return cost >= 4 && cost <= maxBcryptCost ? { kind: 'bcrypt', text } : undefined;
}

/** `user:hash` lines, `#` begins a comment. The first of a name counts. Those that cannot come in are there, with no hash. */
export function parseUsers(lines: readonly string[]): ReadonlyMap<string, PasswordHash | undefined> {
  const users = new Map<string, PasswordHash | undefined>();
  for (const line of lines) {
    const text = line.trim();
    const colon = text.indexOf(':');
    if (text.startsWith('#') || colon < 1) continue;
    const name = text.slice(0, colon);
    // What stands behind a second colon is a remark.
    if (!users.has(name)) users.set(name, parseHash(text.slice(colon + 1).split(':', 1)[0] ?? ''));
  }
  return users;
}

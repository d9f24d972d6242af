import { type Authority, parseAuthority } from './canonical-host.ts';
import { canonicalPath } from './canonical-path.ts';
import { type Refusal, refusals } from './refusal.ts';

export interface RequestTarget {
  readonly type: 'target';
  readonly path: string;
  readonly query: string;
  /** Of the absolute form only. */
  readonly authority: Authority | undefined;
}

const absolute = /^(https?):\/\/([^/?]*)([^?]*)(.*)$/i;

/**
 * The request target (RFC 9112 §3.2) in its less common forms: absolute, asterisk, or a path that may not be canonical.
 * Its octets are already checked to be target octets.
 */
export function parseTarget(method: string, target: string): RequestTarget | Refusal {
  if (target.startsWith('/')) {
    const queryAt = target.indexOf('?');
    const path = queryAt === -1 ? target : target.slice(0, queryAt);
    return withPath(path, queryAt === -1 ? '' : target.slice(queryAt), undefined);
  }
  if (target === '*') {
    if (method !== 'OPTIONS') return refusals.badTarget;
    return { type: 'target', path: '*', query: '', authority: undefined };
  }
  const parts = absolute.exec(target);
  if (parts === null) return refusals.badTarget;
  const authority = parseAuthority(parts[2] ?? '');
  if (authority === undefined || authority.host === '') return refusals.badTarget;
  return withPath(parts[3] || '/', parts[4] ?? '', authority);
}

function withPath(raw: string, query: string, authority: Authority | undefined): RequestTarget | Refusal {
  const path = canonicalPath(raw);
  return path === undefined ? refusals.badPath : { type: 'target', path, query, authority };
}

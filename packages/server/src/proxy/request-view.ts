import { type IpAddress, parseIp } from '@portolan/core/base/ip-address.ts';
import { clientAddress } from './client-address.ts';
import type { Peer, TrustedPeers } from './forwarding.ts';
import { fieldValue } from './http1/line-fields.ts';
import type { RequestHead } from './http1/request-head.ts';

/** What is known of the connection that a request came on. */
export interface RequestSource {
  readonly peer: Peer;
  readonly scheme: 'http' | 'https';
}

/** Of all expressions together, for one request: some 50 ms of work. People's rules take a hundredth of it. */
const maxRegexOctets = 1_000_000;

/**
 * A request as rules see it: header fields, cookies and query parameters by name, the client's address. Made only where a rule asks;
 * everything is looked for when it is asked for, and once.
 */
export class RequestView {
  readonly head: RequestHead;
  readonly #source: RequestSource;
  readonly #trusted: TrustedPeers;
  #headers: Map<string, string | undefined> | undefined;
  #query: Map<string, string | undefined> | undefined;
  #cookies: Map<string, string | undefined> | undefined;
  #address: string | undefined;
  #ip: IpAddress | undefined;
  #lowerPath: string | undefined;
  #regexOctets = 0;

  constructor(head: RequestHead, source: RequestSource, trusted: TrustedPeers) {
    this.head = head;
    this.#source = source;
    this.#trusted = trusted;
  }

  /** As the client sees it: a trusted peer may know better. */
  get scheme(): 'http' | 'https' {
    const { peer, scheme } = this.#source;
    const { proto } = this.head.told;
    return peer.trusted && (proto === 'http' || proto === 'https') ? proto : scheme;
  }

  get clientAddress(): string {
    this.#address ??= clientAddress(this.#source.peer, this.head.told.for, this.#trusted);
    return this.#address;
  }

  /** Undefined: the client's address is none (a socket without). */
  get clientIp(): IpAddress | undefined {
    this.#ip ??= parseIp(this.clientAddress);
    return this.#ip;
  }

  get lowerPath(): string {
    this.#lowerPath ??= this.head.path.toLowerCase();
    return this.#lowerPath;
  }

  /** Too much text met too many expressions: nothing more is matched, and the request must be refused. */
  get exhausted(): boolean {
    return this.#regexOctets > maxRegexOctets;
  }

  /** Takes from what expressions may cost. False: it is used up. */
  spend(text: string): boolean {
    this.#regexOctets += text.length;
    return !this.exhausted;
  }

  /**
   * @param name lower case; also `:authority`, `:method`, `:path` (with the query) and `:scheme`. Repeated fields are joined by `, `
   * (RFC 9110 §5.3). Undefined: there is none.
   */
  header(name: string): string | undefined {
    this.#headers ??= new Map();
    return remembered(this.#headers, name, () => this.#header(name));
  }

  /** The first of that name, decoded. */
  query(name: string): string | undefined {
    this.#query ??= new Map();
    return remembered(this.#query, name, () => queryValue(this.head.query, name));
  }

  /** The first of that name, as it was sent. */
  cookie(name: string): string | undefined {
    this.#cookies ??= new Map();
    return remembered(this.#cookies, name, () => cookieValue(this.header('cookie'), name));
  }

  #header(name: string): string | undefined {
    const { head } = this;
    const told = this.#source.peer.trusted ? head.told : undefined;
    switch (name) {
      case ':authority':
      case 'host':
        return head.authority.text;
      case ':method':
        return head.method;
      case ':path':
        return head.path + head.query;
      case ':scheme':
        return this.scheme;
      case 'x-request-id':
        return head.requestId || undefined;
      case 'x-forwarded-for':
        return told?.for || undefined;
      case 'x-forwarded-proto':
        return told?.proto || undefined;
      case 'x-forwarded-host':
        return told?.host || undefined;
      case 'upgrade':
        return head.upgrade ? 'websocket' : undefined;
      case 'content-length':
        return head.body > 0 ? String(head.body) : undefined;
      default:
        return (
          fieldValue(head.lines, name) ?? (told === undefined ? undefined : fieldValue(told.lines, name))
        );
    }
  }
}

/** Keys are names that rules ask for: as many as the configuration has, whatever requests hold. */
function remembered(
  known: Map<string, string | undefined>,
  name: string,
  find: () => string | undefined,
): string | undefined {
  if (known.has(name)) return known.get(name);
  const value = find();
  known.set(name, value);
  return value;
}

function queryValue(query: string, name: string): string | undefined {
  let start = 1;
  while (start < query.length) {
    const next = query.indexOf('&', start);
    const end = next === -1 ? query.length : next;
    const equals = query.indexOf('=', start);
    const nameEnd = equals === -1 || equals > end ? end : equals;
    if (isNamed(query, start, nameEnd, name)) return decoded(query.slice(Math.min(nameEnd + 1, end), end));
    start = end + 1;
  }
  return undefined;
}

function isNamed(query: string, start: number, end: number, name: string): boolean {
  if (end - start === name.length && query.startsWith(name, start)) return true;
  // An escaped name is longer than what it means; a `+` is not.
  if (end - start < name.length) return false;
  const raw = query.slice(start, end);
  return (raw.includes('%') || raw.includes('+')) && decoded(raw) === name;
}

/** What is no valid escape stays as it is. */
function decoded(text: string): string {
  const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text;
  if (!spaced.includes('%')) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}

function cookieValue(cookies: string | undefined, name: string): string | undefined {
  if (cookies === undefined) return undefined;
  let start = 0;
  while (start < cookies.length) {
    const next = cookies.indexOf(';', start);
    const end = next === -1 ? cookies.length : next;
    while (start < end && cookies.charCodeAt(start) === 0x20) start++;
    if (cookies.startsWith(name, start) && cookies.charCodeAt(start + name.length) === 0x3d) {
      const value = start + name.length + 1;
      if (value <= end) return unquoted(cookies.slice(value, end).trim());
    }
    start = end + 1;
  }
  return undefined;
}

function unquoted(value: string): string {
  return value.length >= 2 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
}

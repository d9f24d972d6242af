import { type Authority, parseAuthority } from './canonical-host.ts';
import { requestLines } from './field-lines.ts';
import { FieldTable, incomplete } from './field-table.ts';
import { bodyUnspecified, framingOf } from './framing.ts';
import { octet, octetClass, pathOctet, targetOctet, tokenOctet } from './octets.ts';
import { type Refusal, refusals } from './refusal.ts';
import type { RequestHead } from './request-head.ts';
import { sayings } from './request-sayings.ts';
import { parseTarget, type RequestTarget } from './request-target.ts';

/** Envoy's edge has 60 KiB, nginx 8 KiB a line; ours is Node's own. */
export const maxHeadBytes = 16_384;
/** Of the request target. nginx's line limit. */
export const maxTargetBytes = 8_192;
const maxMethodBytes = 32;

const commonMethods = ['GET', 'POST', 'PUT', 'HEAD', 'DELETE', 'OPTIONS', 'PATCH'];

/** Reads request heads (RFC 9112 §2, §3) strictly. One serves a whole worker: it keeps nothing between two heads but the memory. */
export class RequestReader {
  /** After a head was read: the position after it. */
  end = 0;
  readonly #table = new FieldTable();
  #targetStart = 0;
  #targetEnd = 0;
  #queryStart = -1;
  #plainTarget = true;
  #lastHost = '';
  #lastAuthority: Authority = { host: '', text: '' };

  /**
   * The head that begins at `start`, undefined when more octets are needed, or why it is refused. The octets are not kept.
   */
  read(bytes: Buffer, start: number, end: number): RequestHead | Refusal | undefined {
    const methodEnd = this.#scanMethod(bytes, start, end);
    if (typeof methodEnd !== 'number') return methodEnd;
    const lineEnd = this.#scanTarget(bytes, methodEnd + 1, end);
    if (typeof lineEnd !== 'number') return lineEnd;
    const minor = version(bytes, lineEnd, end);
    if (typeof minor !== 'number') return minor;
    const table = this.#table;
    const headEnd = table.read(bytes, lineEnd + versionLength, end);
    if (headEnd < 0) return headEnd === incomplete ? undefined : table.refusal;
    if (headEnd - start > maxHeadBytes) return refusals.headTooLarge;
    this.end = headEnd;
    return this.#build(bytes.toString('latin1', start, headEnd), start, methodEnd, minor);
  }

  #scanMethod(bytes: Buffer, start: number, end: number): number | Refusal | undefined {
    let position = start;
    while (position < end && ((octetClass[bytes[position] as number] as number) & tokenOctet) !== 0)
      position++;
    if (position - start > maxMethodBytes) return refusals.badRequestLine;
    if (position === end) return undefined;
    return bytes[position] === octet.space && position > start ? position : refusals.badRequestLine;
  }

  /** Leaves the target's positions in the fields; returns the position of the version. */
  #scanTarget(bytes: Buffer, start: number, end: number): number | Refusal | undefined {
    let position = start;
    let query = -1;
    let plain = bytes[start] === octet.slash;
    while (position < end) {
      const code = bytes[position] as number;
      const kind = octetClass[code] as number;
      if ((kind & targetOctet) === 0) break;
      if (query === -1) {
        if (code === octet.question) query = position;
        else if ((kind & pathOctet) !== 0 && (code !== octet.dot || bytes[position - 1] === octet.slash)) {
          plain = false;
        }
      }
      position++;
    }
    if (position - start > maxTargetBytes) return refusals.targetTooLong;
    if (position === end) return undefined;
    if (bytes[position] !== octet.space || position === start) return badTargetOctet(bytes[position]);
    this.#targetStart = start;
    this.#targetEnd = position;
    this.#queryStart = query;
    this.#plainTarget = plain;
    return position + 1;
  }

  #build(text: string, base: number, methodEnd: number, minor: number): RequestHead | Refusal {
    const table = this.#table;
    const method = methodOf(text, methodEnd - base);
    if (method === 'CONNECT') return refusals.connectRefused;
    const said = sayings(table, text, base);
    if (said.type === 'refusal') return said;
    if (said.hosts > 1 || (said.hosts === 0 && minor === 1)) return refusals.badHost;
    const authority = this.#authority(said.host);
    if (authority === undefined) return refusals.badHost;
    const framing = said.framed ? framingOf(table, text, base, minor) : 0;
    if (typeof framing !== 'number') return framing;
    const body = framing === bodyUnspecified ? 0 : framing;
    if (method === 'TRACE' && body !== 0) return refusals.bodyNotAllowed;
    const target = this.#target(method, text.slice(this.#targetStart - base, this.#targetEnd - base));
    if (target.type === 'refusal') return target;
    if (target.authority !== undefined && said.hosts === 1 && target.authority.text !== authority.text) {
      return refusals.hostMismatch;
    }
    const { connection } = said;
    return {
      type: 'request',
      method,
      minor,
      body,
      path: target.path,
      query: target.query,
      authority: target.authority ?? authority,
      keepAlive: !connection.close && (minor === 1 || connection.keepAlive),
      expectsContinue: said.expectsContinue && minor === 1,
      trailers: said.trailers,
      upgrade: said.upgradable && connection.upgrade && minor === 1 && method === 'GET' && body === 0,
      lines: requestLines(table, text, base, connection.named),
      told: said.told,
      requestId: said.requestId,
      userAgent: said.userAgent,
      hops: said.hops,
    };
  }

  #target(method: string, target: string): RequestTarget | Refusal {
    if (!this.#plainTarget) return parseTarget(method, target);
    if (this.#queryStart === -1) return { type: 'target', path: target, query: '', authority: undefined };
    const queryAt = this.#queryStart - this.#targetStart;
    return {
      type: 'target',
      path: target.slice(0, queryAt),
      query: target.slice(queryAt),
      authority: undefined,
    };
  }

  /** Clients ask the same host again and again. */
  #authority(raw: string): Authority | undefined {
    if (raw === this.#lastHost) return this.#lastAuthority;
    const authority = parseAuthority(raw);
    if (authority === undefined) return undefined;
    this.#lastHost = raw;
    this.#lastAuthority = authority;
    return authority;
  }
}

const versionLength = 'HTTP/1.1\r\n'.length;
const versionPrefix = Buffer.from('HTTP/1.', 'latin1');

/** The minor version at `start`, which CR LF must follow. */
function version(bytes: Buffer, start: number, end: number): number | Refusal | undefined {
  const available = Math.min(versionPrefix.length, end - start);
  for (let index = 0; index < available; index++) {
    if (bytes[start + index] !== versionPrefix[index]) return notOurVersion(bytes, start, end);
  }
  if (end - start < versionLength) return undefined;
  const minor = (bytes[start + 7] as number) - 0x30;
  if (minor !== 0 && minor !== 1) return refusals.badVersion;
  if (bytes[start + 8] === octet.cr && bytes[start + 9] === octet.lf) return minor;
  const lineBreak = bytes[start + 8] === octet.cr || bytes[start + 8] === octet.lf;
  return lineBreak ? refusals.bareLineBreak : refusals.badRequestLine;
}

/** Another version of HTTP, or no version at all. */
function notOurVersion(bytes: Buffer, start: number, end: number): Refusal {
  const text = bytes.toString('latin1', start, Math.min(end, start + 8));
  return /^HTTP\/[0-9](?:\.|\r|$)/.test(text) ? refusals.badVersion : refusals.badRequestLine;
}

function badTargetOctet(code: number | undefined): Refusal {
  const lineBreak = code === octet.cr || code === octet.lf;
  return lineBreak || code === octet.space ? refusals.badRequestLine : refusals.badTarget;
}

/** A constant for the common ones, so that comparing methods compares pointers. */
function methodOf(text: string, length: number): string {
  for (const method of commonMethods) {
    if (method.length === length && text.startsWith(method)) return method;
  }
  return text.slice(0, length);
}

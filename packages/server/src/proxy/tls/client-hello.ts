import { isIP } from 'node:net';

/**
 * What a client's first TLS message says, before any TLS is spoken: enough to choose a certificate or an upstream. Pure. RFC 8446 §4.1.2
 * and §5.1 (which older versions' messages fit too), RFC 6066 §3.
 */
export interface ClientHello {
  readonly type: 'hello';
  /** As it was asked for, in lower case, without a last dot; '' = none, or an IP address, which is no name (RFC 6066 §3). */
  readonly serverName: string;
}

/** No ClientHello, or none that we take. The connection is closed with `alert` (RFC 8446 §6.2). */
export interface ClientHelloRefusal {
  readonly type: 'refusal';
  readonly alert: number;
  readonly reason: string;
}

/** Of the handshake message with its header. Post-quantum key shares come to 2 KB; Envoy's `tls_inspector` takes as much. */
export const maxHelloBytes = 16_384;
/** A client may cut its message into records; honest ones take one, or two. */
const maxRecords = 64;
/** What has to be held until the message is whole or refused. */
export const maxHelloWireBytes = maxHelloBytes + maxRecords * 5;

const recordHeaderBytes = 5;
const handshakeRecord = 22;
const clientHello = 1;
const serverNameExtension = 0;
const maxSessionIdBytes = 32;
const randomBytes = 32;

const unexpectedMessage = 10;
const decodeError = 50;
const protocolVersion = 70;

/** Reads `bytes[0, length)`. Undefined: it is not whole yet. What follows the message is not looked at. */
export function readClientHello(
  bytes: Uint8Array,
  length: number,
): ClientHello | ClientHelloRefusal | undefined {
  const message = handshakeMessage(bytes, length);
  if (message === undefined || 'type' in message) return message;
  const name = new HelloReader(message).serverName();
  return typeof name === 'string' ? { type: 'hello', serverName: name } : name;
}

/** The ClientHello's body, put together from its records. */
function handshakeMessage(bytes: Uint8Array, length: number): Uint8Array | ClientHelloRefusal | undefined {
  const pieces: Uint8Array[] = [];
  let held = 0;
  let at = 0;
  for (let records = 0; records < maxRecords; records++) {
    if (at < length && bytes[at] !== handshakeRecord) return refusal(unexpectedMessage, 'no TLS handshake');
    if (at + 1 < length && bytes[at + 1] !== 3) return refusal(protocolVersion, 'no version of TLS');
    if (at + recordHeaderBytes > length) return undefined;
    const size = ((bytes[at + 3] as number) << 8) | (bytes[at + 4] as number);
    // RFC 8446 §5.1: no empty fragments of handshake messages, and none over 2^14.
    if (size === 0 || size > 16_384) return refusal(decodeError, 'a record of a size that may not be');
    const start = at + recordHeaderBytes;
    const end = Math.min(start + size, length);
    pieces.push(bytes.subarray(start, end));
    held += end - start;
    const whole = wholeMessage(pieces, held);
    if (whole !== undefined) return whole;
    at = start + size;
    if (at > length) return undefined;
  }
  return refusal(decodeError, `in more than ${maxRecords} records`);
}

/** Undefined: more of it must come. */
function wholeMessage(
  pieces: readonly Uint8Array[],
  held: number,
): Uint8Array | ClientHelloRefusal | undefined {
  const first = octet(pieces, 0);
  if (first !== undefined && first !== clientHello) return refusal(unexpectedMessage, 'no ClientHello');
  if (held < 4) return undefined;
  const size =
    ((octet(pieces, 1) as number) << 16) | ((octet(pieces, 2) as number) << 8) | (octet(pieces, 3) as number);
  if (size + 4 > maxHelloBytes)
    return refusal(decodeError, `a ClientHello of more than ${maxHelloBytes} bytes`);
  if (held < size + 4) return undefined;
  const [only] = pieces;
  const all = pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces, held);
  return all.subarray(4, 4 + size);
}

function octet(pieces: readonly Uint8Array[], index: number): number | undefined {
  let rest = index;
  for (const piece of pieces) {
    if (rest < piece.length) return piece[rest];
    rest -= piece.length;
  }
  return undefined;
}

const malformed = refusal(decodeError, 'a malformed ClientHello');

/** Reads the body once, forwards. Every length is held against what is there. */
class HelloReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  serverName(): string | ClientHelloRefusal {
    const end = this.#bytes.length;
    if (this.#bytes[0] !== 3) return refusal(protocolVersion, 'no version of TLS');
    this.#at = 2 + randomBytes;
    const sessionIdBytes = this.#number(1, end);
    if (sessionIdBytes === -1 || sessionIdBytes > maxSessionIdBytes) return malformed;
    this.#at += sessionIdBytes;
    const suiteBytes = this.#number(2, end);
    if (suiteBytes < 2 || suiteBytes % 2 === 1) return malformed;
    this.#at += suiteBytes;
    const compressionBytes = this.#number(1, end);
    if (compressionBytes < 1) return malformed;
    this.#at += compressionBytes;
    // Before TLS 1.3 there may be no extensions at all.
    if (this.#at === end) return '';
    const extensionsBytes = this.#number(2, end);
    if (extensionsBytes === -1 || this.#at + extensionsBytes !== end) return malformed;
    return this.#extensions(end);
  }

  #extensions(end: number): string | ClientHelloRefusal {
    const seen = new Set<number>();
    let name = '';
    while (this.#at < end) {
      const type = this.#number(2, end);
      const size = this.#number(2, end);
      // RFC 8446 §4.2: no extension twice.
      if (size === -1 || this.#at + size > end || seen.has(type)) return malformed;
      seen.add(type);
      if (type === serverNameExtension) {
        const found = this.#nameIn(this.#at + size);
        if (typeof found !== 'string') return found;
        name = found;
      } else this.#at += size;
    }
    return name;
  }

  /** RFC 6066 §3: a list with one entry of each type, and the only type there is is `host_name`, 0. */
  #nameIn(end: number): string | ClientHelloRefusal {
    if (this.#number(2, end) !== end - this.#at || this.#number(1, end) !== 0) return malformed;
    const size = this.#number(2, end);
    if (size < 1 || this.#at + size !== end) return malformed;
    const text = Buffer.from(this.#bytes.subarray(this.#at, end)).toString('latin1').toLowerCase();
    this.#at = end;
    return hostName(text);
  }

  /** A number of `size` octets, -1 where it would pass `end`. */
  #number(size: 1 | 2, end: number): number {
    const at = this.#at;
    if (at + size > end) return -1;
    this.#at = at + size;
    const first = this.#bytes[at] as number;
    return size === 1 ? first : (first << 8) | (this.#bytes[at + 1] as number);
  }
}

const label = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

function hostName(text: string): string | ClientHelloRefusal {
  const name = text.endsWith('.') ? text.slice(0, -1) : text;
  if (isIP(name) !== 0) return '';
  if (name.length > 253 || !name.split('.').every((part) => label.test(part))) {
    return refusal(decodeError, 'a server name that is none');
  }
  return name;
}

function refusal(alert: number, reason: string): ClientHelloRefusal {
  return { type: 'refusal', alert, reason };
}

/** A fatal alert as one record in clear (RFC 8446 §5.1, §6): what a client sees before there are keys. */
export function alertRecord(alert: number): Buffer {
  return Buffer.from([21, 3, 3, 0, 2, 2, alert]);
}

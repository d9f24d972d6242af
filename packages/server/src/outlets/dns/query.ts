import { limits } from './limits.ts';
import { type Name, typeCode } from './message.ts';

/** What to do with a packet, by what it is. */
export type QueryVerdict =
  | 'query'
  /** Not even a header, or itself a response: silence, so that two servers never talk in circles. */
  | 'drop'
  | 'format-error'
  | 'not-implemented';

const headerBytes = 12;

/**
 * Reads the one question of a query, and whether EDNS is spoken, without allocating: its fields hold what the last
 * `read` found. The name is kept in wire form and lower case, followed by its type: the key of the answer cache.
 */
export class QueryReader {
  /** Where the question ends in the packet. */
  questionEnd = 0;
  type = 0;
  class = 0;
  edns = false;
  ednsVersion = 0;
  /** What the client says it takes by UDP. */
  udpBytes: number = limits.plainUdpBytes;
  recursionDesired = false;

  readonly #key = Buffer.alloc(limits.maxNameBytes + 2);
  #nameBytes = 0;

  read(packet: Buffer): QueryVerdict {
    const length = packet.length;
    if (length < headerBytes) return 'drop';
    const flags = byte(packet, 2);
    if ((flags & 0x80) !== 0) return 'drop';
    this.questionEnd = headerBytes;
    this.edns = false;
    this.udpBytes = limits.plainUdpBytes;
    if ((flags & 0x78) !== 0) return 'not-implemented';
    this.recursionDesired = (flags & 1) !== 0;
    if (uint16(packet, 4) !== 1 || uint16(packet, 6) !== 0 || uint16(packet, 8) !== 0) return 'format-error';
    const nameEnd = this.#readName(packet);
    if (nameEnd < 0 || nameEnd + 4 > length) return 'format-error';
    this.type = uint16(packet, nameEnd);
    this.class = uint16(packet, nameEnd + 2);
    this.#key[this.#nameBytes] = this.type >> 8;
    this.#key[this.#nameBytes + 1] = this.type & 0xff;
    this.questionEnd = nameEnd + 4;
    return this.#readAdditionals(packet, uint16(packet, 10)) ? 'query' : 'format-error';
  }

  /** The name and type as one string, equal for names that differ in case only. */
  cacheKey(): string {
    return this.#key.toString('latin1', 0, this.#nameBytes + 2);
  }

  /** The name, its ASCII letters in lower case. */
  name(): Name {
    const labels: string[] = [];
    let at = 0;
    for (let size = byte(this.#key, 0); size !== 0; size = byte(this.#key, at)) {
      labels.push(this.#key.toString('latin1', at + 1, at + 1 + size));
      at += size + 1;
    }
    return labels;
  }

  /** Where the name ends, or -1. A pointer has nothing to point at in a question, and is refused with all else above 63. */
  #readName(packet: Buffer): number {
    const key = this.#key;
    let at = headerBytes;
    let out = 0;
    for (;;) {
      if (at >= packet.length) return -1;
      const size = byte(packet, at);
      if (size > limits.maxLabelBytes || out + size + 1 >= limits.maxNameBytes + (size === 0 ? 1 : 0))
        return -1;
      if (at + size >= packet.length) return -1;
      key[out++] = size;
      at++;
      if (size === 0) break;
      for (const end = at + size; at < end; at++) {
        const value = byte(packet, at);
        key[out++] = value >= 0x41 && value <= 0x5a ? value | 0x20 : value;
      }
    }
    this.#nameBytes = out;
    return at;
  }

  /** Walks over the additional records; false when they are malformed, or hold two OPT records (RFC 6891 §6.1.1). */
  #readAdditionals(packet: Buffer, count: number): boolean {
    if (count > limits.maxQueryAdditionals) return false;
    let at = this.questionEnd;
    for (let index = 0; index < count; index++) {
      const nameEnd = skipName(packet, at);
      if (nameEnd < 0 || nameEnd + 10 > packet.length) return false;
      if (uint16(packet, nameEnd) === typeCode.OPT) {
        if (this.edns || nameEnd !== at + 1) return false;
        this.edns = true;
        this.udpBytes = uint16(packet, nameEnd + 2);
        this.ednsVersion = byte(packet, nameEnd + 5);
      }
      at = nameEnd + 10 + uint16(packet, nameEnd + 8);
      if (at > packet.length) return false;
    }
    return true;
  }
}

/** Where the name at `at` ends in the packet; it is not followed. -1: it does not end. */
function skipName(packet: Buffer, at: number): number {
  let offset = at;
  while (offset < packet.length) {
    const size = byte(packet, offset);
    if (size >= 0xc0) return offset + 2;
    if (size > limits.maxLabelBytes) return -1;
    offset += size + 1;
    if (size === 0) return offset;
  }
  return -1;
}

/** Callers have checked the bounds: an absent byte cannot happen, and would read as 0. */
function byte(bytes: Buffer, at: number): number {
  return bytes[at] ?? 0;
}

function uint16(bytes: Buffer, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

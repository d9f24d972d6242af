import { Fault } from '@portolan/core/base/fault.ts';
import { formatAddress } from './address.ts';
import { limits } from './limits.ts';
import {
  type Edns,
  type Message,
  type Question,
  type Resource,
  type ResourceData,
  typeCode,
} from './message.ts';

/**
 * A whole message from its bytes. Anything that is not one is an `invalid` fault, never another error. (Queries on the
 * hot path are read by `QueryReader`, which allocates nothing.)
 */
export function decodeMessage(bytes: Uint8Array): Message {
  const reader = new MessageReader(bytes);
  const id = reader.uint16();
  const flags = reader.uint16();
  const counts = [reader.uint16(), reader.uint16(), reader.uint16(), reader.uint16()] as const;
  const questions = times(counts[0], () => reader.question());
  const answers = times(counts[1], () => reader.record());
  const authorities = times(counts[2], () => reader.record());
  const rest = times(counts[3], () => reader.record());
  const options = [...answers, ...authorities, ...rest].filter(isOption);
  if (options.length > 1 || options.some((option) => !rest.includes(option)))
    throw malformed('a second OPT record');
  return {
    id,
    response: (flags & 0x8000) !== 0,
    opcode: (flags >> 11) & 0xf,
    authoritative: (flags & 0x0400) !== 0,
    truncated: (flags & 0x0200) !== 0,
    recursionDesired: (flags & 0x0100) !== 0,
    recursionAvailable: (flags & 0x0080) !== 0,
    rcode: ((options[0]?.upperRcode ?? 0) << 4) | (flags & 0xf),
    questions,
    answers: answers.filter(isResource),
    authorities: authorities.filter(isResource),
    additionals: rest.filter(isResource),
    edns: options[0]?.edns,
  };
}

type Read = Resource | Option;
interface Option {
  readonly type: 'option';
  readonly edns: Edns;
  readonly upperRcode: number;
}

const isOption = (record: Read): record is Option => record.type === 'option';
const isResource = (record: Read): record is Resource => record.type !== 'option';

class MessageReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  uint16(): number {
    return this.#bytes.readUInt16BE(this.#take(2));
  }

  uint32(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }

  question(): Question {
    return { name: this.name(), type: this.uint16(), class: this.uint16() };
  }

  record(): Read {
    const name = this.name();
    const code = this.uint16();
    const recordClass = this.uint16();
    const ttlSeconds = this.uint32();
    const length = this.uint16();
    const end = this.#offset + length;
    if (end > this.#bytes.length) throw malformed('a record passes the end');
    if (code === typeCode.OPT) {
      if (name.length > 0) throw malformed('an OPT record has a name');
      this.#offset = end;
      const edns = {
        udpBytes: recordClass,
        version: (ttlSeconds >> 16) & 0xff,
        dnssecOk: (ttlSeconds & 0x8000) !== 0,
      };
      return { type: 'option', edns, upperRcode: ttlSeconds >>> 24 };
    }
    const data = this.#data(code, length, end);
    if (this.#offset !== end) throw malformed("a record's data has another length than it says");
    return { name, ttlSeconds, ...data };
  }

  #data(code: number, length: number, end: number): ResourceData {
    switch (code) {
      case typeCode.A:
        return { type: 'A', address: this.#address(length, 4) };
      case typeCode.AAAA:
        return { type: 'AAAA', address: this.#address(length, 16) };
      case typeCode.NS:
        return { type: 'NS', target: this.name() };
      case typeCode.CNAME:
        return { type: 'CNAME', target: this.name() };
      case typeCode.PTR:
        return { type: 'PTR', target: this.name() };
      case typeCode.SRV: {
        const [priority, weight, port] = [this.uint16(), this.uint16(), this.uint16()];
        return { type: 'SRV', priority, weight, port, target: this.name() };
      }
      case typeCode.TXT:
        return { type: 'TXT', strings: this.#strings(end) };
      case typeCode.SOA:
        return {
          type: 'SOA',
          primary: this.name(),
          mailbox: this.name(),
          serial: this.uint32(),
          refreshSeconds: this.uint32(),
          retrySeconds: this.uint32(),
          expireSeconds: this.uint32(),
          minimumSeconds: this.uint32(),
        };
      default:
        return { type: 'other', code, data: Uint8Array.from(this.#slice(length)) };
    }
  }

  name(): string[] {
    const labels: string[] = [];
    let bytes = 1;
    let hops = 0;
    let at = this.#offset;
    let after: number | undefined;
    for (;;) {
      const length = this.#byte(at);
      if (length >= 0xc0) {
        const target = ((length & 0x3f) << 8) | this.#byte(at + 1);
        after ??= at + 2;
        // Backwards only (RFC 1035 §4.1.4 speaks of a prior occurrence): with the hop limit, no loop is possible.
        if (target >= at || ++hops > limits.maxPointerHops)
          throw malformed('a name points forward or in circles');
        at = target;
        continue;
      }
      if (length > limits.maxLabelBytes) throw malformed('a label of an unknown kind');
      if (length === 0) break;
      bytes += length + 1;
      if (bytes > limits.maxNameBytes) throw malformed('a name has more than 255 bytes');
      if (at + 1 + length > this.#bytes.length) throw malformed('a label passes the end');
      labels.push(this.#bytes.toString('latin1', at + 1, at + 1 + length));
      at += length + 1;
    }
    this.#offset = after ?? at + 1;
    return labels;
  }

  #address(length: number, expected: number): string {
    if (length !== expected) throw malformed(`an address of ${length} bytes`);
    return formatAddress(this.#slice(length));
  }

  #strings(end: number): string[] {
    const strings: string[] = [];
    while (this.#offset < end) {
      const length = this.#byte(this.#offset);
      const from = this.#take(1 + length) + 1;
      strings.push(this.#bytes.toString('latin1', from, from + length));
    }
    return strings;
  }

  #slice(length: number): Buffer {
    const from = this.#take(length);
    return this.#bytes.subarray(from, from + length);
  }

  #byte(at: number): number {
    const value = this.#bytes[at];
    if (value === undefined) throw malformed('it ends too early');
    return value;
  }

  #take(count: number): number {
    const at = this.#offset;
    if (at + count > this.#bytes.length) throw malformed('it ends too early');
    this.#offset = at + count;
    return at;
  }
}

function times<T>(count: number, read: () => T): T[] {
  const items: T[] = [];
  for (let index = 0; index < count; index++) items.push(read());
  return items;
}

function malformed(what: string): Fault {
  return new Fault('invalid', `not a DNS message: ${what}`);
}

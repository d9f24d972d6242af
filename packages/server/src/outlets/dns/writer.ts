import { Fault } from '@portolan/core/base/fault.ts';
import { parseIpv4, parseIpv6 } from './address.ts';
import { limits } from './limits.ts';
import { classCode, type Message, type Name, type Resource, typeCode } from './message.ts';

/** Pointers have 14 bits (RFC 1035 §4.1.4). */
const maxPointerTarget = 0x3fff;

/**
 * Writes messages with name compression into a buffer that it is given; a record that does not fit is a `too-large`
 * fault, one that cannot be written (a label of 64 bytes, an address that is none) an `invalid` one.
 */
export class MessageWriter {
  readonly #bytes: Buffer;
  readonly #suffixes = new Map<string, number>();
  #offset = 0;
  /** Whether names written now may be pointed at later. */
  #remembers = true;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get offset(): number {
    return this.#offset;
  }

  /** Starts again at `offset`, with no names to point at. */
  restart(offset: number): void {
    this.#offset = offset;
    this.#suffixes.clear();
  }

  /**
   * What `write` writes, as if at `offset`; afterwards all is as before, and no later name points at it. Names in it point only
   * at what was written before `offset`. The bytes are good until the next write.
   */
  detached(offset: number, write: () => void): Buffer {
    const before = this.#offset;
    this.#offset = offset;
    this.#remembers = false;
    try {
      write();
      return this.#bytes.subarray(offset, this.#offset);
    } finally {
      this.#offset = before;
      this.#remembers = true;
    }
  }

  uint8(value: number): void {
    this.#bytes[this.#take(1)] = value;
  }

  uint16(value: number): void {
    this.#bytes.writeUInt16BE(value, this.#take(2));
  }

  uint32(value: number): void {
    this.#bytes.writeUInt32BE(value, this.#take(4));
  }

  /** A name; its longest suffix already written becomes a pointer, unless `compress` is false. */
  name(name: Name, compress = true): void {
    checkName(name);
    for (let index = 0; index < name.length; index++) {
      const suffix = name.slice(index).join('\0');
      const known = this.#suffixes.get(suffix);
      if (compress && known !== undefined) {
        this.uint16(0xc000 | known);
        return;
      }
      if (known === undefined && this.#remembers && this.#offset <= maxPointerTarget) {
        this.#suffixes.set(suffix, this.#offset);
      }
      this.#string(name[index] ?? '');
    }
    this.uint8(0);
  }

  record(record: Resource): void {
    this.name(record.name);
    this.uint16(record.type === 'other' ? record.code : typeCode[record.type]);
    this.uint16(classCode.IN);
    this.uint32(record.ttlSeconds);
    const lengthAt = this.#take(2);
    this.#data(record);
    this.#bytes.writeUInt16BE(this.#offset - lengthAt - 2, lengthAt);
  }

  #data(record: Resource): void {
    switch (record.type) {
      case 'A':
        this.#address(parseIpv4(record.address), record.address);
        break;
      case 'AAAA':
        this.#address(parseIpv6(record.address), record.address);
        break;
      case 'NS':
      case 'CNAME':
      case 'PTR':
        this.name(record.target);
        break;
      case 'SRV':
        this.uint16(record.priority);
        this.uint16(record.weight);
        this.uint16(record.port);
        // RFC 2782: the target is never compressed.
        this.name(record.target, false);
        break;
      case 'TXT':
        for (const text of record.strings) this.#string(text);
        break;
      case 'SOA':
        this.name(record.primary);
        this.name(record.mailbox);
        this.uint32(record.serial);
        this.uint32(record.refreshSeconds);
        this.uint32(record.retrySeconds);
        this.uint32(record.expireSeconds);
        this.uint32(record.minimumSeconds);
        break;
      case 'other':
        this.#raw(record.data);
        break;
    }
  }

  #address(bytes: Uint8Array | undefined, text: string): void {
    if (bytes === undefined)
      throw new Fault('invalid', `"${text}" is not an address of this record's family`);
    this.#raw(bytes);
  }

  #raw(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#take(bytes.length));
  }

  /** A length byte and the text in Latin-1: a label, or a character-string. */
  #string(text: string): void {
    if (text.length > 255) throw new Fault('invalid', 'a DNS string has at most 255 bytes');
    this.uint8(text.length);
    this.#bytes.write(text, this.#take(text.length), 'latin1');
  }

  #take(count: number): number {
    const at = this.#offset;
    if (at + count > this.#bytes.length) {
      throw new Fault('too-large', `the message passes ${this.#bytes.length} bytes`);
    }
    this.#offset = at + count;
    return at;
  }
}

/** Whether `name` can be written: labels of 1 to 63 bytes, 255 bytes in all (RFC 1035 §2.3.4). */
export function isName(name: Name): boolean {
  let bytes = 1;
  for (const label of name) {
    if (label.length === 0 || label.length > limits.maxLabelBytes) return false;
    bytes += label.length + 1;
  }
  return bytes <= limits.maxNameBytes;
}

function checkName(name: Name): void {
  if (isName(name)) return;
  throw new Fault(
    'invalid',
    `"${name.join('.').slice(0, 80)}" is not a name: labels have 1 to 63 bytes, names 255`,
  );
}

/** The message in bytes. Faults: see `MessageWriter`. */
export function encodeMessage(message: Message): Buffer {
  const bytes = Buffer.allocUnsafe(limits.tcpMessageBytes);
  const writer = new MessageWriter(bytes);
  writer.uint16(message.id);
  writer.uint16(flagsOf(message));
  writer.uint16(message.questions.length);
  writer.uint16(message.answers.length);
  writer.uint16(message.authorities.length);
  writer.uint16(message.additionals.length + (message.edns === undefined ? 0 : 1));
  for (const question of message.questions) {
    writer.name(question.name);
    writer.uint16(question.type);
    writer.uint16(question.class);
  }
  for (const record of message.answers) writer.record(record);
  for (const record of message.authorities) writer.record(record);
  for (const record of message.additionals) writer.record(record);
  if (message.edns !== undefined) {
    writer.uint8(0);
    writer.uint16(typeCode.OPT);
    writer.uint16(message.edns.udpBytes);
    writer.uint8(message.rcode >> 4);
    writer.uint8(message.edns.version);
    writer.uint16(message.edns.dnssecOk ? 0x8000 : 0);
    writer.uint16(0);
  }
  return bytes.subarray(0, writer.offset);
}

function flagsOf(message: Message): number {
  return (
    (message.response ? 0x8000 : 0) |
    (message.opcode << 11) |
    (message.authoritative ? 0x0400 : 0) |
    (message.truncated ? 0x0200 : 0) |
    (message.recursionDesired ? 0x0100 : 0) |
    (message.recursionAvailable ? 0x0080 : 0) |
    (message.rcode & 0xf)
  );
}

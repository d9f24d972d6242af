import { parseIp } from '@portolan/core/base/ip-address.ts';

/**
 * The header that a proxy puts before a connection, to say whose it is: HAProxy's `proxy-protocol.txt`, versions 1 (§2.1) and 2 (§2.2).
 * Pure. A receiver must not guess: what is no header is refused.
 */
export interface ProxyHeader {
  readonly type: 'header';
  /** Whose connection it is; undefined: the sender's own (`LOCAL`, `UNKNOWN`, or a family that is not the internet). */
  readonly source: AddressAndPort | undefined;
  readonly destination: AddressAndPort | undefined;
  /** Of the header. What follows is the connection's own. */
  readonly length: number;
}

export interface AddressAndPort {
  readonly address: string;
  readonly port: number;
}

export interface ProxyHeaderRefusal {
  readonly type: 'refusal';
  readonly reason: string;
}

/** §2.1: the longest line, with its end. */
const maxV1Bytes = 107;
/** Ours: the addresses take 36, the rest are TLVs that we skip. HAProxy's own come to some hundred. */
const maxV2Bytes = 16 + 2_048;
/** What has to be held until a header is whole or refused. */
export const maxProxyHeaderBytes = maxV2Bytes;

const signature = Uint8Array.from('\r\n\r\n\0\r\nQUIT\n', (c) => c.charCodeAt(0));
const v1Start = Uint8Array.from('PROXY ', (c) => c.charCodeAt(0));

/** Reads `bytes[0, length)`. Undefined: it is not whole yet. */
export function readProxyHeader(bytes: Buffer, length: number): ProxyHeader | ProxyHeaderRefusal | undefined {
  if (length === 0) return undefined;
  const expected = bytes[0] === v1Start[0] ? v1Start : signature;
  for (let index = 0; index < expected.length; index++) {
    if (index === length) return undefined;
    if (bytes[index] !== expected[index]) return refused('no PROXY protocol header');
  }
  return expected === v1Start ? readV1(bytes, length) : readV2(bytes, length);
}

function readV1(bytes: Buffer, length: number): ProxyHeader | ProxyHeaderRefusal | undefined {
  const lineEnd = bytes.subarray(0, Math.min(length, maxV1Bytes)).indexOf('\r\n', 0, 'latin1');
  if (lineEnd === -1) return length < maxV1Bytes ? undefined : refused('a line of more than 107 bytes');
  const [, family = '', ...rest] = bytes.toString('latin1', 0, lineEnd).split(' ');
  const ends = lineEnd + 2;
  // §2.1: what follows UNKNOWN is not to be looked at.
  if (family === 'UNKNOWN') return local(ends);
  const [from, to] = [canonical(rest[0], family), canonical(rest[1], family)];
  const [, , fromPort = '', toPort = ''] = rest;
  const malformed = rest.length !== 4 || !isPort(fromPort) || !isPort(toPort);
  if (malformed || from === undefined || to === undefined) return refused('a malformed line');
  return {
    type: 'header',
    source: { address: from, port: Number(fromPort) },
    destination: { address: to, port: Number(toPort) },
    length: ends,
  };
}

/** An address of the family in the one form that it is compared in; undefined: it is none. */
function canonical(text = '', family: string): string | undefined {
  const address = parseIp(text);
  if (family === 'TCP4') return address?.family === 4 ? text : undefined;
  return family === 'TCP6' && address?.family === 6 ? ipv6Text(address.groups) : undefined;
}

function isPort(text: string): boolean {
  return /^(?:0|[1-9][0-9]{0,4})$/.test(text) && Number(text) <= 65_535;
}

/** Of the addresses, by the family's half-octet. */
const addressBytes: Readonly<Record<number, number>> = { 1: 12, 2: 36, 3: 216 };

function readV2(bytes: Buffer, length: number): ProxyHeader | ProxyHeaderRefusal | undefined {
  if (length < 16) {
    // The version is refused as soon as it is there.
    return length > 12 && !isVersion2(bytes[12] as number)
      ? refused('an unknown version or command')
      : undefined;
  }
  const command = bytes[12] as number;
  if (!isVersion2(command)) return refused('an unknown version or command');
  const family = (bytes[13] as number) >> 4;
  const transport = (bytes[13] as number) & 15;
  const size = bytes.readUInt16BE(14);
  const ends = 16 + size;
  if (ends > maxV2Bytes) return refused(`a header of more than ${maxV2Bytes} bytes`);
  if (family > 3 || transport > 2) return refused('an unknown address family');
  if (length < ends) return undefined;
  const isLocal = (command & 15) === 0;
  const taken = isLocal ? 0 : (addressBytes[family] ?? 0);
  if (taken > size) return refused('addresses that are cut off');
  // LOCAL: whatever is there is skipped, addresses too (§2.2).
  if (!isLocal && !tlvsHold(bytes, 16 + taken, ends)) return refused('malformed TLVs, or a wrong checksum');
  if (isLocal || family === 0 || family === 3 || transport === 0) return local(ends);
  return family === 1 ? ipv4Header(bytes, ends) : ipv6Header(bytes, ends);
}

function isVersion2(octet: number): boolean {
  return octet === 0x20 || octet === 0x21;
}

function ipv4Header(bytes: Buffer, length: number): ProxyHeader {
  const address = (at: number): string => bytes.subarray(at, at + 4).join('.');
  return {
    type: 'header',
    source: { address: address(16), port: bytes.readUInt16BE(24) },
    destination: { address: address(20), port: bytes.readUInt16BE(26) },
    length,
  };
}

function ipv6Header(bytes: Buffer, length: number): ProxyHeader {
  return {
    type: 'header',
    source: { address: ipv6Text(groupsAt(bytes, 16)), port: bytes.readUInt16BE(48) },
    destination: { address: ipv6Text(groupsAt(bytes, 32)), port: bytes.readUInt16BE(50) },
    length,
  };
}

function groupsAt(bytes: Buffer, at: number): readonly number[] {
  return Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(at + 2 * index));
}

/** RFC 5952's short form; IPv4 that is mapped is IPv4. */
function ipv6Text(groups: readonly number[]): string {
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return groups
      .slice(6)
      .flatMap((group) => [group >> 8, group & 255])
      .join('.');
  }
  const hex = groups.map((group) => group.toString(16));
  const zeros = longestZeros(groups);
  if (zeros.length < 2) return hex.join(':');
  return `${hex.slice(0, zeros.start).join(':')}::${hex.slice(zeros.start + zeros.length).join(':')}`;
}

function longestZeros(groups: readonly number[]): { readonly start: number; readonly length: number } {
  let longest = { start: 0, length: 0 };
  let start = 0;
  for (const [index, group] of groups.entries()) {
    if (group !== 0) start = index + 1;
    else if (index + 1 - start > longest.length) longest = { start, length: index + 1 - start };
  }
  return longest;
}

const crcTlv = 3;

/** Whether the TLVs fill their place exactly, and the checksum, if there is one, is right (§2.2.3). */
function tlvsHold(bytes: Buffer, start: number, end: number): boolean {
  let at = start;
  while (at < end) {
    if (at + 3 > end) return false;
    const size = bytes.readUInt16BE(at + 1);
    if (at + 3 + size > end) return false;
    if (bytes[at] === crcTlv && (size !== 4 || !checksumHolds(bytes, end, at + 3))) return false;
    at += 3 + size;
  }
  return true;
}

function checksumHolds(bytes: Buffer, end: number, at: number): boolean {
  const whole = Buffer.from(bytes.subarray(0, end));
  whole.writeUInt32BE(0, at);
  return crc32c(whole) === bytes.readUInt32BE(at);
}

const crcTable = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = (value & 1) === 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value;
});

/** CRC-32C (RFC 9260, appendix A); Node's `zlib.crc32` is another polynomial. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const octet of bytes) crc = (crcTable[(crc ^ octet) & 255] as number) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

function local(length: number): ProxyHeader {
  return { type: 'header', source: undefined, destination: undefined, length };
}

function refused(reason: string): ProxyHeaderRefusal {
  return { type: 'refusal', reason };
}

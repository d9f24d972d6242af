import type { Name } from './message.ts';

/** IP addresses as DNS writes them. Only what `parse…` takes counts as an address; all else is a host name. */

/** The four bytes of a dotted quad, or undefined. No other notation is taken (octal and short forms mislead). */
export function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  const bytes = new Uint8Array(4);
  for (let index = 0; index < 4; index++) {
    const part = parts[index] ?? '';
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    bytes[index] = Number(part);
  }
  return bytes;
}

/** The sixteen bytes of an IPv6 address (RFC 4291 §2.2), or undefined. Zones (`%eth0`) are not taken: they mean nothing elsewhere. */
export function parseIpv6(text: string): Uint8Array | undefined {
  if (text.length > 45 || !text.includes(':')) return undefined;
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groupsOf(halves[0] ?? '', halves.length === 1);
  const tail = halves.length === 2 ? groupsOf(halves[1] ?? '', true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

function groupsOf(text: string, mayEndInIpv4: boolean): number[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    const ipv4 = mayEndInIpv4 && index === parts.length - 1 ? parseIpv4(part) : undefined;
    if (ipv4 !== undefined) {
      const [a = 0, b = 0, c = 0, d = 0] = ipv4;
      groups.push((a << 8) | b, (c << 8) | d);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      return undefined;
    }
  }
  return groups;
}

/** Four or sixteen bytes of `text`, or undefined for a host name. */
export function parseAddress(text: string): Uint8Array | undefined {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

/** Four bytes as a dotted quad, sixteen as RFC 5952 writes them. */
export function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, index) => group(bytes, index));
  const [start, length] = longestZeros(groups);
  const hex = groups.map((value) => value.toString(16));
  if (length < 2) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

function group(bytes: Uint8Array, index: number): number {
  return ((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0);
}

function longestZeros(groups: readonly number[]): [start: number, length: number] {
  let best: [number, number] = [0, 0];
  let start = 0;
  for (const [index, value] of groups.entries()) {
    if (value !== 0) start = index + 1;
    else if (index + 1 - start > best[1]) best = [start, index + 1 - start];
  }
  return best;
}

/** Consul's label for an address: its bytes in hexadecimal, such as `7f000001`. */
export function hexLabel(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** The address of such a label, or undefined. */
export function fromHexLabel(label: string): Uint8Array | undefined {
  return /^([0-9a-f]{8}|[0-9a-f]{32})$/.test(label) ? Uint8Array.from(Buffer.from(label, 'hex')) : undefined;
}

/** The address that a lower-case name below `in-addr.arpa` (RFC 1035 §3.5) or `ip6.arpa` (RFC 3596 §2.5) names, or undefined. */
export function fromReverseName(name: Name): Uint8Array | undefined {
  const zone = name.slice(-2).join('.');
  const digits = name.slice(0, -2).reverse();
  if (zone === 'in-addr.arpa') return parseIpv4(digits.join('.'));
  if (zone !== 'ip6.arpa' || digits.length !== 32 || digits.some((digit) => digit.length !== 1))
    return undefined;
  return fromHexLabel(digits.join(''));
}

/** Whether a lower-case name lies in one of the reverse zones. */
export function isReverseName(name: Name): boolean {
  return name.at(-1) === 'arpa' && (name.at(-2) === 'in-addr' || name.at(-2) === 'ip6');
}

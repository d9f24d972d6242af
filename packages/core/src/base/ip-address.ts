/** An IPv4 or IPv6 address in numbers. */
export interface IpAddress {
  readonly family: 4 | 6;
  /** Eight groups of 16 bits; an IPv4 address is in the last two, the others are 0. */
  readonly groups: readonly number[];
}

/**
 * Reads an address as it is usually written: four decimal numbers without leading zeros, or RFC 4291 §2.2 (with `::`, and IPv4 at
 * the end). No zone, no brackets, none of inet_aton's short forms. Undefined: it is none.
 */
export function parseIp(text: string): IpAddress | undefined {
  if (text.includes(':')) return parseIpv6(text);
  const value = parseIpv4(text);
  return value < 0 ? undefined : { family: 4, groups: [0, 0, 0, 0, 0, 0, value >>> 16, value & 0xffff] };
}

/** Whether the text is an address as `parseIp` reads it. */
export function isIpAddress(text: string): boolean {
  return parseIp(text) !== undefined;
}

const dot = 46;
const zero = 48;

/** As one number; -1: it is none. Every endpoint of every plan comes through here, so no list is made. */
function parseIpv4(text: string): number {
  if (text.length < 7 || text.length > 15) return -1;
  let value = 0;
  let octet = -1;
  let dots = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === dot) {
      if (octet === -1 || ++dots > 3) return -1;
      value = value * 256 + octet;
      octet = -1;
      continue;
    }
    const digit = code - zero;
    if (digit < 0 || digit > 9 || octet === 0) return -1;
    octet = octet === -1 ? digit : octet * 10 + digit;
    if (octet > 255) return -1;
  }
  return dots === 3 && octet !== -1 ? value * 256 + octet : -1;
}

function parseIpv6(text: string): IpAddress | undefined {
  const gap = text.indexOf('::');
  if (gap === -1) {
    const groups = groupsOf(text);
    return groups?.length === 8 ? { family: 6, groups } : undefined;
  }
  const left = gap === 0 ? [] : groupsOf(text.slice(0, gap), false);
  const right = gap + 2 === text.length ? [] : groupsOf(text.slice(gap + 2));
  if (left === undefined || right === undefined || left.length + right.length > 7) return undefined;
  const zeros = new Array<number>(8 - left.length - right.length).fill(0);
  return { family: 6, groups: [...left, ...zeros, ...right] };
}

const hexGroup = /^[0-9a-fA-F]{1,4}$/;

/** `a:b:1.2.3.4`; undefined where a group is none. The last may be an IPv4 address if it ends the whole address. */
function groupsOf(text: string, mayEndInIpv4 = true): number[] | undefined {
  // More than eight groups are an error however many more there are.
  const parts = text.split(':', 9);
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (hexGroup.test(part)) groups.push(Number.parseInt(part, 16));
    else {
      const value = mayEndInIpv4 && index === parts.length - 1 ? parseIpv4(part) : -1;
      if (value < 0) return undefined;
      groups.push(value >>> 16, value & 0xffff);
    }
  }
  return groups;
}

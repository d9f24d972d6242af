import { type IpAddress, parseIp } from '@portolan/core/base/ip-address.ts';

/**
 * Ranges of addresses (`192.0.2.0/24`, `2001:db8::/32`, or one address). Asking costs one look-up for each length of prefix among
 * them, however many ranges there are. An IPv4 address that is written as IPv6 (`::ffff:192.0.2.1`) is the IPv4 one.
 */
export class CidrSet {
  /** Those that are no ranges. They contain nobody. */
  readonly malformed: readonly string[];
  /** By number of leading bits, the ranges' first bits. */
  readonly #v4 = new Map<number, Set<number>>();
  readonly #v6 = new Map<number, Set<string>>();

  constructor(ranges: readonly string[]) {
    this.malformed = ranges.filter((range) => !this.#add(range));
  }

  has(address: IpAddress): boolean {
    const plain = asIpv4(address) ?? address;
    if (plain.family === 4) {
      const value = ipv4Value(plain);
      for (const [bits, firsts] of this.#v4) if (firsts.has(leadingBits(value, bits))) return true;
      return false;
    }
    for (const [bits, firsts] of this.#v6) if (firsts.has(leadingGroups(plain.groups, bits))) return true;
    return false;
  }

  #add(range: string): boolean {
    const [text = '', length, ...rest] = range.trim().split('/');
    const said = parseIp(text);
    if (said === undefined || rest.length > 0) return false;
    const mapped = asIpv4(said);
    const address = mapped ?? said;
    const widest = said.family === 4 ? 32 : 128;
    if (length !== undefined && !/^\d{1,3}$/.test(length)) return false;
    const bits = (length === undefined ? widest : Number(length)) - (mapped === undefined ? 0 : 96);
    if (bits < 0 || bits > (address.family === 4 ? 32 : 128)) return false;
    if (address.family === 4) put(this.#v4, bits, leadingBits(ipv4Value(address), bits));
    else put(this.#v6, bits, leadingGroups(address.groups, bits));
    return true;
  }
}

/** The IPv4 address that an IPv6 one stands for (RFC 4291 §2.5.5.2). */
function asIpv4({ family, groups }: IpAddress): IpAddress | undefined {
  if (family === 4 || groups[5] !== 0xffff || groups.slice(0, 5).some((group) => group !== 0))
    return undefined;
  return { family: 4, groups: [0, 0, 0, 0, 0, 0, groups[6] ?? 0, groups[7] ?? 0] };
}

function ipv4Value({ groups }: IpAddress): number {
  return (((groups[6] ?? 0) << 16) | (groups[7] ?? 0)) >>> 0;
}

function leadingBits(value: number, bits: number): number {
  return bits === 0 ? 0 : (value & (0xffffffff << (32 - bits))) >>> 0;
}

function leadingGroups(groups: readonly number[], bits: number): string {
  const whole = bits >> 4;
  const rest = bits & 15;
  const kept = groups.slice(0, whole);
  if (rest > 0) kept.push((groups[whole] ?? 0) & ((0xffff << (16 - rest)) & 0xffff));
  return kept.join(':');
}

function put<T>(byBits: Map<number, Set<T>>, bits: number, first: T): void {
  const firsts = byBits.get(bits) ?? new Set();
  firsts.add(first);
  byBits.set(bits, firsts);
}

import { Fault } from './fault.ts';
import { type IpAddress, parseIp } from './ip-address.ts';

/**
 * Where neither a health check nor a request may be sent: whoever may register an instance or a check could otherwise read what only
 * this machine may, such as a cloud's metadata. Loopback and private networks stay allowed: that is where services are.
 */
export const deniedByDefault: readonly string[] = [
  '0.0.0.0/8', // "this host": connecting to it reaches loopback behind a loopback rule's back
  '169.254.0.0/16', // link-local; 169.254.169.254 and .170.2 are the clouds' metadata
  '100.100.100.200/32', // metadata of Alibaba Cloud
  '168.63.129.16/32', // Azure's wire server
  '224.0.0.0/4', // multicast
  '255.255.255.255/32',
  '::/128',
  'fe80::/10',
  'fd00:ec2::254/128', // metadata of AWS
  'fd20:ce::254/128', // metadata of Google Cloud
  'ff00::/8',
];

/** Says what may be connected to. */
export interface AddressRules {
  /** Whether an IP address (its zone does not matter) may be connected to; false for anything else. */
  allows(address: string): boolean;
  /**
   * Whether an address as registered may be handed on to whoever connects: a permitted IP address, or a host name (what it resolves to
   * is for who connects to check). Not the short forms of IPv4 that resolvers know: `2130706433`, `127.1`, `0x7f.1`.
   */
  allowsHost(host: string): boolean;
}

/** Rules of the default denials and the given CIDRs. An allowed CIDR beats every denied one. Throws a `Fault` for a bad CIDR. */
export function addressRules(
  denyCidrs: readonly string[] = [],
  allowCidrs: readonly string[] = [],
): AddressRules {
  const denied = [...deniedByDefault, ...denyCidrs].map(parseCidr);
  const allowed = allowCidrs.map(parseCidr);

  function allows(address: IpAddress): boolean {
    const inner = address.family === 6 ? embeddedIpv4(address) : undefined;
    const isIn = (ranges: readonly Cidr[]) =>
      inAny(ranges, address) || (inner !== undefined && inAny(ranges, inner));
    return isIn(allowed) || !isIn(denied);
  }

  return {
    allows(address) {
      const parsed = parseIp(withoutZone(address));
      return parsed !== undefined && allows(parsed);
    },
    allowsHost(host) {
      const parsed = parseIp(withoutZone(host));
      return parsed === undefined ? !endsInNumber(host) : allows(parsed);
    },
  };
}

interface Cidr extends IpAddress {
  readonly bits: number;
}

function parseCidr(cidr: string): Cidr {
  const [address = '', length, more] = cidr.split('/');
  const parsed = parseIp(address);
  const longest = parsed?.family === 4 ? 32 : 128;
  const bits = length === undefined ? longest : /^\d{1,3}$/.test(length) ? Number(length) : Number.NaN;
  if (parsed === undefined || more !== undefined || !(bits <= longest)) {
    throw new Fault('invalid', `"${cidr}" is not a CIDR such as 10.0.0.0/8 or fd00::/8`);
  }
  return { ...parsed, bits: parsed.family === 4 ? bits + 96 : bits };
}

function inAny(ranges: readonly Cidr[], address: IpAddress): boolean {
  for (const range of ranges) if (range.family === address.family && inRange(range, address)) return true;
  return false;
}

function inRange({ groups, bits }: Cidr, address: IpAddress): boolean {
  for (let index = 0; index * 16 < bits; index++) {
    const kept = Math.min(16, bits - index * 16);
    const differing = (groups[index] ?? 0) ^ (address.groups[index] ?? 0);
    if (differing >>> (16 - kept) !== 0) return false;
  }
  return true;
}

/** `fe80::1%eth0` → `fe80::1`. */
export function withoutZone(address: string): string {
  const percent = address.indexOf('%');
  return percent < 0 ? address : address.slice(0, percent);
}

/**
 * The IPv4 address that an IPv6 address really leads to: mapped (::ffff:a.b.c.d), compatible (::a.b.c.d),
 * NAT64 (64:ff9b::/96, RFC 6052) and 6to4 (2002::/16, RFC 3056). Undefined: it leads to itself.
 */
export function embeddedIpv4({ groups }: IpAddress): IpAddress | undefined {
  const startsWith = (...prefix: number[]): boolean =>
    prefix.every((group, index) => groups[index] === group);
  const ipv4 = (high = 0, low = 0): IpAddress => ({ family: 4, groups: [0, 0, 0, 0, 0, 0, high, low] });
  if (startsWith(0, 0, 0, 0, 0, 0xffff)) return ipv4(groups[6], groups[7]);
  // :: and ::1 are themselves, not 0.0.0.0 and 0.0.0.1.
  if (startsWith(0, 0, 0, 0, 0, 0)) return groups[6] === 0 ? undefined : ipv4(groups[6], groups[7]);
  if (startsWith(0x64, 0xff9b, 0, 0, 0, 0)) return ipv4(groups[6], groups[7]);
  if (startsWith(0x2002)) return ipv4(groups[1], groups[2]);
  return undefined;
}

/** The last label is a number, decimal or hexadecimal: no name ends so (RFC 3696 §2), but `inet_aton` reads it. */
function endsInNumber(host: string): boolean {
  const bare = host.endsWith('.') ? host.slice(0, -1) : host;
  return /^(?:\d+|0[xX][0-9a-fA-F]*)$/.test(bare.slice(bare.lastIndexOf('.') + 1));
}

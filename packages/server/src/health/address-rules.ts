import { BlockList, isIP } from 'node:net';
import { Fault } from '@portolan/core/base/fault.ts';

/**
 * Where no health check may connect to: whoever may register a check could otherwise read what only this machine may, such as
 * a cloud's metadata. Loopback and private networks stay allowed: that is where services are.
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

/** Says whether an IP address may be connected to. */
export interface AddressRules {
  allows(address: string): boolean;
}

/** Rules of the default denials and the given CIDRs. An allowed CIDR beats every denied one. Throws a `Fault` for a bad CIDR. */
export function addressRules(
  denyCidrs: readonly string[] = [],
  allowCidrs: readonly string[] = [],
): AddressRules {
  const denied = blockList([...deniedByDefault, ...denyCidrs]);
  const allowed = blockList(allowCidrs);
  return {
    allows(address) {
      const bare = withoutZone(address);
      const forms = [bare, ...embeddedIpv4(bare)];
      if (forms.some((form) => isIn(allowed, form))) return true;
      return isIP(bare) !== 0 && !forms.some((form) => isIn(denied, form));
    },
  };
}

function blockList(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = '', bits] = cidr.split('/');
    const family = isIP(address);
    const prefix = bits === undefined ? (family === 4 ? 32 : 128) : Number(bits);
    if (family === 0 || !Number.isInteger(prefix) || prefix < 0 || prefix > (family === 4 ? 32 : 128)) {
      throw new Fault('invalid', `"${cidr}" is not a CIDR such as 10.0.0.0/8 or fd00::/8`);
    }
    list.addSubnet(address, prefix, family === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}

function isIn(list: BlockList, address: string): boolean {
  return list.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6');
}

function withoutZone(address: string): string {
  const percent = address.indexOf('%');
  return percent < 0 ? address : address.slice(0, percent);
}

/**
 * The IPv4 addresses that an IPv6 address really leads to: mapped (::ffff:a.b.c.d), compatible (::a.b.c.d),
 * NAT64 (64:ff9b::/96, RFC 6052) and 6to4 (2002::/16, RFC 3056).
 */
function embeddedIpv4(address: string): string[] {
  if (isIP(address) !== 6) return [];
  const groups = ipv6Groups(address);
  const dotted = (high: number, low: number): string => `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  const startsWith = (...prefix: number[]): boolean =>
    prefix.every((group, index) => groups[index] === group);
  const last = dotted(groups[6] ?? 0, groups[7] ?? 0);
  if (startsWith(0, 0, 0, 0, 0, 0xffff)) return [last];
  // :: and ::1 are themselves, not 0.0.0.0 and 0.0.0.1.
  if (startsWith(0, 0, 0, 0, 0, 0)) return groups[6] === 0 ? [] : [last];
  if (startsWith(0x64, 0xff9b, 0, 0, 0, 0)) return [last];
  if (startsWith(0x2002)) return [dotted(groups[1] ?? 0, groups[2] ?? 0)];
  return [];
}

function ipv6Groups(address: string): number[] {
  const withHexTail = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) => {
    const hex = (high: string, low: string): string => (Number(high) * 256 + Number(low)).toString(16);
    return `${hex(a, b)}:${hex(c, d)}`;
  });
  const [head = '', tail] = withHexTail.split('::');
  const parse = (part: string | undefined): number[] =>
    part === undefined || part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const [left, right] = [parse(head), parse(tail)];
  if (tail === undefined) return left;
  return [...left, ...new Array<number>(Math.max(0, 8 - left.length - right.length)).fill(0), ...right];
}

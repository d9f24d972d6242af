import { isIPv4, isIPv6 } from 'node:net';
import { parseIp } from '@portolan/core/base/ip-address.ts';
import type { AddressAndPort } from './read.ts';

const signature = '\r\n\r\n\0\r\nQUIT\n';
const proxyCommand = '\x21';
const localCommand = '\x20';

/**
 * The PROXY protocol header that goes before everything else on a connection to an upstream, as Latin-1 text: whose connection it is
 * (`source`) and where it was received (`destination`). Undefined `source`: a connection of our own, such as a health check's.
 */
export function proxyHeader(
  version: 'v1' | 'v2',
  source: AddressAndPort | undefined,
  destination: AddressAndPort | undefined,
): string {
  const known = source !== undefined && destination !== undefined;
  const family = known ? familyOf(source.address, destination.address) : undefined;
  if (!known || family === undefined) {
    return version === 'v1' ? 'PROXY UNKNOWN\r\n' : `${signature}${localCommand}\0\0\0`;
  }
  if (version === 'v1') {
    const [from, to] = [source, destination].map(({ address }) => inFamily(address, family));
    return `PROXY TCP${family} ${from} ${to} ${source.port} ${destination.port}\r\n`;
  }
  const addresses = octetsOf(source.address, family) + octetsOf(destination.address, family);
  const size = addresses.length + 4;
  const kind = family === 4 ? '\x11' : '\x21';
  return `${signature}${proxyCommand}${kind}${two(size)}${addresses}${two(source.port)}${two(destination.port)}`;
}

/** Both ends are told in one family: IPv4 beside IPv6 is mapped into it. Undefined: no addresses. */
function familyOf(source: string, destination: string): 4 | 6 | undefined {
  if (isIPv4(source) && isIPv4(destination)) return 4;
  const isIp = (address: string): boolean => isIPv4(address) || (isIPv6(address) && !address.includes('%'));
  return isIp(source) && isIp(destination) ? 6 : undefined;
}

function inFamily(address: string, family: 4 | 6): string {
  return family === 6 && isIPv4(address) ? `::ffff:${address}` : address;
}

function octetsOf(address: string, family: 4 | 6): string {
  if (family === 4) return String.fromCharCode(...address.split('.').map(Number));
  const groups = parseIp(inFamily(address, 6))?.groups ?? [];
  return groups.map(two).join('');
}

function two(value: number): string {
  return String.fromCharCode((value >> 8) & 255, value & 255);
}

import { embeddedIpv4, withoutZone } from '../base/address-rules.ts';
import { parseIp } from '../base/ip-address.ts';
import type { AddressPort } from '../catalog/records.ts';

/** Our own doors. A request that is sent to one comes back to us, or reaches what only this machine should reach. */
export interface OwnListeners {
  hasPort(port: number): boolean;
  /** Whether a connection to `address` (an IP address or `localhost`; of other names nobody knows yet) ends at one of them. */
  includes(address: string, port: number): boolean;
  /** Whether a door for services, opened on `port`, would stand where something at `address` listens on that port. */
  doorCovers(address: string): boolean;
}

/**
 * @param listeners where they really are; port 0 is not bound yet and reserves nothing
 * @param machineAddresses addresses of this machine besides loopback: what `0.0.0.0` and `::` stand for
 * @param doorAddress where doors for services are opened; undefined: none are
 */
export function ownListeners(
  listeners: readonly AddressPort[],
  machineAddresses: readonly string[],
  doorAddress?: string,
): OwnListeners {
  const machine = new Set(machineAddresses.map(canonical));
  const byPort = new Map<number, Set<string>>();
  for (const { address, port } of listeners) {
    if (port === 0) continue;
    const addresses = byPort.get(port) ?? new Set();
    byPort.set(port, addresses.add(canonical(address)));
  }

  function isHere(bound: ReadonlySet<string>, address: string): boolean {
    if (bound.has(address)) return true;
    const every = bound.has('0.0.0.0') || bound.has('::');
    return every && (address.startsWith('127.') || address === '::1' || machine.has(address));
  }

  return {
    hasPort: (port) => byPort.has(port),
    includes(address, port) {
      const bound = byPort.get(port);
      if (bound === undefined) return false;
      return formsOf(address).some((form) => isHere(bound, form));
    },
    doorCovers(address) {
      if (doorAddress === undefined) return false;
      const door = new Set([canonical(doorAddress)]);
      return formsOf(address).some((form) => isHere(door, form));
    },
  };
}

function formsOf(address: string): readonly string[] {
  const name = address.toLowerCase();
  const local = name === 'localhost' || name === 'localhost.' || name.endsWith('.localhost');
  return local ? ['127.0.0.1', '::1'] : [canonical(address)];
}

/** One notation for each address; IPv4 that is mapped into IPv6 is IPv4. */
function canonical(address: string): string {
  const parsed = parseIp(withoutZone(address));
  if (parsed === undefined) return address;
  const { family, groups } = (parsed.family === 6 ? embeddedIpv4(parsed) : undefined) ?? parsed;
  const [high = 0, low = 0] = groups.slice(6);
  if (family === 4) return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
  if (groups.every((group) => group === 0)) return '::';
  if (groups.slice(0, 7).every((group) => group === 0) && low === 1) return '::1';
  return groups.map((group) => group.toString(16)).join(':');
}

import { isIpAddress } from '@portolan/core/base/ip-address.ts';
import type { Peer, TrustedPeers } from './forwarding.ts';

/** A longer chain is an attack; the last that fits is taken. */
const maxHops = 32;

/**
 * The address that rules by address mean: the peer's own, or, when the peer is trusted, the last of `X-Forwarded-For` that is not
 * trusted itself. What stands before it anybody may have written.
 *
 * @param toldFor the values of `X-Forwarded-For`, joined by commas; '' = there was none
 */
export function clientAddress(peer: Peer, toldFor: string, trusted: TrustedPeers): string {
  if (!peer.trusted || toldFor === '') return peer.address;
  let address = peer.address;
  let end = toldFor.length;
  for (let hop = 0; hop < maxHops && end > 0; hop++) {
    const comma = toldFor.lastIndexOf(',', end - 1);
    const said = plainAddress(toldFor.slice(comma + 1, end).trim());
    if (!isIpAddress(said)) return address;
    address = said;
    if (!trusted.has(said)) return address;
    end = comma;
  }
  return address;
}

/** Some proxies write a port or brackets: `192.0.2.1:4711`, `[2001:db8::1]:4711`; and IPv4 as IPv6. */
function plainAddress(said: string): string {
  if (said.startsWith('[')) return said.slice(1, said.indexOf(']'));
  const colon = said.indexOf(':');
  if (colon !== -1 && colon === said.lastIndexOf(':')) return said.slice(0, colon);
  return said.startsWith('::ffff:') && said.includes('.') ? said.slice(7) : said;
}

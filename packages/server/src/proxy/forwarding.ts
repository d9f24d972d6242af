import { BlockList, isIPv6 } from 'node:net';
import { Fault } from '@portolan/core/base/fault.ts';
import type { RequestHead } from './http1/request-head.ts';

/** Peers whose `X-Forwarded-…` we believe: addresses and CIDR ranges. */
export class TrustedPeers {
  readonly #list = new BlockList();
  readonly #empty: boolean;

  /** Throws a `Fault` (`invalid`) for an entry that is neither an address nor a range. */
  constructor(ranges: readonly string[]) {
    this.#empty = ranges.length === 0;
    for (const range of ranges) this.#add(range);
  }

  has(address: string): boolean {
    return !this.#empty && this.#list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
  }

  #add(range: string): void {
    const [address = '', prefix] = range.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    try {
      this.#list.addSubnet(
        address,
        prefix === undefined ? (family === 'ipv6' ? 128 : 32) : Number(prefix),
        family,
      );
    } catch (cause) {
      throw new Fault('invalid', `trusted peer "${range}" is no address and no CIDR range`, { cause });
    }
  }
}

/** Who is at the other end of a downstream connection. */
export interface Peer {
  readonly address: string;
  readonly trusted: boolean;
}

/**
 * The lines that tell the upstream who asked: `X-Forwarded-For`, `-Proto`, `-Host`, `X-Request-Id`, `X-Portolan-Hops`. From a trusted peer its own
 * words are kept and the address is appended; from anybody else they are replaced.
 */
export function forwardingLines(head: RequestHead, peer: Peer, scheme: string, requestId: string): string {
  const hops = `X-Portolan-Hops: ${head.hops + 1}\r\n`;
  if (!peer.trusted) {
    return `X-Forwarded-For: ${peer.address}\r\nX-Forwarded-Proto: ${scheme}\r\nX-Forwarded-Host: ${head.authority.text}\r\nX-Request-Id: ${requestId}\r\n${hops}`;
  }
  const { told } = head;
  const addresses = told.for === '' ? peer.address : `${told.for}, ${peer.address}`;
  return (
    `X-Forwarded-For: ${addresses}\r\n` +
    `X-Forwarded-Proto: ${told.proto || scheme}\r\n` +
    `X-Forwarded-Host: ${told.host || head.authority.text}\r\n` +
    `${told.lines}X-Request-Id: ${requestId}\r\n${hops}`
  );
}

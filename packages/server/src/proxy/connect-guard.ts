import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { networkInterfaces } from 'node:os';
import { addressRules } from '@portolan/core/base/address-rules.ts';
import { type OwnListeners, ownListeners } from '@portolan/core/traffic/own-listeners.ts';
import type { ListeningHandle } from './listening-handle.ts';

/** `dns.lookup` as far as it is needed. */
export type LookupAll = (
  name: string,
  options: { readonly all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/**
 * Where a worker may connect to. The control plane leaves such endpoints out already; but it does not know what a name resolves
 * to, and the model may come from one that knows less. No address of `core/base/address-rules.ts`, and not to our own doors.
 */
export class ConnectGuard {
  readonly #rules = addressRules();
  readonly #doors = new Map<ListeningHandle, { readonly address: string; readonly port: number }>();
  readonly #lookup: LookupAll;
  #own: OwnListeners = ownListeners([], []);

  constructor(lookup: LookupAll = systemLookup) {
    this.#lookup = lookup;
  }

  /** This socket is ours: nothing is sent to it any more. */
  addDoor(handle: ListeningHandle): void {
    const name: { address?: string; port?: number } = {};
    if (handle.getsockname(name) !== 0) return;
    this.#doors.set(handle, { address: name.address ?? '', port: name.port ?? 0 });
    this.#changed();
  }

  removeDoor(handle: ListeningHandle): void {
    if (this.#doors.delete(handle)) this.#changed();
  }

  /** `address`: an IP address. */
  permits(address: string, port: number): boolean {
    return this.#rules.allows(address) && !this.#own.includes(address, port);
  }

  /** Resolves a name to what is permitted of it: `net.connect` then connects to these very addresses. */
  lookupFor(port: number): LookupFunction {
    return (name, options, callback) =>
      this.#lookup(name, { ...options, all: true }, (error, addresses) => {
        if (error !== null) return callback(error, '', 0);
        const permitted = addresses.filter(({ address }) => this.permits(address, port));
        const [first] = permitted;
        if (first === undefined) return callback(notPermitted(name, port), '', 0);
        if (options.all === true) callback(null, permitted);
        else callback(null, first.address, first.family);
      });
  }

  #changed(): void {
    const here = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
    this.#own = ownListeners(
      [...this.#doors.values()],
      here.map(({ address }) => address),
    );
  }
}

/** As the kernel says it when a firewall forbids a connection. */
export function notPermitted(address: string, port: number): NodeJS.ErrnoException {
  const message = `nothing may be sent to ${address}, port ${port}`;
  return Object.assign(new Error(message), { code: 'EACCES' });
}

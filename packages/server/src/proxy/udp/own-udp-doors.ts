import { networkInterfaces } from 'node:os';
import { type OwnListeners, ownListeners } from '@portolan/core/traffic/own-listeners.ts';
import type { Bind } from '../../contract.ts';

/** Our own datagram doors: what is sent to one would come back for ever, each time from another port. */
export class OwnUdpDoors {
  readonly #doors = new Set<Bind>();
  #own: OwnListeners = ownListeners([], []);

  add(door: Bind): void {
    this.#doors.add(door);
    this.#changed();
  }

  remove(door: Bind): void {
    if (this.#doors.delete(door)) this.#changed();
  }

  /** `address`: an IP address. */
  includes(address: string, port: number): boolean {
    return this.#own.includes(address, port);
  }

  #changed(): void {
    const here = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
    this.#own = ownListeners(
      [...this.#doors],
      here.map(({ address }) => address),
    );
  }
}

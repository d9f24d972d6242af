import type { Random } from '../base/clock.ts';
import type { Balancer, BalanceSet } from './balancer.ts';
import type { BoundedLoad } from './bounded-load.ts';

/** So many places of the table are looked at before all endpoints are gone through in order: enough unless nearly all are out. */
const maxSteps = 1_024;

/**
 * A table of places, each owned by an endpoint. A key belongs to one place; when its owner may not be picked the owners of the
 * following places are asked, so that only the keys of that owner move, and to all the others.
 */
export abstract class KeyedBalancer implements Balancer {
  readonly #set: BalanceSet;
  readonly #random: Random;
  readonly #owners: Uint32Array;
  readonly #bound: BoundedLoad | undefined;

  constructor(set: BalanceSet, random: Random, owners: Uint32Array, bound: BoundedLoad | undefined) {
    this.#set = set;
    this.#random = random;
    this.#owners = owners;
    this.#bound = bound;
  }

  /** The place of a key. Called only when there are places. */
  protected abstract place(keyHash: number): number;

  pick(keyHash?: number): number {
    if (this.#owners.length === 0) return -1;
    const hash = keyHash === undefined ? Math.floor(this.#random() * 2 ** 32) : keyHash >>> 0;
    return this.#walk(this.place(hash), hash);
  }

  refresh(): void {
    this.#bound?.refresh();
  }

  #walk(start: number, hash: number): number {
    const owners = this.#owners;
    const { available } = this.#set;
    const steps = Math.min(owners.length, maxSteps);
    let full = -1;
    for (let step = 0, place = start; step < steps; step++) {
      const index = owners[place] as number;
      if (++place === owners.length) place = 0;
      if (available[index] !== 1) continue;
      if (this.#bound === undefined || this.#bound.allows(index)) return index;
      if (full === -1) full = index;
    }
    return full === -1 ? this.#firstAvailable(hash) : full;
  }

  #firstAvailable(hash: number): number {
    const { size, available, weights } = this.#set;
    for (let step = 0; step < size; step++) {
      const index = (hash + step) % size;
      if (available[index] === 1 && (weights[index] as number) >= 0) return index;
    }
    return -1;
  }
}

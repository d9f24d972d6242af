import { countedWeight, type LoadedSet } from './balancer.ts';

/**
 * Consistent hashing with bounded loads: no endpoint has more requests under way than `factorPercent` of its fair share, rounded
 * up; a key whose endpoint is full goes to the next. Envoy's `hash_balance_factor`: 100 and more, 120 … 200 being sensible.
 */
export class BoundedLoad {
  readonly #set: LoadedSet;
  readonly #factorPercent: number;
  #weight = 0;

  constructor(set: LoadedSet, factorPercent: number) {
    this.#set = set;
    this.#factorPercent = Math.max(100, factorPercent);
    this.refresh();
  }

  /** May it have one more? */
  allows(index: number): boolean {
    const { loads, weights, clusterLoad } = this.#set;
    const slots = Math.ceil(((clusterLoad.active + 1) * this.#factorPercent) / 100);
    const share = countedWeight(weights[index] ?? 1) / this.#weight;
    return (loads[index]?.active ?? 0) < Math.max(1, Math.ceil(slots * share));
  }

  /** Counts anew among whom the load is shared. */
  refresh(): void {
    const { size, weights, available } = this.#set;
    this.#weight = 0;
    for (let index = 0; index < size; index++) {
      if (available[index] === 1) this.#weight += countedWeight(weights[index] ?? 1);
    }
  }
}

import type { Random } from '../base/clock.ts';
import { type Balancer, type BalancerFactory, type BalanceSet, outside } from './balancer.ts';
import { priorityLoads } from './priority-loads.ts';

/**
 * Keeps requests in the own zone as long as it is healthy enough, and lets as much spill over to the others as its health lacks
 * (`priorityLoads`). `zones`: of each endpoint. `create` makes the balancer of either side. Needs `refresh` after each change of
 * availability.
 */
export class ZonePreference implements Balancer {
  readonly #set: BalanceSet;
  readonly #random: Random;
  readonly #isOwn: Uint8Array;
  readonly #own: Balancer;
  readonly #others: Balancer;
  #ownPercent = 0;

  constructor(
    set: BalanceSet,
    zones: readonly string[],
    ownZone: string,
    create: BalancerFactory,
    random: Random,
  ) {
    this.#set = set;
    this.#random = random;
    this.#isOwn = Uint8Array.from({ length: set.size }, (_, index) => (zones[index] === ownZone ? 1 : 0));
    this.#own = create(this.#side(1), random);
    this.#others = create(this.#side(0), random);
    this.#weigh();
  }

  /** How many of a hundred requests stay in the own zone now. */
  get ownPercent(): number {
    return this.#ownPercent;
  }

  pick(keyHash?: number): number {
    const stays = this.#ownPercent === 100 || this.#random() * 100 < this.#ownPercent;
    const index = (stays ? this.#own : this.#others).pick(keyHash);
    return index === -1 ? (stays ? this.#others : this.#own).pick(keyHash) : index;
  }

  refresh(nowMs: number): void {
    this.#own.refresh?.(nowMs);
    this.#others.refresh?.(nowMs);
    this.#weigh();
  }

  #side(own: 0 | 1): BalanceSet {
    const weights = this.#set.weights.map((weight, index) => (this.#isOwn[index] === own ? weight : outside));
    return { ...this.#set, weights };
  }

  #weigh(): void {
    const sizes = [0, 0];
    const healthy = [0, 0];
    for (let index = 0; index < this.#set.size; index++) {
      if ((this.#set.weights[index] as number) < 0) continue;
      const level = this.#isOwn[index] === 1 ? 0 : 1;
      sizes[level] = (sizes[level] as number) + 1;
      if (this.#set.available[index] === 1) healthy[level] = (healthy[level] as number) + 1;
    }
    this.#ownPercent = priorityLoads(healthy, sizes)[0] ?? 0;
  }
}

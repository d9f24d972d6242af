import type { Random } from '../base/clock.ts';
import type { Balancer, BalanceSet } from './balancer.ts';

/**
 * Looks at every endpoint and picks the one that costs least; among several by weight, evenly when their weights are the same or
 * all 0. That is how Dubbo does it, and a weight of 0 is 0 here as it is there. A pick costs two passes over the endpoints.
 */
export abstract class LeastOfAll implements Balancer {
  readonly #set: BalanceSet;
  readonly #random: Random;

  constructor(set: BalanceSet, random: Random) {
    this.#set = set;
    this.#random = random;
  }

  protected abstract cost(index: number): number;

  pick(): number {
    const { size, weights, available } = this.#set;
    let least = Number.POSITIVE_INFINITY;
    let ties = 0;
    let total = 0;
    let first = -1;
    let same = true;
    for (let index = 0; index < size; index++) {
      const weight = weights[index] as number;
      if (available[index] !== 1 || weight < 0) continue;
      const cost = this.cost(index);
      if (cost > least) continue;
      if (cost < least) {
        least = cost;
        ties = 0;
        total = 0;
        same = true;
        first = index;
      }
      ties++;
      total += weight;
      if (weight !== weights[first]) same = false;
    }
    if (ties <= 1) return first;
    return same ? this.#nth(least, first, ties) : this.#byWeight(least, first, total);
  }

  #nth(least: number, first: number, ties: number): number {
    let left = Math.floor(this.#random() * ties);
    for (let index = first; index < this.#set.size; index++) {
      if (this.#isTie(index, least) && left-- === 0) return index;
    }
    return first;
  }

  #byWeight(least: number, first: number, total: number): number {
    let left = Math.floor(this.#random() * total);
    for (let index = first; index < this.#set.size; index++) {
      if (!this.#isTie(index, least)) continue;
      left -= this.#set.weights[index] as number;
      if (left < 0) return index;
    }
    return first;
  }

  #isTie(index: number, least: number): boolean {
    const { weights, available } = this.#set;
    return available[index] === 1 && (weights[index] as number) >= 0 && this.cost(index) === least;
  }
}

import type { Random } from '../base/clock.ts';
import { type BalanceSet, countedWeight } from './balancer.ts';

/** So often an unavailable endpoint is drawn again; after that the available ones are counted out, which costs a pass. */
const maxRedraws = 16;

/**
 * Draws available endpoints with a probability in proportion to their weight, each draw independent. Walker's alias method
 * (Vose's way of laying out the table): one random number and two table reads a draw, however many endpoints there are.
 */
export class WeightedSampler {
  readonly #set: BalanceSet;
  readonly #random: Random;
  readonly #members: Uint32Array;
  /** In slot i: the share of the slot that belongs to member i; the rest belongs to `#alias[i]`. */
  readonly #own: Float64Array;
  readonly #alias: Uint32Array;

  constructor(set: BalanceSet, random: Random) {
    this.#set = set;
    this.#random = random;
    this.#members = membersOf(set);
    const { own, alias } = aliasTable(this.#members, set.weights);
    this.#own = own;
    this.#alias = alias;
  }

  /** An index of the set, or -1 when none is available. */
  draw(): number {
    const members = this.#members;
    for (let tries = members.length === 0 ? maxRedraws : 0; tries < maxRedraws; tries++) {
      const point = this.#random() * members.length;
      const slot = Math.floor(point);
      const chosen = point - slot < (this.#own[slot] as number) ? slot : (this.#alias[slot] as number);
      const index = members[chosen] as number;
      if (this.#set.available[index] === 1) return index;
    }
    return this.#drawCounting();
  }

  /** The next available one after `index`, coming round; `index` itself when it is the only one. */
  neighbour(index: number): number {
    const { size, available, weights } = this.#set;
    for (let step = 1; step < size; step++) {
      const next = (index + step) % size;
      if (available[next] === 1 && (weights[next] as number) >= 0) return next;
    }
    return index;
  }

  /** Many are unavailable: the same distribution by a pass over the others. */
  #drawCounting(): number {
    const { available, weights } = this.#set;
    const members = this.#members;
    let total = 0;
    for (let at = 0; at < members.length; at++) {
      const index = members[at] as number;
      if (available[index] === 1) total += countedWeight(weights[index] as number);
    }
    let left = this.#random() * total;
    let last = -1;
    for (let at = 0; at < members.length; at++) {
      const index = members[at] as number;
      if (available[index] !== 1) continue;
      last = index;
      left -= countedWeight(weights[index] as number);
      if (left < 0) return index;
    }
    return last;
  }
}

/** The indices that may ever be picked, in order. */
export function membersOf(set: BalanceSet): Uint32Array {
  const members: number[] = [];
  for (let index = 0; index < set.size; index++) if ((set.weights[index] ?? 1) >= 0) members.push(index);
  return Uint32Array.from(members);
}

function aliasTable(
  members: Uint32Array,
  weights: readonly number[],
): { own: Float64Array; alias: Uint32Array } {
  const own = Float64Array.from(members, (index) => countedWeight(weights[index] ?? 1));
  const mean = own.reduce((sum, weight) => sum + weight, 0) / own.length;
  const alias = new Uint32Array(own.length);
  const poor: number[] = [];
  const rich: number[] = [];
  for (let slot = 0; slot < own.length; slot++) {
    own[slot] = (own[slot] as number) / mean;
    ((own[slot] as number) < 1 ? poor : rich).push(slot);
  }
  for (let taker = poor.pop(); taker !== undefined; taker = poor.pop()) {
    const giver = rich.at(-1);
    if (giver === undefined) {
      // Only rounding is left of it.
      own[taker] = 1;
      continue;
    }
    alias[taker] = giver;
    const rest = (own[giver] as number) + (own[taker] as number) - 1;
    own[giver] = rest;
    if (rest < 1) {
      rich.pop();
      poor.push(giver);
    }
  }
  return { own, alias };
}

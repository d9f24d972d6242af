import type { Random } from '../base/clock.ts';
import type { Balancer, BalanceSet } from './balancer.ts';

/** A new endpoint gets its share bit by bit. Names and defaults are Envoy's, but the window, which Envoy leaves to the user. */
export interface SlowStartPolicy {
  readonly windowMs: number;
  /** 1: in a line; above, faster at first; below, slower at first. */
  readonly aggression: number;
  readonly minWeightPercent: number;
}

export const slowStartDefaults: Omit<SlowStartPolicy, 'windowMs'> = { aggression: 1, minWeightPercent: 10 };

/** Which share of its weight an endpoint of this age has: max(minimum, (max(age, 1 s) / window)^(1 / aggression)), at most 1. */
export function slowStartFactor(ageMs: number, policy: SlowStartPolicy): number {
  if (ageMs >= policy.windowMs) return 1;
  const time = Math.max(ageMs, 1_000) / policy.windowMs;
  return Math.min(1, Math.max(policy.minWeightPercent / 100, time ** (1 / policy.aggression)));
}

/** So often a warming endpoint is passed over in one pick before one is taken all the same. */
const maxPasses = 64;

/**
 * Slow start around any balancer that has a choice (not around a hash). A warming endpoint that was picked is kept with the
 * probability that its factor gives, else another is picked, so its share is weight × factor. When all are warming equally they share
 * equally: only the differences count. `startedMs`: since when each is a member and healthy (monotonic; -Infinity: for ever).
 * Needs `refresh`, once at the beginning too.
 */
export class SlowStart implements Balancer {
  readonly #inner: Balancer;
  readonly #set: BalanceSet;
  readonly #startedMs: readonly number[];
  readonly #policy: SlowStartPolicy;
  readonly #random: Random;
  readonly #factors: Float64Array;
  #warming = false;
  #highest = 1;

  constructor(
    inner: Balancer,
    set: BalanceSet,
    startedMs: readonly number[],
    policy: SlowStartPolicy,
    random: Random,
  ) {
    this.#inner = inner;
    this.#set = set;
    this.#startedMs = startedMs;
    this.#policy = policy;
    this.#random = random;
    this.#factors = new Float64Array(set.size).fill(1);
  }

  pick(): number {
    let index = this.#inner.pick();
    if (!this.#warming) return index;
    for (let passes = 0; index !== -1 && passes < maxPasses; passes++) {
      if (this.#random() * this.#highest < (this.#factors[index] as number)) return index;
      index = this.#inner.pick();
    }
    return index;
  }

  refresh(nowMs: number): void {
    this.#inner.refresh?.(nowMs);
    let highest = 0;
    let lowest = 1;
    for (let index = 0; index < this.#factors.length; index++) {
      const ageMs = nowMs - (this.#startedMs[index] ?? Number.NEGATIVE_INFINITY);
      const factor = slowStartFactor(ageMs, this.#policy);
      this.#factors[index] = factor;
      if (this.#set.available[index] !== 1 || (this.#set.weights[index] as number) < 0) continue;
      highest = Math.max(highest, factor);
      lowest = Math.min(lowest, factor);
    }
    this.#highest = highest === 0 ? 1 : highest;
    this.#warming = lowest < this.#highest;
  }
}

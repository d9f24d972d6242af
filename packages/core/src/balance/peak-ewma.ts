import type { Clock, Random } from '../base/clock.ts';
import { type Balancer, countedWeight, type LoadedSet } from './balancer.ts';
import { PowerOfChoices } from './power-of-choices.ts';
import { WeightedSampler } from './weighted-sampler.ts';

/** What an endpoint costs that has its first request under way: nobody knows yet how fast it is, so one request must do (Finagle). */
const unknownCostMs = 2 ** 47 / 1e6;

/** Finagle's and Linkerd's balancer: of two drawn by weight the one with the lower latency × (requests under way + 1) ÷ weight. */
export function createPeakEwma(set: LoadedSet, random: Random, clock: Clock): Balancer {
  return new PeakEwma(set, new WeightedSampler(set, random), clock);
}

class PeakEwma extends PowerOfChoices {
  readonly #set: LoadedSet;
  readonly #clock: Clock;

  constructor(set: LoadedSet, sampler: WeightedSampler, clock: Clock) {
    super(sampler, 2);
    this.#set = set;
    this.#clock = clock;
  }

  protected override cost(index: number): number {
    const load = this.#set.loads[index];
    if (load === undefined) return 0;
    const averageMs = load.latency.averageMs(this.#clock.monotonicMs());
    if (averageMs === 0 && load.active > 0) return unknownCostMs + load.active;
    return (averageMs * (load.active + 1)) / countedWeight(this.#set.weights[index] ?? 1);
  }
}

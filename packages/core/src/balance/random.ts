import type { Random } from '../base/clock.ts';
import type { Balancer, BalanceSet } from './balancer.ts';
import { WeightedSampler } from './weighted-sampler.ts';

/** Each pick independent of the others, in proportion to the weights. */
export function createRandom(set: BalanceSet, random: Random): Balancer {
  return new RandomBalancer(new WeightedSampler(set, random));
}

class RandomBalancer implements Balancer {
  readonly #sampler: WeightedSampler;

  constructor(sampler: WeightedSampler) {
    this.#sampler = sampler;
  }

  pick(): number {
    return this.#sampler.draw();
  }
}

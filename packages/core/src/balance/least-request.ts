import type { Random } from '../base/clock.ts';
import { type Balancer, countedWeight, type LoadedSet } from './balancer.ts';
import { PowerOfChoices } from './power-of-choices.ts';
import { WeightedSampler } from './weighted-sampler.ts';

/** `choices`: how many endpoints are compared at each pick; Envoy's `choice_count`, 2. */
export function createLeastRequest(set: LoadedSet, random: Random, choices = 2): Balancer {
  return new LeastRequest(set, new WeightedSampler(set, random), choices);
}

/**
 * Fewest requests under way for its weight among a few that are drawn by weight. Idle endpoints get their weight's share; under
 * load the requests under way settle in proportion to the weights.
 */
class LeastRequest extends PowerOfChoices {
  readonly #set: LoadedSet;

  constructor(set: LoadedSet, sampler: WeightedSampler, choices: number) {
    super(sampler, choices);
    this.#set = set;
  }

  protected override cost(index: number): number {
    return (this.#set.loads[index]?.active ?? 0) / countedWeight(this.#set.weights[index] ?? 1);
  }
}

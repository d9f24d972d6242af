import type { Balancer } from './balancer.ts';
import type { WeightedSampler } from './weighted-sampler.ts';

/** The same endpoint drawn again so often has nearly all the weight, or is nearly alone: its neighbour is taken instead. */
const maxRedraws = 4;

/**
 * The power of two choices: two endpoints are drawn by weight, and the one that costs less is picked, the first if they cost the
 * same. Nearly as even as looking at all of them, at a constant price, and without the herd that runs to the one idle endpoint.
 */
export abstract class PowerOfChoices implements Balancer {
  readonly #sampler: WeightedSampler;
  readonly #choices: number;

  constructor(sampler: WeightedSampler, choices: number) {
    this.#sampler = sampler;
    this.#choices = choices;
  }

  /** Lower is better. Weight is the implementation's to account for. */
  protected abstract cost(index: number): number;

  pick(): number {
    let best = this.#sampler.draw();
    if (best === -1) return -1;
    for (let choice = 1; choice < this.#choices; choice++) {
      const rival = this.#drawOther(best);
      if (rival !== best && this.cost(rival) < this.cost(best)) best = rival;
    }
    return best;
  }

  #drawOther(than: number): number {
    for (let tries = 0; tries < maxRedraws; tries++) {
      const drawn = this.#sampler.draw();
      if (drawn !== than) return drawn;
    }
    return this.#sampler.neighbour(than);
  }
}

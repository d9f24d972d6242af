import type { Random } from '../base/clock.ts';
import type { Balancer, LoadedSet } from './balancer.ts';
import { LeastOfAll } from './least-of-all.ts';

/** Dubbo's `leastactive`: fewest requests under way, whatever the weight; weights decide among equals. */
export function createDubboLeastActive(set: LoadedSet, random: Random): Balancer {
  return new DubboLeastActive(set, random);
}

class DubboLeastActive extends LeastOfAll {
  readonly #loads: LoadedSet['loads'];

  constructor(set: LoadedSet, random: Random) {
    super(set, random);
    this.#loads = set.loads;
  }

  protected override cost(index: number): number {
    return this.#loads[index]?.active ?? 0;
  }
}

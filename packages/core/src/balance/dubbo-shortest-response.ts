import type { Clock, Random } from '../base/clock.ts';
import type { Balancer, LoadedSet } from './balancer.ts';
import { LeastOfAll } from './least-of-all.ts';

/** Dubbo 3's `shortestresponse`: window after which averages begin anew. */
const slideMs = 30_000;

/**
 * Dubbo's `shortestresponse`: the lowest average time of successful responses × (requests under way + 1); weights decide among
 * equals. One that did not succeed in this window counts as 0, so it is tried.
 */
export function createDubboShortestResponse(set: LoadedSet, random: Random, clock: Clock): Balancer {
  return new DubboShortestResponse(set, random, clock);
}

class DubboShortestResponse extends LeastOfAll {
  readonly #set: LoadedSet;
  readonly #clock: Clock;

  constructor(set: LoadedSet, random: Random, clock: Clock) {
    super(set, random);
    this.#set = set;
    this.#clock = clock;
    set.clusterLoad.slidAtMs ??= clock.monotonicMs();
  }

  override pick(): number {
    const index = super.pick();
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - (this.#set.clusterLoad.slidAtMs ?? nowMs) > slideMs) this.#slide(nowMs);
    return index;
  }

  protected override cost(index: number): number {
    const load = this.#set.loads[index];
    return load === undefined ? 0 : load.successes.averageMs() * (load.active + 1);
  }

  #slide(nowMs: number): void {
    for (const load of this.#set.loads) load.successes.slide();
    this.#set.clusterLoad.slidAtMs = nowMs;
  }
}

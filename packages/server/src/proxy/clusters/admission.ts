import type { Clock, Random } from '@portolan/core/base/clock.ts';
import {
  AdaptiveConcurrency,
  type AdaptivePolicy,
  adaptiveDefaults,
} from '@portolan/core/resilience/adaptive-concurrency.ts';

/** Whether a cluster takes one more request: adaptive concurrency, if it is asked for. */
export class Admission {
  readonly #clock: Clock;
  readonly #random: Random;
  #settings = '';
  #limit: AdaptiveConcurrency | undefined;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** What it has learnt stays as long as the settings do. Requests that were let in under others are not counted. */
  configure(policy: Partial<AdaptivePolicy> | undefined): void {
    const settings = policy === undefined ? '' : JSON.stringify(policy);
    if (settings === this.#settings) return;
    this.#settings = settings;
    this.#limit =
      policy === undefined
        ? undefined
        : new AdaptiveConcurrency(
            { ...adaptiveDefaults, ...policy },
            this.#random,
            this.#clock.monotonicMs(),
          );
  }

  /** Undefined: no limit. `false`: too many are under way. Else what `Admitted.end` must be called on, once. */
  enter(): Admitted | false | undefined {
    const limit = this.#limit;
    if (limit === undefined) return undefined;
    const nowMs = this.#clock.monotonicMs();
    return limit.acquire(nowMs) ? new Admitted(limit, nowMs) : false;
  }
}

/** A request that was let in. */
export class Admitted {
  readonly #limit: AdaptiveConcurrency;
  readonly #startMs: number;

  constructor(limit: AdaptiveConcurrency, startMs: number) {
    this.#limit = limit;
    this.#startMs = startMs;
  }

  /** @param answered whether its time says something: it was answered by the upstream */
  end(answered: boolean, nowMs: number): void {
    if (answered) this.#limit.release(this.#startMs, nowMs);
    else this.#limit.cancel();
  }
}

import { KeyedRateLimit } from '@portolan/core/resilience/keyed-rate-limit.ts';

/** About 200 octets each: 10 MB. Ten thousand clients at once, on five routes with limits. */
const maxKeys = 50_000;

/** Every limit gives its own policy. */
const unused = { maxTokens: 1, tokensPerFill: 1, fillMs: 1_000 };

/**
 * Where the keyed rate limits of all routes of a worker keep their buckets: together, so that a thousand routes with limits take no more
 * memory than one. Addresses apart from headers, which strangers can invent: who pushes others out pushes out only those.
 */
export class LimitMemory {
  readonly addresses = new KeyedRateLimit(unused, maxKeys);
  readonly headers = new KeyedRateLimit(unused, maxKeys);
  #limits = 0;

  /** What a new limit's keys begin with. */
  nextPrefix(): string {
    this.#limits++;
    return `${this.#limits.toString(36)} `;
  }
}

import type { Random } from '../base/clock.ts';

export interface BackOffPolicy {
  readonly baseMs: number;
  readonly maxMs: number;
}

/** Envoy's: 25 ms, and ten times that at most. */
export const backOffDefaults: BackOffPolicy = Object.freeze({ baseMs: 25, maxMs: 250 });

/**
 * The pause before a retry (the first is 1): anything between 0 and base × 2^(retry − 1), at most the maximum. Fully jittered, as in
 * Envoy, so that those who failed together do not come back together.
 */
export function retryBackOffMs(retry: number, policy: BackOffPolicy, random: Random): number {
  return random() * Math.min(policy.maxMs, policy.baseMs * 2 ** Math.min(retry - 1, 52));
}

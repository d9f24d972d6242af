import type { Random } from '../base/clock.ts';

/** Asking a second endpoint before the first has answered. Envoy's `HedgePolicy`. */
export interface HedgePolicy {
  /** When a try's time is up another begins, and the first may still win. */
  readonly onTryTimeout: boolean;
  /** Requests that begin with one more try, in percent. */
  readonly additionalPercent: number;
  /** Tries under way for one request at the same time. */
  readonly maxAtOnce: number;
}

/** Off, as in Envoy. Two at once once it is on: a hedge that doubles the load is dear enough. */
export const hedgeDefaults: HedgePolicy = Object.freeze({
  onTryTimeout: false,
  additionalPercent: 0,
  maxAtOnce: 2,
});

/** How many tries to start at the beginning: 1 or 2. Only requests that may be sent twice are. */
export function initialTries(policy: HedgePolicy, idempotent: boolean, random: Random): number {
  if (!idempotent || policy.maxAtOnce < 2 || policy.additionalPercent <= 0) return 1;
  return random() * 100 < policy.additionalPercent ? 2 : 1;
}

/**
 * What to do when a try's time is up: `hedge` starts another beside it, `replace` gives it up and retries, `wait` lets it go on as
 * no further is allowed. Each hedge counts as a retry, in the policy's number and in the budget.
 */
export function onTryTimeout(
  policy: HedgePolicy,
  facts: { readonly idempotent: boolean; readonly underWay: number; readonly retriesLeft: number },
): 'hedge' | 'replace' | 'wait' {
  if (!policy.onTryTimeout || !facts.idempotent) return 'replace';
  return facts.retriesLeft > 0 && facts.underWay < policy.maxAtOnce ? 'hedge' : 'wait';
}

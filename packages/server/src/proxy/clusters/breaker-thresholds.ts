import {
  type BreakerThresholds,
  breakerDefaults,
  type RetryBudget,
} from '@portolan/core/resilience/circuit-breaker.ts';
import type { Cluster } from '@portolan/core/traffic/model.ts';

/**
 * Where neither a number of retries nor a budget is given: the load may double, no more. Envoy's 3 would turn the death of one instance
 * into failed requests whenever more than three were under way to it.
 */
const defaultBudget: RetryBudget = Object.freeze({ percent: 100, minConcurrency: 3 });

/** What a cluster's circuit breaker allows; nothing of a cluster that is not there. */
export function thresholdsOf(config: Cluster | undefined): BreakerThresholds {
  if (config === undefined) return { ...breakerDefaults, maxConnections: 1, maxPending: 0 };
  const { maxConnections, maxPendingRequests, maxRequests, maxRetries, retryBudget } = config;
  const budget = retryBudget ?? (maxRetries === undefined ? defaultBudget : undefined);
  return {
    maxConnections,
    maxPending: maxPendingRequests,
    maxRequests: maxRequests ?? breakerDefaults.maxRequests,
    maxRetries: maxRetries ?? breakerDefaults.maxRetries,
    ...(budget === undefined ? {} : { retryBudget: budget }),
  };
}

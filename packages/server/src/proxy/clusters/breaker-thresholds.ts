import { type BreakerThresholds, breakerDefaults } from '@portolan/core/resilience/circuit-breaker.ts';
import type { Cluster } from '@portolan/core/traffic/model.ts';

/**
 * What a cluster's circuit breaker allows; nothing of a cluster that is not there. Where neither a number of retries nor a budget is given
 * every request may be retried: Envoy's 3 would turn the death of one instance into failed requests whenever more than three were under
 * way to it, and what is retried by default is over at once.
 */
export function thresholdsOf(config: Cluster | undefined): BreakerThresholds {
  if (config === undefined) return { ...breakerDefaults, maxConnections: 1, maxPending: 0 };
  const { maxConnections, maxPendingRequests, retryBudget } = config;
  const maxRequests = config.maxRequests ?? breakerDefaults.maxRequests;
  return {
    ...{ maxConnections, maxRequests },
    maxPending: maxPendingRequests,
    maxRetries: config.maxRetries ?? maxRequests,
    ...(retryBudget === undefined ? {} : { retryBudget }),
  };
}

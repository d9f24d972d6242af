/** What may be under way at the same time to one cluster. Envoy's `CircuitBreakers.Thresholds`. */
export interface BreakerThresholds {
  readonly maxConnections: number;
  /** Requests that wait for a connection. */
  readonly maxPending: number;
  readonly maxRequests: number;
  readonly maxRetries: number;
  /** If given, it holds instead of `maxRetries`. */
  readonly retryBudget?: RetryBudget;
}

/** Retries may be this part of the requests that are under way or waiting, but always `minConcurrency`. */
export interface RetryBudget {
  readonly percent: number;
  readonly minConcurrency: number;
}

/** Envoy's defaults. */
export const breakerDefaults: BreakerThresholds = Object.freeze({
  maxConnections: 1_024,
  maxPending: 1_024,
  maxRequests: 1_024,
  maxRetries: 3,
});

/** Envoy's defaults for one that is asked for. */
export const retryBudgetDefaults: RetryBudget = Object.freeze({ percent: 20, minConcurrency: 3 });

export type BreakerKind = 'connections' | 'pending' | 'requests' | 'retries';

/** Counts what is under way to one cluster and refuses what would be too much. Never blocks, never waits. */
export class CircuitBreaker {
  #thresholds: BreakerThresholds;
  readonly #counts: Record<BreakerKind, number> = { connections: 0, pending: 0, requests: 0, retries: 0 };
  readonly #refused: Record<BreakerKind, number> = { connections: 0, pending: 0, requests: 0, retries: 0 };

  constructor(thresholds: BreakerThresholds) {
    this.#thresholds = thresholds;
  }

  /** Other settings from now on; what is under way stays counted. */
  configure(thresholds: BreakerThresholds): void {
    this.#thresholds = thresholds;
  }

  /** True: it is counted, and `release` must follow once. False: too much is under way; nothing is counted but the refusal. */
  acquire(kind: BreakerKind): boolean {
    if (!this.hasRoom(kind)) return false;
    this.enter(kind);
    return true;
  }

  /** Whether there could be one more; if not it is noted as refused. */
  hasRoom(kind: BreakerKind): boolean {
    if (this.#counts[kind] < this.limit(kind)) return true;
    this.#refused[kind]++;
    return false;
  }

  /** It is under way, whatever the limit: it is counted, and `release` must follow once. */
  enter(kind: BreakerKind): void {
    this.#counts[kind]++;
  }

  release(kind: BreakerKind): void {
    this.#counts[kind]--;
  }

  /** How many there may be now; the budget's limit of retries moves with the requests. */
  limit(kind: BreakerKind): number {
    switch (kind) {
      case 'connections':
        return this.#thresholds.maxConnections;
      case 'pending':
        return this.#thresholds.maxPending;
      case 'requests':
        return this.#thresholds.maxRequests;
      case 'retries':
        return this.#maxRetries();
    }
  }

  count(kind: BreakerKind): number {
    return this.#counts[kind];
  }

  /** How often it was refused, ever. */
  refused(kind: BreakerKind): number {
    return this.#refused[kind];
  }

  #maxRetries(): number {
    const { retryBudget, maxRetries } = this.#thresholds;
    if (retryBudget === undefined) return maxRetries;
    const asked = this.#counts.requests + this.#counts.pending;
    return Math.max(retryBudget.minConcurrency, Math.floor((asked * retryBudget.percent) / 100));
  }
}

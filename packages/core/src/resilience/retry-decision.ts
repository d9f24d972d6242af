/** What a retry is for. Names and meaning are Envoy's `retry_on`, but for `reset-before-response`, which is this project's. */
export type RetryOn =
  /** Any 5xx, no response at all (reset, connect failure, try's timeout). */
  | '5xx'
  /** 502, 503, 504. */
  | 'gateway-error'
  /** 409. */
  | 'retriable-4xx'
  /** A status of `statuses`. */
  | 'retriable-status-codes'
  /** Nothing was sent. */
  | 'connect-failure'
  /** HTTP/2 REFUSED_STREAM: nothing was done (RFC 9113 §8.7). */
  | 'refused-stream'
  /** The connection broke, or the try's time was up, before the response began. */
  | 'reset'
  /** The same, but only for idempotent methods. */
  | 'reset-before-response';

export interface RetryRules {
  readonly on: ReadonlySet<RetryOn>;
  /** Tries after the first. */
  readonly retries: number;
  /** For `retriable-status-codes`. */
  readonly statuses: ReadonlySet<number>;
}

/** How a try ended. */
export type TryEnd =
  | { readonly kind: 'response'; readonly status: number }
  | { readonly kind: 'connect-failure' | 'refused-stream' | 'reset' | 'try-timeout' };

/** What else matters. */
export interface TryFacts {
  /** Retries that were made already. */
  readonly retried: number;
  /** RFC 9110 §9.2.2. */
  readonly idempotent: boolean;
  /** The request's body is complete in memory, or none of it was sent. */
  readonly replayable: boolean;
  /** Octets of the response went to the client: there is no way back. */
  readonly responseStarted: boolean;
  /** Until the whole request's deadline. */
  readonly remainingMs: number;
}

export type RetryDecision = 'retry' | 'not-retriable' | 'not-replayable' | 'used-up' | 'out-of-time';

/**
 * May it be tried again? The caller still asks the circuit breaker for a retry, waits `retryBackOffMs`, and prefers an endpoint
 * that was not tried. What surely reached no application (`connect-failure`, `refused-stream`) may be retried whatever the method;
 * what may have is retried when the rule says so, as in Envoy: the rule's author knows the application.
 */
export function decideRetry(rules: RetryRules, end: TryEnd, facts: TryFacts): RetryDecision {
  if (!isRetriable(rules, end, facts.idempotent)) return 'not-retriable';
  if (facts.responseStarted || !facts.replayable) return 'not-replayable';
  if (facts.retried >= rules.retries) return 'used-up';
  return facts.remainingMs > 0 ? 'retry' : 'out-of-time';
}

/** Whether what happened is what the rules retry, whatever stands against it otherwise. */
export function isRetriable(rules: RetryRules, end: TryEnd, idempotent: boolean): boolean {
  const { on } = rules;
  switch (end.kind) {
    case 'response':
      return matchesStatus(rules, end.status);
    case 'connect-failure':
      return on.has('connect-failure') || on.has('5xx');
    case 'refused-stream':
      return on.has('refused-stream') || on.has('5xx');
    case 'reset':
    case 'try-timeout':
      return on.has('reset') || on.has('5xx') || (idempotent && on.has('reset-before-response'));
  }
}

function matchesStatus({ on, statuses }: RetryRules, status: number): boolean {
  if (on.has('5xx') && status >= 500 && status <= 599) return true;
  if (on.has('gateway-error') && status >= 502 && status <= 504) return true;
  if (on.has('retriable-4xx') && status === 409) return true;
  return on.has('retriable-status-codes') && statuses.has(status);
}

import { decideRetry, type TryEnd } from '@portolan/core/resilience/retry-decision.ts';
import type { RetryPolicy } from '@portolan/core/traffic/model.ts';
import type { AttemptFailure } from './attempt.ts';

/** RFC 9110 §9.2.2. */
const idempotent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE']);

const aboutStatuses: ReadonlySet<string> = new Set([
  '5xx',
  'gateway-error',
  'retriable-4xx',
  'retriable-status-codes',
]);

/** What a retry depends upon besides how the try ended. */
export interface RetrySituation {
  readonly method: string;
  /** Tries that were made already, the failed one included. */
  readonly tries: number;
  /** The request's body is whole in memory, or none of it was sent. */
  readonly replayable: boolean;
  /** Until the whole request's deadline. */
  readonly remainingMs: number;
}

/** After how many milliseconds a failed request is tried again; -1: not at all. */
export function retryDelayMs(
  policy: RetryPolicy | undefined,
  end: TryEnd | undefined,
  situation: RetrySituation,
): number {
  if (policy === undefined || end === undefined || policy.retries === 0) return -1;
  if (end.kind === 'response' && !policy.on.some((condition) => aboutStatuses.has(condition))) return -1;
  const rules = { on: new Set(policy.on), retries: policy.retries, statuses: new Set(policy.statuses) };
  const decision = decideRetry(rules, end, {
    retried: situation.tries - 1,
    idempotent: isIdempotent(situation.method),
    replayable: situation.replayable,
    responseStarted: false,
    remainingMs: situation.remainingMs,
  });
  return decision === 'retry' ? 0 : -1;
}

export function isIdempotent(method: string): boolean {
  return idempotent.has(method);
}

/** Undefined: such a failure is never retried. */
export function tryEndOf(failure: AttemptFailure): TryEnd | undefined {
  switch (failure.kind) {
    case 'connect-failure':
    case 'connect-timeout':
      return { kind: 'connect-failure' };
    case 'reset':
    case 'stale':
      return { kind: 'reset' };
    case 'refused-stream':
      return { kind: 'refused-stream' };
    case 'try-timeout':
      return { kind: 'try-timeout' };
    default:
      return undefined;
  }
}

import { type HedgePolicy, initialTries, onTryTimeout } from '@portolan/core/resilience/hedging.ts';
import { backOffDefaults, retryBackOffMs } from '@portolan/core/resilience/retry-back-off.ts';
import {
  decideRetry,
  isRetriable,
  type RetryRules,
  type TryEnd,
} from '@portolan/core/resilience/retry-decision.ts';
import type { RetryPolicy } from '@portolan/core/traffic/model.ts';
import type { AttemptFailure } from './attempt.ts';
import type { ClusterState } from './cluster-state.ts';
import type { EndpointState } from './endpoint-state.ts';

/** RFC 9110 §9.2.2. */
const idempotent: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE']);

export function isIdempotent(method: string): boolean {
  return idempotent.has(method);
}

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

const rulesOf = new WeakMap<RetryPolicy, RetryRules>();

/** The further tries of one request: whether, when and beside which. Made with the first one that comes into question. */
export class Retrying {
  /** Whom the next try had better not ask. */
  readonly tried: EndpointState[] = [];
  readonly #policy: RetryPolicy;
  readonly #cluster: ClusterState;
  /** Places of the breaker that are held until the request is over: one however often it is retried, one more for each hedge. */
  #places = 0;
  #retried = false;

  constructor(policy: RetryPolicy, cluster: ClusterState) {
    this.#policy = policy;
    this.#cluster = cluster;
  }

  /** After how many milliseconds a try that ended so is followed by another; -1: not at all. */
  delayMs(end: TryEnd, situation: RetrySituation): number {
    const { tries, method, replayable, remainingMs } = situation;
    const decision = decideRetry(rules(this.#policy), end, {
      retried: tries - 1,
      idempotent: isIdempotent(method),
      replayable,
      responseStarted: false,
      remainingMs,
    });
    if (decision !== 'retry' || !this.#takePlace()) return -1;
    const { backOff } = this.#policy;
    if (backOff === undefined && end.kind === 'connect-failure') return 0;
    return Math.min(remainingMs, retryBackOffMs(tries, backOff ?? backOffDefaults, this.#cluster.random));
  }

  /** A try has gone on for as long as one may: `hedge` begins another beside it, if there is room for it. */
  onLate(hedge: HedgePolicy, underWay: number, situation: RetrySituation): ReturnType<typeof onTryTimeout> {
    const { method, replayable, tries } = situation;
    const retriesLeft = this.#policy.retries - (tries - 1);
    const facts = { idempotent: isIdempotent(method) && replayable, underWay, retriesLeft };
    const verdict = onTryTimeout(hedge, facts);
    return verdict === 'hedge' && !this.#hold() ? 'wait' : verdict;
  }

  /** Whether a request begins with two tries. */
  beginsTwice(hedge: HedgePolicy, situation: RetrySituation): boolean {
    const mayTwice = isIdempotent(situation.method) && situation.replayable;
    return initialTries(hedge, mayTwice, this.#cluster.random) > 1 && this.#hold();
  }

  /** A try's endpoint says nothing to anybody: whether another may be asked beside it. */
  onSilent({ method, replayable, tries }: RetrySituation): boolean {
    const idempotent = isIdempotent(method);
    if (!idempotent || !replayable || tries > this.#policy.retries) return false;
    return isRetriable(rules(this.#policy), { kind: 'try-timeout' }, idempotent) && this.#hold();
  }

  /** The request is over. */
  release(): void {
    for (; this.#places > 0; this.#places--) this.#cluster.breaker.release('retries');
  }

  #takePlace(): boolean {
    this.#retried ||= this.#hold();
    return this.#retried;
  }

  #hold(): boolean {
    if (this.#cluster.breaker.acquire('retries')) {
      this.#places++;
      return true;
    }
    this.#cluster.stats.add('retry_overflows');
    return false;
  }
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

/** Whether an answer with this status may lead to another try at all. */
export function retriesStatus(policy: RetryPolicy, status: number): boolean {
  return policy.retries > 0 && isRetriable(rules(policy), { kind: 'response', status }, false);
}

/** Sets are made once for a policy, not for each answer that is looked at. */
function rules(policy: RetryPolicy): RetryRules {
  let made = rulesOf.get(policy);
  if (made === undefined) {
    made = { on: new Set(policy.on), retries: policy.retries, statuses: new Set(policy.statuses) };
    rulesOf.set(policy, made);
  }
  return made;
}

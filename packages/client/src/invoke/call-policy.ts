import { Fault } from '@portolan/core/base/fault.ts';
import type { RetryBudget } from '@portolan/core/resilience/circuit-breaker.ts';
import type { BackOffPolicy } from '@portolan/core/resilience/retry-back-off.ts';
import { backOffDefaults } from '@portolan/core/resilience/retry-back-off.ts';
import type { RetryOn } from '@portolan/core/resilience/retry-decision.ts';
import type { OutlierDetection } from '@portolan/core/traffic/model.ts';
import { limits } from '../limits.ts';

const balanceNames = [
  'round-robin',
  'random',
  'least-request',
  'peak-ewma',
  'ring-hash',
  'maglev',
  'dubbo-least-active',
  'dubbo-shortest-response',
] as const;

/** How calls to a service choose an instance: see docs/balancing.md. The hashes go by `fetch`'s `hashKey`. */
export type BalanceName = (typeof balanceNames)[number];

/** How a service is called. Everything has a default. */
export interface CallPolicy {
  /** Default `round-robin`. */
  readonly balance?: BalanceName;
  /** The zone that this process is in: instances whose metadata say the same `zone` are preferred while they are well. */
  readonly zone?: string;
  /** Tries after the first; default 2. */
  readonly retries?: number;
  /** What is tried again; default `connect-failure` and `reset-before-response` (idempotent methods only). */
  readonly retryOn?: readonly RetryOn[];
  /** For `retriable-status-codes`. */
  readonly retryStatuses?: readonly number[];
  /** Default: a retry begins at once when no connection could be made, else within 25 ms, doubled each time, at most 250 ms. */
  readonly backOff?: BackOffPolicy;
  /** Retries at the same time, as a part of the calls at the same time. Default: every call may be retried. */
  readonly retryBudget?: RetryBudget;
  /** One try, until the response's headers; default 5 s. */
  readonly tryTimeoutMs?: number;
  /** Calls to the service at the same time; another one is refused at once (`unavailable`). Default 1,024. */
  readonly maxRequests?: number;
  /** When an instance is left out for what came of calls; `false`: never. Parts that are not given are the default's. */
  readonly outlier?: Partial<OutlierDetection> | false;
}

/** A policy in which nothing is left open. */
export interface WholeCallPolicy {
  readonly balance: BalanceName;
  readonly zone: string;
  readonly retries: number;
  readonly retryOn: ReadonlySet<RetryOn>;
  readonly retryStatuses: ReadonlySet<number>;
  readonly backOff: BackOffPolicy | undefined;
  readonly retryBudget: RetryBudget | undefined;
  readonly tryTimeoutMs: number;
  readonly maxRequests: number;
  readonly outlier: OutlierDetection;
}

/** One client sees few requests: an instance that broke a single one, or could not be reached, is passed over for 5 s. */
const outlierDefaults: OutlierDetection = Object.freeze({
  ...{ consecutiveLocalFailures: 1, consecutive5xx: 5, maxEjectionPercent: 50 },
  baseEjectionMs: limits.cooldownMs,
  maxEjectionMs: 60_000,
});

const noOutliers: OutlierDetection = Object.freeze({
  ...outlierDefaults,
  consecutiveLocalFailures: 0,
  consecutive5xx: 0,
});

const retryOnDefault: readonly RetryOn[] = ['connect-failure', 'reset-before-response'];

/** `service`'s own settings before those for all. Throws a `Fault` (`invalid`) that names the setting. */
export function callPolicyOf(all: CallPolicy = {}, service: CallPolicy = {}): WholeCallPolicy {
  const given = { ...all, ...service };
  const { balance = 'round-robin', outlier = {} } = given;
  if (!balanceNames.includes(balance)) {
    throw new Fault('invalid', `balance: "${balance}" is none of ${balanceNames.join(', ')}`, {
      path: 'balance',
    });
  }
  return {
    balance,
    zone: given.zone ?? '',
    retries: whole(given.retries ?? limits.maxRetries, 'retries'),
    retryOn: new Set(given.retryOn ?? retryOnDefault),
    retryStatuses: new Set(given.retryStatuses),
    backOff: given.backOff,
    retryBudget: given.retryBudget,
    tryTimeoutMs: given.tryTimeoutMs ?? limits.tryTimeoutMs,
    maxRequests: whole(given.maxRequests ?? limits.maxRequests, 'maxRequests'),
    outlier: outlier === false ? noOutliers : { ...outlierDefaults, ...outlier },
  };
}

/** The pause before the first, second … retry has this as its bounds. */
export function backOffOf(policy: WholeCallPolicy): BackOffPolicy {
  return policy.backOff ?? backOffDefaults;
}

function whole(value: number, path: string): number {
  if (Number.isInteger(value) && value >= 0) return value;
  throw new Fault('invalid', `${path}: ${value} is no whole number from 0 up`, { path });
}

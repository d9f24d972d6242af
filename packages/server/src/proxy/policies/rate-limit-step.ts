import type { KeyedRateLimit } from '@portolan/core/resilience/keyed-rate-limit.ts';
import { TokenBucket, type TokenBucketPolicy } from '@portolan/core/resilience/token-bucket.ts';
import type { RateLimit } from '@portolan/core/traffic/model.ts';
import type { PolicyRequest } from '../route-policy.ts';
import { CidrSet } from './cidr-set.ts';
import type { LimitMemory } from './limit-memory.ts';
import { type Denial, denial, type PolicyState, type PolicyStep } from './step.ts';

/** What is told at most, where a limit of 0 never fills. */
const longestWaitS = 86_400;

/**
 * One of a route's rate limits. Each worker counts by itself. A limit for all requests of the route is divided among the workers, which
 * the kernel gives about as many connections each; one for each client or key is not: a client's few connections may all be at one
 * worker, and a share of its limit would refuse it what it was promised.
 */
export class RateLimitStep implements PolicyStep {
  readonly credential = false;
  readonly #by: RateLimit['by'];
  readonly #exempt: CidrSet | undefined;
  readonly #status: number;
  readonly #policy: TokenBucketPolicy;
  readonly #keyed: KeyedRateLimit;
  readonly #prefix: string;
  readonly #all: TokenBucket;

  constructor(limit: RateLimit, workers: number, memory: LimitMemory, nowMs: number) {
    this.#by = limit.by;
    this.#keyed = limit.by.type === 'header' ? memory.headers : memory.addresses;
    this.#prefix = memory.nextPrefix();
    this.#exempt = limit.exempt === undefined ? undefined : new CidrSet(limit.exempt);
    this.#status = limit.status;
    this.#policy = bucketPolicy(limit, limit.by.type === 'route' ? workers : 1);
    this.#all = new TokenBucket(this.#policy, nowMs);
  }

  check(request: PolicyRequest, { view }: PolicyState): Denial | undefined {
    const { clientIp } = view;
    if (this.#exempt !== undefined && clientIp !== undefined && this.#exempt.has(clientIp)) return undefined;
    const nowMs = request.startMs;
    const key = this.#keyOf(view);
    const granted = key === undefined ? this.#all.take(nowMs) : this.#keyed.take(key, nowMs, 1, this.#policy);
    if (granted) return undefined;
    const waitMs = key === undefined ? this.#all.waitMs(nowMs) : this.#keyed.waitMs(key, nowMs);
    const waitS = Math.min(Math.max(1, Math.ceil(waitMs / 1_000)), longestWaitS);
    const retryAfter = `Retry-After: ${waitS}\r\n`;
    return denial(this.#status, 'rate-limited', 'too many requests', retryAfter);
  }

  /** Undefined: one bucket for all. */
  #keyOf(view: PolicyState['view']): string | undefined {
    const by = this.#by;
    switch (by.type) {
      case 'route':
        return undefined;
      case 'source-address':
        return this.#prefix + view.clientAddress;
      case 'header':
        return this.#prefix + (view.header(by.name.toLowerCase()) ?? '');
    }
  }
}

/** Tokens come one by one, so that a limit of 60 a minute is one of 1 a second, after the burst. */
function bucketPolicy({ requests, perMs, burst }: RateLimit, shares: number): TokenBucketPolicy {
  const fillMs = (Math.max(1, perMs) * shares) / Math.max(requests, Number.MIN_VALUE);
  return { maxTokens: Math.max(1, Math.ceil(burst / shares)), tokensPerFill: 1, fillMs };
}

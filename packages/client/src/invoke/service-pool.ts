import type { Balancer } from '@portolan/core/balance/balancer.ts';
import { ClusterLoad } from '@portolan/core/balance/endpoint-load.ts';
import { makeBalancer } from '@portolan/core/balance/make-balancer.ts';
import { fillAvailable, rank } from '@portolan/core/balance/panic.ts';
import type { Clock, Random } from '@portolan/core/base/clock.ts';
import { breakerDefaults, CircuitBreaker } from '@portolan/core/resilience/circuit-breaker.ts';
import { type Outcome, OutlierDetector } from '@portolan/core/resilience/outlier.ts';
import { comparedOutliers, outlierStatisticsDefaults } from '@portolan/core/resilience/outlier-statistics.ts';
import type { BalancePolicy } from '@portolan/core/traffic/model.ts';
import type { ServiceInstance } from '../registry/decode.ts';
import type { BalanceName, WholeCallPolicy } from './call-policy.ts';
import { Member, memberKey } from './member.ts';

export interface PoolContext {
  readonly clock: Clock;
  readonly random: Random;
}

/** One service as this client calls it: which instance is next, who is left out, how much is under way. */
export class ServicePool {
  readonly policy: WholeCallPolicy;
  readonly breaker: CircuitBreaker;
  readonly #context: PoolContext;
  readonly #load = new ClusterLoad();
  #instances: readonly ServiceInstance[] = [];
  #members: readonly Member[] = [];
  #detector: OutlierDetector;
  #balancer: Balancer | undefined;
  #ranks = new Uint8Array(0);
  #available = new Uint8Array(0);
  #compareAtMs: number;

  constructor(policy: WholeCallPolicy, context: PoolContext) {
    this.policy = policy;
    this.#context = context;
    this.#detector = new OutlierDetector(policy.outlier);
    this.#compareAtMs = context.clock.monotonicMs() + this.#intervalMs;
    const { maxRequests, retryBudget } = policy;
    this.breaker = new CircuitBreaker({
      ...{ ...breakerDefaults, maxRequests, maxRetries: maxRequests },
      ...(retryBudget === undefined ? {} : { retryBudget }),
    });
  }

  /** Who takes the next request, not one of `tried` if there is another; undefined: there is nobody. */
  choose(
    instances: readonly ServiceInstance[],
    tried: ReadonlySet<Member>,
    keyHash?: number,
  ): Member | undefined {
    // The directory replaces a list, it never edits one.
    if (instances !== this.#instances) this.#take(instances);
    this.#look();
    if (tried.size === 0) return this.#pick(keyHash);
    const masked = [...this.#members.keys()].filter((index) => tried.has(this.#members[index] as Member));
    const before = masked.map((index) => this.#available[index] as number);
    for (const index of masked) this.#available[index] = 0;
    const other = this.#pick(keyHash);
    for (const [at, index] of masked.entries()) this.#available[index] = before[at] as number;
    return other ?? this.#pick(keyHash);
  }

  /** `tryEnded` follows once. */
  tryBegan(member: Member): void {
    member.load.started();
  }

  /** @param outcome undefined: nothing is known, as when the caller gave up */
  tryEnded(member: Member, outcome: Outcome | undefined, elapsedMs: number): void {
    const { load, tally, record } = member;
    load.ended();
    if (outcome === undefined) return;
    const nowMs = this.#context.clock.monotonicMs();
    load.observed(elapsedMs, outcome === 'ok', nowMs);
    tally.total++;
    if (outcome === 'ok') tally.succeeded++;
    if (outcome === 'ok') this.#detector.probed(record);
    this.#detector.report(record, outcome, this.#members.length, nowMs);
  }

  #pick(keyHash: number | undefined): Member | undefined {
    return this.#members[this.#balancer?.pick(keyHash) ?? -1];
  }

  #take(instances: readonly ServiceInstance[]): void {
    const before = new Map(this.#members.map((member) => [memberKey(member.instance), member]));
    this.#instances = instances;
    this.#members = instances.map((instance) => {
      const member = before.get(memberKey(instance)) ?? new Member(instance, this.#load);
      member.instance = instance;
      return member;
    });
    this.#detector = new OutlierDetector(this.policy.outlier);
    for (const { record } of this.#members) this.#detector.adopt(record);
    this.#ranks = new Uint8Array(instances.length);
    this.#available = new Uint8Array(instances.length);
    this.#balancer = this.#build();
  }

  #build(): Balancer {
    const { balance, zone } = this.policy;
    const set = {
      size: this.#members.length,
      weights: this.#instances.map(({ weight }) => weight),
      available: this.#available,
      ids: this.#instances.map(({ node, id }) => `${node}/${id}`),
      loads: this.#members.map(({ load }) => load),
      zones: this.#instances.map(({ metadata }) => metadata.zone ?? ''),
      startedMs: this.#members.map(() => Number.NEGATIVE_INFINITY),
      clusterLoad: this.#load,
    };
    const settings = { balance: balanceOf(balance), zonePreference: zone !== '' };
    return makeBalancer(settings, set, { ...this.#context, zone });
  }

  /** Who is left out now. A client has no timer for that: it looks before each call. */
  #look(): void {
    const nowMs = this.#context.clock.monotonicMs();
    if (nowMs >= this.#compareAtMs) this.#compare(nowMs);
    for (let index = 0; index < this.#members.length; index++) {
      const { record } = this.#members[index] as Member;
      if (record.state.kind === 'ejected') this.#detector.expire(record, nowMs);
      this.#ranks[index] = rankOf(record.state);
    }
    fillAvailable(this.#ranks, this.#available);
    this.#balancer?.refresh?.(nowMs);
  }

  get #intervalMs(): number {
    return this.policy.outlier.intervalMs ?? outlierStatisticsDefaults.intervalMs;
  }

  #compare(nowMs: number): void {
    this.#compareAtMs = nowMs + this.#intervalMs;
    const tallies = this.#members.map(({ tally }) => tally);
    for (const index of comparedOutliers(this.policy.outlier, tallies)) {
      const { record } = this.#members[index] as Member;
      this.#detector.eject(record, 'server-error', this.#members.length, nowMs);
    }
    for (const tally of tallies) {
      tally.total = 0;
      tally.succeeded = 0;
    }
  }
}

function rankOf(state: Member['record']['state']): number {
  if (state.kind !== 'ejected') return rank.healthy;
  return state.cause === 'refused' ? rank.refusing : rank.suspected;
}

/** The key of a hash is the caller's to say. */
function balanceOf(policy: BalanceName): BalancePolicy {
  return policy === 'ring-hash' || policy === 'maglev'
    ? { policy, key: { type: 'source-address' } }
    : { policy };
}

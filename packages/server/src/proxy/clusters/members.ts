import type { ClusterLoad } from '@portolan/core/balance/endpoint-load.ts';
import { type BalancerContext, isKeyed } from '@portolan/core/balance/make-balancer.ts';
import type { Cluster, Endpoint } from '@portolan/core/traffic/model.ts';
import { EndpointState } from '../endpoint-state.ts';
import { Lineup } from './lineup.ts';
import { matchEndpoints } from './match-endpoints.ts';

/** Building balancers may take this part of the time: a list that changes all the time is built anew less often than it changes. */
const buildShare = 0.1;

/** Lists of so many endpoints are laid out in a tenth of a millisecond, unless it is for a hash: no use waiting. */
const smallList = 1_000;

/** So often warming endpoints and load bounds are looked at anew. */
const refreshEveryMs = 1_000;

/**
 * The endpoints of a cluster and whom to ask next. An endpoint that leaves is not picked from that moment on; one that comes is picked
 * once the balancer is built anew: at once, unless building is dear and was done a moment ago.
 */
export class Members {
  /** As the newest list has them. */
  all: readonly EndpointState[] = [];
  /** Whether the balancer looks at response times. */
  wantsLatency = false;
  readonly #clusterLoad: ClusterLoad;
  readonly #context: BalancerContext;
  #config: Cluster | undefined;
  #lineup: Lineup | undefined;
  /** The lineup lacks what came. */
  #stale = false;
  #buildAtMs = Number.NEGATIVE_INFINITY;
  #refreshAtMs = 0;
  #byToken: Map<string, EndpointState> | undefined;

  constructor(clusterLoad: ClusterLoad, context: BalancerContext) {
    this.#clusterLoad = clusterLoad;
    this.#context = context;
  }

  get panic(): boolean {
    return this.#lineup?.panic ?? false;
  }

  update(config: Cluster | undefined): void {
    const nowMs = this.#context.clock.monotonicMs();
    // Whoever is in the first list is as old as anybody: a gateway that starts tells nothing of the age of endpoints.
    const startedMs = this.all.length === 0 ? Number.NEGATIVE_INFINITY : nowMs;
    const make = (endpoint: Endpoint): EndpointState =>
      new EndpointState(endpoint, this.#clusterLoad, startedMs);
    const { states, added, gone } = matchEndpoints(this.all, config?.endpoints ?? [], make);
    for (const state of gone) {
      state.retire();
      this.#byToken?.delete(state.stickyToken);
    }
    if (this.#byToken !== undefined) for (const state of added) this.#byToken.set(state.stickyToken, state);
    this.all = states;
    this.#config = config;
    const policy = config?.balance.policy;
    this.wantsLatency = policy === 'peak-ewma' || policy === 'dubbo-shortest-response';
    this.#lineup?.leave(gone, nowMs);
    this.#stale = true;
    if (nowMs >= this.#buildAtMs || (this.#lineup?.available ?? 0) === 0) this.#build(nowMs);
  }

  pick(tried: readonly EndpointState[], keyHash: number | undefined): EndpointState | undefined {
    const state = this.#lineup?.pick(tried, keyHash);
    // Who is on trial gets one request at a time: it may still hang.
    if (state?.record.state.kind !== 'trial' || state.load.active === 0) return state;
    return this.#lineup?.pick([...tried, state], keyHash);
  }

  byToken(token: string): EndpointState | undefined {
    this.#byToken ??= new Map(this.all.map((state) => [state.stickyToken, state]));
    const state = this.#byToken.get(token);
    return state !== undefined && this.#lineup?.isAvailable(state) === true ? state : undefined;
  }

  healthChanged(): void {
    this.#lineup?.refresh(this.#context.clock.monotonicMs());
  }

  /** Returns whether there is more to do later. */
  sweep(nowMs: number): boolean {
    if (this.#stale && nowMs >= this.#buildAtMs) this.#build(nowMs);
    if (!this.#needsRefresh()) return this.#stale;
    if (nowMs >= this.#refreshAtMs) {
      this.#refreshAtMs = nowMs + refreshEveryMs;
      this.#lineup?.refresh(nowMs);
    }
    return true;
  }

  #needsRefresh(): boolean {
    const slowStart = this.#config?.slowStart;
    if (slowStart === undefined) return false;
    const nowMs = this.#context.clock.monotonicMs();
    // One window more, so that the last refresh finds everybody warm.
    return this.all.some((state) => nowMs - state.startedMs <= slowStart.windowMs + refreshEveryMs);
  }

  #build(nowMs: number): void {
    this.#stale = false;
    const { clock } = this.#context;
    this.#lineup =
      this.#config === undefined || this.all.length === 0
        ? undefined
        : new Lineup(this.#config, this.all, this.#clusterLoad, this.#context);
    this.#lineup?.refresh(nowMs);
    const tookMs = clock.monotonicMs() - nowMs;
    const cheap =
      this.all.length <= smallList && this.#config !== undefined && !isKeyed(this.#config.balance);
    this.#buildAtMs = cheap ? nowMs : nowMs + tookMs / buildShare;
  }
}

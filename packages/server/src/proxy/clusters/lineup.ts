import { type Balancer, outside } from '@portolan/core/balance/balancer.ts';
import type { ClusterLoad } from '@portolan/core/balance/endpoint-load.ts';
import { type BalancerContext, makeBalancer } from '@portolan/core/balance/make-balancer.ts';
import { fillAvailable, rank } from '@portolan/core/balance/panic.ts';
import type { Cluster } from '@portolan/core/traffic/model.ts';
import type { EndpointState } from '../endpoint-state.ts';

/** The endpoints of one list, with the balancer that was built for them. A new list gets a new lineup. */
export class Lineup {
  readonly states: readonly EndpointState[];
  readonly #available: Uint8Array;
  readonly #startedMs: number[];
  readonly #balancer: Balancer;
  readonly #panicPercent: number | undefined;
  readonly #ranks: Uint8Array;
  /** Endpoints that may be picked now. */
  available = 0;
  /** Whether endpoints are asked that are thought to be ill. */
  panic = false;

  constructor(
    config: Cluster,
    states: readonly EndpointState[],
    clusterLoad: ClusterLoad,
    context: BalancerContext,
  ) {
    this.states = states;
    this.#available = new Uint8Array(states.length);
    this.#startedMs = states.map((state) => state.startedMs);
    this.#panicPercent = config.panicPercent;
    this.#ranks = new Uint8Array(states.length);
    for (let index = 0; index < states.length; index++) (states[index] as EndpointState).index = index;
    const set = {
      size: states.length,
      weights: states.map(({ endpoint }) => (endpoint.weight === 0 ? outside : endpoint.weight)),
      available: this.#available,
      ids: states.map(({ endpoint }) => endpoint.id),
      loads: states.map((state) => state.load),
      zones: states.map(({ endpoint }) => endpoint.labels?.zone ?? ''),
      startedMs: this.#startedMs,
      clusterLoad,
    };
    this.#balancer = makeBalancer(config, set, context);
  }

  /** The endpoint to ask, not one of `tried` if there is another. Undefined: there is nobody at all. */
  pick(tried: readonly EndpointState[], keyHash: number | undefined): EndpointState | undefined {
    if (tried.length === 0) return this.states[this.#balancer.pick(keyHash)];
    const masked = tried.filter((state) => this.isAvailable(state));
    for (const state of masked) this.#available[state.index] = 0;
    const index = this.#balancer.pick(keyHash);
    for (const state of masked) this.#available[state.index] = 1;
    return this.states[index] ?? this.states[this.#balancer.pick(keyHash)];
  }

  isAvailable(state: EndpointState): boolean {
    return this.states[state.index] === state && this.#available[state.index] === 1;
  }

  /** Health has changed, or time went by. Costs a pass over the endpoints. */
  refresh(nowMs: number): void {
    for (let index = 0; index < this.states.length; index++) {
      const state = this.states[index] as EndpointState;
      this.#startedMs[index] = state.startedMs;
      this.#ranks[index] = rankOf(state);
    }
    const { count, panic } = fillAvailable(this.#ranks, this.#available, this.#panicPercent);
    this.available = count;
    this.panic = panic;
    this.#balancer.refresh?.(nowMs);
  }

  /** Endpoints that left the list are not picked any more. */
  leave(gone: readonly EndpointState[], nowMs: number): void {
    for (const state of gone) {
      if (!this.isAvailable(state)) continue;
      this.#available[state.index] = 0;
      this.available--;
    }
    if (gone.length > 0) this.#balancer.refresh?.(nowMs);
  }
}

function rankOf(state: EndpointState): number {
  const { endpoint, record } = state;
  if (state.retired || endpoint.weight === 0) return rank.never;
  if (endpoint.state === 'draining') return rank.draining;
  if (record.state.kind === 'ejected')
    return record.state.cause === 'refused' ? rank.refusing : rank.suspected;
  return state.check.state === 'failing' ? rank.suspected : rank.healthy;
}

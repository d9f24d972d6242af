import { type Balancer, outside } from '@portolan/core/balance/balancer.ts';
import type { ClusterLoad } from '@portolan/core/balance/endpoint-load.ts';
import type { Cluster } from '@portolan/core/traffic/model.ts';
import type { EndpointState } from '../endpoint-state.ts';
import { type BalancerContext, makeBalancer } from './make-balancer.ts';

/** Envoy's `healthy_panic_threshold`. */
const defaultPanicPercent = 50;

/** How much is to be said against asking an endpoint: the least objectionable ones are asked. */
const healthy = 0;
/** Somebody thinks it is ill: outlier detection, or a check. May be wrong, and in panic is not believed. */
const suspected = 1;
/** Nobody listens there; that is certain. */
const refusing = 2;
const draining = 3;
const never = 4;

/** The endpoints of one list, with the balancer that was built for them. A new list gets a new lineup. */
export class Lineup {
  readonly states: readonly EndpointState[];
  readonly #available: Uint8Array;
  readonly #startedMs: number[];
  readonly #balancer: Balancer;
  readonly #panicPercent: number;
  /** Counts by rank, used again. */
  readonly #counts = new Uint32Array(never + 1);
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
    this.#panicPercent = config.panicPercent ?? defaultPanicPercent;
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
    const counts = this.#counts.fill(0);
    for (const state of this.states) {
      this.#startedMs[state.index] = state.startedMs;
      const rank = rankOf(state);
      counts[rank] = (counts[rank] as number) + 1;
    }
    const worst = this.#worstAsked();
    this.panic = worst === suspected && (counts[suspected] as number) > 0;
    this.available = 0;
    for (let index = 0; index < this.states.length; index++) {
      const rank = rankOf(this.states[index] as EndpointState);
      const open = worst === suspected ? rank <= suspected : rank === worst;
      this.#available[index] = open ? 1 : 0;
      if (open) this.available++;
    }
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

  /**
   * The last rank that is asked. A refused connection is no matter of opinion, so panic is about the others. When there is nobody better,
   * whoever is there is asked: a wrong guess about health must not become an outage, unless that is what the threshold of 0 asks for.
   */
  #worstAsked(): number {
    const [fit = 0, ill = 0, absent = 0] = this.#counts;
    if (fit * 100 < this.#panicPercent * (fit + ill)) return suspected;
    if (fit > 0 || (this.#panicPercent === 0 && ill + absent > 0)) return healthy;
    if (ill > 0) return suspected;
    return absent > 0 ? refusing : draining;
  }
}

function rankOf(state: EndpointState): number {
  const { endpoint, record } = state;
  if (state.retired || endpoint.weight === 0) return never;
  if (endpoint.state === 'draining') return draining;
  if (record.state.kind === 'ejected') return record.state.cause === 'refused' ? refusing : suspected;
  return state.check.state === 'failing' ? suspected : healthy;
}

import type { Balancer } from '@portolan/core/balance/balancer.ts';
import { createRoundRobin } from '@portolan/core/balance/round-robin.ts';
import type { Clock, Random } from '@portolan/core/base/clock.ts';
import { newOutlierRecord, type Outcome, OutlierDetector } from '@portolan/core/resilience/outlier.ts';
import type { Cluster } from '@portolan/core/traffic/model.ts';
import type { ConnectGuard } from './connect-guard.ts';
import { EndpointState } from './endpoint-state.ts';
import type { GatewayLimits } from './limits.ts';
import { type ClusterReport, ClusterStats } from './stats.ts';
import type { Sweeper, Swept } from './sweeper.ts';
import { UpstreamConnection, type UpstreamUser } from './upstream-connection.ts';

export interface ClusterContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: GatewayLimits;
  readonly guard: ConnectGuard;
  readonly sweeper: Sweeper;
}

/** A request that waits for a connection to become free. */
export interface PendingRequest {
  /** A connection may be had now. */
  onTurn(): void;
}

/** An ejected endpoint is tried after this long, then ever more rarely. */
const firstProbeMs = 250;
const slowestProbeMs = 5_000;

/**
 * One cluster in one worker: its endpoints, whom to ask next, who is out. Lives as long as a route names it, whether the model has
 * it or not (then it has no endpoints).
 */
export class ClusterState implements Swept {
  readonly name: string;
  readonly stats = new ClusterStats();
  config: Cluster | undefined;
  sweepIndex = -1;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #limits: GatewayLimits;
  readonly #sweeper: Sweeper;
  readonly #guard: ConnectGuard;
  #endpoints: readonly EndpointState[] = [];
  #available = new Uint8Array(0);
  #balancer: Balancer | undefined;
  #detector: OutlierDetector | undefined;
  #availableCount = 0;
  #busy = 0;
  readonly #pending: PendingRequest[] = [];

  constructor(name: string, context: ClusterContext) {
    this.name = name;
    this.#clock = context.clock;
    this.#random = context.random;
    this.#limits = context.limits;
    this.#sweeper = context.sweeper;
    this.#guard = context.guard;
  }

  /** Connections that carry something or are being made. */
  get busy(): number {
    return this.#busy;
  }

  /** Takes the newest settings and endpoints; those that stay keep their connections and their health. */
  update(config: Cluster | undefined): void {
    const before = new Map(this.#endpoints.map((state) => [identity(state.endpoint), state]));
    const detector = config === undefined ? undefined : new OutlierDetector(config.outlier);
    this.#endpoints = (config?.endpoints ?? []).map((endpoint, index) => {
      const known = before.get(identity(endpoint));
      before.delete(identity(endpoint));
      const state = known ?? new EndpointState(endpoint, newOutlierRecord());
      state.endpoint = endpoint;
      state.index = index;
      detector?.adopt(state.record);
      return state;
    });
    for (const gone of before.values()) gone.retire();
    this.config = config;
    this.#detector = detector;
    const size = this.#endpoints.length;
    this.#available = new Uint8Array(size);
    const weights = this.#endpoints.map((state) => state.endpoint.weight);
    const set = { size, weights, available: this.#available };
    this.#balancer = size === 0 ? undefined : createRoundRobin(set, this.#random);
    this.#countAvailable();
  }

  /**
   * The endpoint to ask, not `tried` if there is another. When every one is ejected or draining all are asked all the same: a
   * wrong guess about health must not become an outage. Undefined: there is none.
   */
  pick(tried: EndpointState | undefined): EndpointState | undefined {
    if (this.#availableCount === 0) return this.#pickAny(tried);
    const available = this.#available;
    const skip = tried !== undefined && !tried.retired && available[tried.index] === 1 ? tried.index : -1;
    if (skip !== -1) available[skip] = 0;
    const index = this.#balancer?.pick() ?? -1;
    if (skip !== -1) available[skip] = 1;
    return this.#endpoints[index] ?? (skip === -1 ? undefined : tried);
  }

  /** An idle connection, a new one, or `pending` is queued (`undefined`), or there is no room at all (`'full'`). */
  connect(
    endpoint: EndpointState,
    user: UpstreamUser,
    pending: PendingRequest,
  ): UpstreamConnection | 'full' | undefined {
    const idle = endpoint.takeIdle();
    if (idle !== undefined) {
      idle.use(user);
      this.#busy++;
      return idle;
    }
    if (this.#busy >= (this.config?.maxConnections ?? 1)) {
      if (this.#pending.length >= (this.config?.maxPendingRequests ?? 0)) return 'full';
      this.#pending.push(pending);
      return undefined;
    }
    return this.connectAnew(endpoint, user);
  }

  /** A new connection, whatever is pooled. */
  connectAnew(endpoint: EndpointState, user: UpstreamUser): UpstreamConnection {
    this.#busy++;
    this.stats.add('connections');
    return new UpstreamConnection(endpoint, this.#guard, user);
  }

  /** The connection is clean and may carry another request. `keepAliveMs` is what the server said of its patience. */
  release(connection: UpstreamConnection, nowMs: number, keepAliveMs: number | undefined): void {
    this.#busy--;
    const { upstreamIdleMs, maxIdlePerEndpoint } = this.#limits;
    // A second less than the server says: it may count from earlier than we do.
    const idleMs = keepAliveMs === undefined ? upstreamIdleMs : Math.min(upstreamIdleMs, keepAliveMs - 1_000);
    if (idleMs <= 0) connection.destroy();
    else connection.endpoint.keep(connection, nowMs + idleMs, maxIdlePerEndpoint);
    this.#watch();
    this.#nextTurn();
  }

  /** The connection is of no more use, or gone already. */
  drop(connection: UpstreamConnection): void {
    this.#busy--;
    connection.destroy();
    this.#nextTurn();
  }

  leaveQueue(pending: PendingRequest): void {
    const at = this.#pending.indexOf(pending);
    if (at !== -1) this.#pending.splice(at, 1);
  }

  outcome(endpoint: EndpointState, outcome: Outcome): void {
    if (outcome !== 'ok') endpoint.failures++;
    else if (endpoint.record.state.kind === 'in' && clean(endpoint)) return;
    const nowMs = this.#clock.monotonicMs();
    const ejected = this.#detector?.report(endpoint.record, outcome, this.#endpoints.length, nowMs);
    if (ejected !== true) return;
    this.stats.add('ejections');
    endpoint.probes = 0;
    endpoint.probeAtMs = nowMs + firstProbeMs;
    endpoint.closeIdle(Number.POSITIVE_INFINITY);
    this.#watch();
    this.#countAvailable();
  }

  sweep(nowMs: number): void {
    let changed = false;
    let watching = false;
    for (const endpoint of this.#endpoints) {
      if (endpoint.idleCount > 0) endpoint.closeIdle(nowMs);
      if (endpoint.idleCount > 0) watching = true;
      if (endpoint.record.state.kind !== 'ejected') continue;
      watching = true;
      if (this.#detector?.expire(endpoint.record, nowMs) === true) changed = true;
      else if (nowMs >= endpoint.probeAtMs) this.#probe(endpoint, nowMs);
    }
    if (changed) this.#countAvailable();
    if (!watching) this.#sweeper.remove(this);
  }

  report(): ClusterReport {
    return {
      name: this.name,
      counts: [...this.stats.counts],
      durations: [...this.stats.durations],
      durationSumMs: this.stats.durationSumMs,
      busy: this.#busy,
      pending: this.#pending.length,
      endpoints: this.#endpoints.map((endpoint) => endpoint.report()),
    };
  }

  #pickAny(tried: EndpointState | undefined): EndpointState | undefined {
    const { length } = this.#endpoints;
    const start = Math.floor(this.#random() * length);
    let best: EndpointState | undefined;
    for (let step = 0; step < length; step++) {
      const endpoint = this.#endpoints[(start + step) % length] as EndpointState;
      if (best === undefined || panicRank(endpoint, tried) < panicRank(best, tried)) best = endpoint;
    }
    return best;
  }

  /** One connection, no request: an endpoint that was only unreachable comes back as soon as it can be reached. */
  #probe(endpoint: EndpointState, nowMs: number): void {
    endpoint.probes++;
    const backOffMs = Math.min(slowestProbeMs, firstProbeMs * 2 ** endpoint.probes);
    endpoint.probeAtMs = nowMs + backOffMs * (0.5 + this.#random() / 2);
    endpoint.probe?.destroy();
    const probe: UpstreamConnection = new UpstreamConnection(endpoint, this.#guard, {
      onUpstreamConnected: () => {
        probe.destroy();
        if (!endpoint.retired && this.#detector?.probed(endpoint.record) === true) this.#countAvailable();
      },
      onUpstreamBytes: () => undefined,
      onUpstreamEnd: () => undefined,
      onUpstreamDrain: () => undefined,
      onUpstreamClose: () => undefined,
    });
    endpoint.probe = probe;
  }

  /** Only a cluster with idle connections or ejected endpoints has deadlines: a gateway may have thousands at rest. */
  #watch(): void {
    if (this.sweepIndex < 0) this.#sweeper.add(this);
  }

  #nextTurn(): void {
    if (this.#pending.length > 0) this.#pending.shift()?.onTurn();
  }

  #countAvailable(): void {
    let count = 0;
    for (const state of this.#endpoints) {
      const open = state.endpoint.state === 'healthy' && state.record.state.kind !== 'ejected';
      this.#available[state.index] = open ? 1 : 0;
      if (open) count++;
    }
    this.#availableCount = count;
  }
}

function clean(endpoint: EndpointState): boolean {
  return endpoint.record.consecutive5xx === 0 && endpoint.record.consecutiveLocalFailures === 0;
}

/** In panic: rather one that is only ejected than one that drains, and rather any than the one just tried. */
function panicRank(endpoint: EndpointState, tried: EndpointState | undefined): number {
  return (endpoint.endpoint.state === 'draining' ? 2 : 0) + (endpoint === tried ? 1 : 0);
}

/** A changed address is another endpoint: old connections and old health say nothing about it. */
function identity(endpoint: { id: string; address: string; port: number }): string {
  return `${endpoint.id} ${endpoint.address} ${endpoint.port}`;
}

import { ClusterLoad } from '@portolan/core/balance/endpoint-load.ts';
import { isKeyed } from '@portolan/core/balance/make-balancer.ts';
import type { Clock, Random } from '@portolan/core/base/clock.ts';
import { type BreakerKind, CircuitBreaker } from '@portolan/core/resilience/circuit-breaker.ts';
import type { Outcome } from '@portolan/core/resilience/outlier.ts';
import type { Certificate, Cluster, UpstreamTls } from '@portolan/core/traffic/model.ts';
import { ActiveChecks } from './clusters/active-checks.ts';
import { Admission } from './clusters/admission.ts';
import { thresholdsOf } from './clusters/breaker-thresholds.ts';
import { CheckGate } from './clusters/check-gate.ts';
import { Members } from './clusters/members.ts';
import { OutlierWatch } from './clusters/outlier-watch.ts';
import type { ConnectGuard } from './connect-guard.ts';
import type { ConnectionEnds } from './connection-ends.ts';
import type { EndpointState } from './endpoint-state.ts';
import type { GatewayLimits } from './limits.ts';
import { proxyHeader } from './proxy-protocol/write.ts';
import { type ClusterReport, ClusterStats } from './stats.ts';
import type { Sweeper, Swept } from './sweeper.ts';
import { type Channel, ClusterTls, clearChannel, withPreface } from './upstream/cluster-tls.ts';
import { UpstreamConnection, type UpstreamUser } from './upstream-connection.ts';

export interface ClusterContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: GatewayLimits;
  readonly guard: ConnectGuard;
  readonly sweeper: Sweeper;
  /** Where this gateway is; default: unknown. */
  readonly zone?: string;
  /** The certificates that may be shown to endpoints, by name; default: none. */
  readonly certificate?: (name: string) => Certificate | undefined;
  /** Shared by the clusters of a worker; default: one of its own. */
  readonly checkGate?: CheckGate;
}

/** A request that waits for a connection to become free. */
export interface PendingRequest {
  /** A connection may be had now. */
  onTurn(): void;
}

const nobody: readonly EndpointState[] = Object.freeze([]);

/**
 * One cluster in one worker: its endpoints, whom to ask next, who is out, how much is under way. Lives as long as a route names it,
 * whether the model has it or not (then it has no endpoints).
 */
export class ClusterState implements Swept {
  readonly name: string;
  readonly stats = new ClusterStats();
  readonly breaker = new CircuitBreaker(thresholdsOf(undefined));
  /** How many requests it takes at all. */
  readonly admission: Admission;
  config: Cluster | undefined;
  sweepIndex = -1;
  readonly #context: ClusterContext;
  readonly #load = new ClusterLoad();
  readonly #members: Members;
  readonly #outliers: OutlierWatch;
  readonly #checks: ActiveChecks;
  readonly #pending: PendingRequest[] = [];
  /** Somebody asked since the last sweep. */
  #used = false;
  #tls: ClusterTls | undefined;

  constructor(name: string, context: ClusterContext) {
    this.name = name;
    this.#context = context;
    const { clock, random, guard, zone = '', checkGate: gate = new CheckGate() } = context;
    this.admission = new Admission(clock, random);
    this.#members = new Members(this.#load, { clock, random, zone });
    this.#outliers = new OutlierWatch(
      context,
      () => this.#members.healthChanged(),
      () => this.stats.durationMs(0.9),
    );
    this.#checks = new ActiveChecks(
      { clock, random, guard, gate, channel: (host) => this.channel(host) },
      {
        onChecked: (_, passed) => this.stats.add(passed ? 'checks' : 'check_failures'),
        onCheckChange: () => this.#members.healthChanged(),
      },
    );
  }

  get random(): Random {
    return this.#context.random;
  }

  get guard(): ConnectGuard {
    return this.#context.guard;
  }

  /**
   * What kind of connection a request for `host` (without port; empty: none) needs.
   *
   * @param client whose request it is; looked at only where endpoints are told. Undefined: our own
   */
  channel(host: string, client?: { readonly ends?: ConnectionEnds }): Channel {
    const { tls: settings, proxyProtocol } = this.config ?? {};
    const channel = settings === undefined ? clearChannel : this.#tlsFor(settings).channel(host);
    if (proxyProtocol === undefined) return channel;
    const ends = client?.ends;
    return withPreface(channel, proxyHeader(proxyProtocol, ends?.source, ends?.destination));
  }

  #tlsFor(settings: UpstreamTls): ClusterTls {
    const { certificate: name } = settings;
    const certificate = name === undefined ? undefined : this.#context.certificate?.(name);
    if (this.#tls?.fits(settings, certificate) !== true) this.#tls = new ClusterTls(settings, certificate);
    return this.#tls;
  }

  /** Connections that carry something or are being made. */
  get busy(): number {
    return this.breaker.count('connections');
  }

  /** Takes the newest settings and endpoints; those that stay keep their connections, their load and their health. */
  update(config: Cluster | undefined): void {
    this.config = config;
    this.breaker.configure(thresholdsOf(config));
    this.admission.configure(config?.adaptiveConcurrency);
    this.#members.update(config);
    const evenly = config !== undefined && !isKeyed(config.balance);
    this.#outliers.configure(config?.outlier, this.#members.all, evenly);
    this.#checks.configure(config?.activeCheck, this.#members.all);
    if (config !== undefined) this.#watch();
  }

  /**
   * The endpoint to ask, not `tried` if there is another. Nobody better being there, one that is thought to be ill is asked all the same.
   * Undefined: there is none.
   *
   * @param keyHash `hashKey` of what the cluster's balancing asks for; see `keyOf`
   */
  pick(tried: EndpointState | undefined, keyHash?: number): EndpointState | undefined {
    return this.#members.pick(tried === undefined ? nobody : [tried], keyHash);
  }

  /** The same for a request that was tried at several already. */
  pickOther(tried: readonly EndpointState[], keyHash?: number): EndpointState | undefined {
    return this.#members.pick(tried, keyHash);
  }

  /** The endpoint that a sticky cookie names (see `EndpointState.stickyToken`), if it may be asked now. */
  pickSticky(token: string): EndpointState | undefined {
    return this.#members.byToken(token);
  }

  /** An idle connection, a new one, or `pending` is queued (`undefined`), or there is no room at all (`'full'`). */
  connect(
    endpoint: EndpointState,
    user: UpstreamUser,
    pending: PendingRequest,
    channel = this.channel(''),
  ): UpstreamConnection | 'full' | undefined {
    const { breaker } = this;
    this.#used = true;
    if (!breaker.hasRoom('requests')) return this.#overflow('requests');
    const idle = endpoint.takeIdle(channel);
    if (idle !== undefined) {
      idle.use(user);
      breaker.enter('connections');
      return idle;
    }
    if (breaker.hasRoom('connections')) return this.connectAnew(endpoint, user, channel);
    if (!breaker.acquire('pending')) return this.#overflow('pending');
    this.#pending.push(pending);
    return undefined;
  }

  /** A new connection, whatever is pooled. */
  connectAnew(endpoint: EndpointState, user: UpstreamUser, channel = this.channel('')): UpstreamConnection {
    this.breaker.enter('connections');
    this.stats.add('connections');
    return new UpstreamConnection(endpoint, this.#context.guard, user, channel);
  }

  /** The connection is clean and may carry another request. `keepAliveMs` is what the server said of its patience. */
  release(connection: UpstreamConnection, nowMs: number, keepAliveMs: number | undefined): void {
    this.breaker.release('connections');
    const { limits } = this.#context;
    const ourMs = this.config?.idleTimeoutMs ?? limits.upstreamIdleMs;
    // A second less than the server says: it may count from earlier than we do.
    const idleMs = keepAliveMs === undefined ? ourMs : Math.min(ourMs, keepAliveMs - 1_000);
    const most = this.config?.maxRequestsPerConnection ?? 0;
    if (idleMs <= 0 || (most > 0 && connection.uses >= most)) connection.destroy();
    else connection.endpoint.keep(connection, nowMs + idleMs, limits.maxIdlePerEndpoint);
    this.#watch();
    this.#nextTurn();
  }

  /** The connection is of no more use, or gone already. */
  drop(connection: UpstreamConnection): void {
    this.breaker.release('connections');
    connection.destroy();
    this.#nextTurn();
  }

  /** A connection for many requests at once, which minds itself. */
  sessionOpened(endpoint: EndpointState): void {
    this.breaker.enter('connections');
    this.stats.add('connections');
    endpoint.busy++;
  }

  sessionClosed(endpoint: EndpointState): void {
    this.breaker.release('connections');
    endpoint.busy--;
    this.#nextTurn();
  }

  leaveQueue(pending: PendingRequest): void {
    const at = this.#pending.indexOf(pending);
    if (at === -1) return;
    this.#pending.splice(at, 1);
    this.breaker.release('pending');
  }

  /** A try is sent to `endpoint`; `tryEnded` follows once. */
  tryBegan(endpoint: EndpointState): void {
    this.breaker.enter('requests');
    endpoint.load.started();
  }

  /** The response began, or will not come: what that took counts for balancers that look at it. */
  tryAnswered(endpoint: EndpointState, sentMs: number, succeeded: boolean): void {
    if (!this.#members.wantsLatency) return;
    const nowMs = this.#context.clock.monotonicMs();
    endpoint.load.observed(nowMs - sentMs, succeeded, nowMs);
  }

  tryEnded(endpoint: EndpointState): void {
    this.breaker.release('requests');
    endpoint.load.ended();
  }

  outcome(endpoint: EndpointState, outcome: Outcome): void {
    if (!this.#outliers.outcome(endpoint, outcome)) return;
    this.stats.add('ejections');
    this.#watch();
  }

  sweep(nowMs: number): void {
    const building = this.#members.sweep(nowMs);
    const { ejected, watching: more } = this.#outliers.sweep(nowMs);
    if (ejected > 0) this.stats.add('ejections', ejected);
    const asked = this.breaker.count('requests') > 0;
    let watching = this.#checks.sweep(nowMs, this.#used) || more || building || asked;
    this.#used = false;
    for (const endpoint of this.#members.all) {
      if (endpoint.idleCount > 0) endpoint.closeIdle(nowMs);
      if (endpoint.idleCount > 0) watching = true;
    }
    if (!watching) this.#context.sweeper.remove(this);
  }

  report(): ClusterReport {
    return {
      name: this.name,
      counts: [...this.stats.counts],
      durations: [...this.stats.durations],
      durationSumMs: this.stats.durationSumMs,
      busy: this.busy,
      pending: this.#pending.length,
      underWay: this.breaker.count('requests'),
      retrying: this.breaker.count('retries'),
      panic: this.#members.panic,
      endpoints: this.#members.all.map((endpoint) => endpoint.report()),
    };
  }

  #overflow(kind: BreakerKind): 'full' {
    if (kind === 'requests') this.stats.add('request_overflows');
    return 'full';
  }

  /** Only a cluster with idle connections, ejected endpoints or the like has deadlines: a gateway may have thousands at rest. */
  #watch(): void {
    if (this.sweepIndex < 0) this.#context.sweeper.add(this);
  }

  #nextTurn(): void {
    const next = this.#pending.shift();
    if (next === undefined) return;
    this.breaker.release('pending');
    next.onTurn();
  }
}

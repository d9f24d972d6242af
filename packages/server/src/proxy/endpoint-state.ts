import { type ClusterLoad, EndpointLoad } from '@portolan/core/balance/endpoint-load.ts';
import { stickyToken } from '@portolan/core/balance/sticky.ts';
import { newSilenceRecord } from '@portolan/core/resilience/hang-detection.ts';
import { newOutlierRecord } from '@portolan/core/resilience/outlier.ts';
import { newTally } from '@portolan/core/resilience/outlier-statistics.ts';
import type { Endpoint } from '@portolan/core/traffic/model.ts';
import { newCheckRecord } from './clusters/check-thresholds.ts';
import type { EndpointReport } from './stats.ts';
import type { Channel } from './upstream/cluster-tls.ts';
import { SessionPool } from './upstream/session-pool.ts';
import type { UpstreamConnection } from './upstream-connection.ts';

/**
 * One endpoint of one cluster as a worker knows it: its connections, its load, its health. All of it outlives changes of the list, of the
 * cluster's settings and of the balancer.
 */
export class EndpointState {
  /** The newest record; its address and port never change (a moved instance is a new endpoint). */
  endpoint: Endpoint;
  readonly record = newOutlierRecord();
  readonly load: EndpointLoad;
  /** Of the interval of outlier detection that is under way. */
  readonly tally = newTally();
  /** What our own checks say. */
  readonly check = newCheckRecord();
  /** Since when it is a healthy member (monotonic); -Infinity: since before anybody looked. */
  startedMs: number;
  /** Its place in the cluster's lineup; -1: in none yet. */
  index = -1;
  /** No longer in the model: what is under way finishes, nothing is pooled. */
  retired = false;
  /** Connections that carry something or are being made. */
  busy = 0;
  requests = 0;
  /** How often something of a response came: whoever sees it unchanged has heard nothing. */
  heard = 0;
  /** How that compares with the others. */
  readonly silence = newSilenceRecord();
  failures = 0;
  /** When an ejected one is next tried by a bare connection, and how often it was. */
  probeAtMs = 0;
  probes = 0;
  probe: UpstreamConnection | undefined;
  /** Last in, first out: the warmest connection is used, the others get old and are closed. */
  readonly #idle: UpstreamConnection[] = [];
  #stickyToken: string | undefined;
  /** HTTP/2. */
  readonly sessions = new SessionPool();

  constructor(endpoint: Endpoint, clusterLoad: ClusterLoad, startedMs: number) {
    this.endpoint = endpoint;
    this.load = new EndpointLoad(clusterLoad);
    this.startedMs = startedMs;
  }

  get address(): string {
    return this.endpoint.address;
  }

  get port(): number {
    return this.endpoint.port;
  }

  /** Ejected because it takes requests and answers none. */
  get hangs(): boolean {
    const { state } = this.record;
    return state.kind === 'ejected' && state.cause === 'no-answer';
  }

  get idleCount(): number {
    return this.#idle.length;
  }

  /** What a sticky cookie says that leads here. */
  get stickyToken(): string {
    this.#stickyToken ??= stickyToken(this.endpoint.id);
    return this.#stickyToken;
  }

  /** One that may stand in for a new one of this kind. */
  takeIdle(channel: Channel): UpstreamConnection | undefined {
    const last = this.#idle.pop();
    if (last === undefined || last.fits(channel)) return last;
    this.#idle.push(last);
    const at = this.#idle.findLastIndex((connection) => connection.fits(channel));
    return at === -1 ? undefined : this.#idle.splice(at, 1)[0];
  }

  /** Keeps a connection for the next request, or closes it when there are enough. */
  keep(connection: UpstreamConnection, untilMs: number, maxIdle: number): void {
    if (this.retired || this.#idle.length >= maxIdle) {
      connection.destroy();
      return;
    }
    connection.rest(untilMs);
    this.#idle.push(connection);
  }

  forget(connection: UpstreamConnection): void {
    const at = this.#idle.indexOf(connection);
    if (at !== -1) this.#idle.splice(at, 1);
  }

  /** Closes the connections that were idle too long. They are the oldest, at the bottom, as a rule. */
  closeIdle(nowMs: number): void {
    let kept = 0;
    for (const connection of this.#idle) {
      if (connection.idleUntilMs > nowMs) this.#idle[kept++] = connection;
      else connection.destroy();
    }
    this.#idle.length = kept;
  }

  retire(): void {
    this.retired = true;
    this.probe?.destroy();
    this.check.cancel?.();
    this.closeIdle(Number.POSITIVE_INFINITY);
    this.sessions.retire();
  }

  report(): EndpointReport {
    const { id, address, port, weight } = this.endpoint;
    return {
      ...{ id, address, port, weight },
      state: this.#reportedState(),
      ejections: this.record.ejections,
      busy: this.busy,
      idle: this.#idle.length,
      requests: this.requests,
      failures: this.failures,
      check: this.check.state,
    };
  }

  #reportedState(): EndpointReport['state'] {
    if (this.record.state.kind !== 'in') return this.record.state.kind;
    return this.check.state === 'failing' ? 'failing' : this.endpoint.state;
  }
}

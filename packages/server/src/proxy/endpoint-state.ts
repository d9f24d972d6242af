import type { OutlierRecord } from '@portolan/core/resilience/outlier.ts';
import type { Endpoint } from '@portolan/core/traffic/model.ts';
import type { EndpointReport } from './stats.ts';
import type { UpstreamConnection } from './upstream-connection.ts';

/** One endpoint of one cluster as a worker knows it: its connections and its passive health. */
export class EndpointState {
  /** The newest record; its address and port never change (a moved instance is a new endpoint). */
  endpoint: Endpoint;
  readonly record: OutlierRecord;
  /** Its place in the cluster's list. */
  index = -1;
  /** No longer in the model: what is under way finishes, nothing is pooled. */
  retired = false;
  /** Connections that carry something or are being made. */
  busy = 0;
  requests = 0;
  failures = 0;
  /** When an ejected one is next tried by a bare connection, and how often it was. */
  probeAtMs = 0;
  probes = 0;
  probe: UpstreamConnection | undefined;
  /** Last in, first out: the warmest connection is used, the others get old and are closed. */
  readonly #idle: UpstreamConnection[] = [];

  constructor(endpoint: Endpoint, record: OutlierRecord) {
    this.endpoint = endpoint;
    this.record = record;
  }

  get address(): string {
    return this.endpoint.address;
  }

  get port(): number {
    return this.endpoint.port;
  }

  get idleCount(): number {
    return this.#idle.length;
  }

  takeIdle(): UpstreamConnection | undefined {
    return this.#idle.pop();
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
    this.closeIdle(Number.POSITIVE_INFINITY);
  }

  report(): EndpointReport {
    const { id, address, port, weight } = this.endpoint;
    const health = this.record.state.kind;
    return {
      ...{ id, address, port, weight },
      state: health === 'in' ? this.endpoint.state : health,
      ejections: this.record.ejections,
      busy: this.busy,
      idle: this.#idle.length,
      requests: this.requests,
      failures: this.failures,
    };
  }
}

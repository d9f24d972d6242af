import type { Outcome } from '@portolan/core/resilience/outlier.ts';
import type { ClusterState, PendingRequest } from './cluster-state.ts';
import { connectOutcome } from './connect-error.ts';
import type { EndpointState } from './endpoint-state.ts';
import type { Plane } from './plane.ts';
import type { Swept } from './sweeper.ts';
import { startTunnel } from './tunnel.ts';
import type { UpstreamConnection, UpstreamUser } from './upstream-connection.ts';
import { type TcpHandle, Wire, type WireOwner } from './wire.ts';

/** Endpoints that are tried for one connection before it is given up. */
const maxTries = 3;

type TcpState =
  | { readonly kind: 'queued'; readonly deadlineMs: number }
  | { readonly kind: 'connecting'; readonly connection: UpstreamConnection; readonly deadlineMs: number }
  | { readonly kind: 'over' };

const over: TcpState = { kind: 'over' };

/** A connection of a TCP listener until it is joined to an endpoint's: nothing is sent before, so any endpoint may be tried. */
class TcpConnection implements WireOwner, UpstreamUser, PendingRequest, Swept {
  sweepIndex = -1;
  readonly #plane: Plane;
  readonly #cluster: ClusterState;
  readonly #wire: Wire;
  #state: TcpState = { kind: 'queued', deadlineMs: Number.POSITIVE_INFINITY };
  #endpoint: EndpointState | undefined;
  #tries = 0;
  #ahead: Buffer | undefined;
  #ended = false;

  constructor(plane: Plane, cluster: ClusterState, handle: TcpHandle) {
    this.#plane = plane;
    this.#cluster = cluster;
    this.#wire = Wire.accept(handle, this);
    this.#wire.pause();
    plane.sweeper.add(this);
    this.#attempt();
  }

  onTurn(): void {
    if (this.#state.kind === 'queued') this.#attempt();
  }

  sweep(nowMs: number): void {
    const state = this.#state;
    if (state.kind === 'over' || nowMs < state.deadlineMs) return;
    if (state.kind === 'connecting') this.#failed(state.connection, 'local-failure');
    else this.#giveUp();
  }

  /** Octets that were on their way before reading stopped. */
  onBytes(bytes: Buffer, start: number, end: number): void {
    this.#ahead = Buffer.concat([this.#ahead ?? Buffer.alloc(0), bytes.subarray(start, end)]);
  }

  onEnd(): void {
    this.#ended = true;
  }

  onDrain(): void {}

  onClose(): void {
    this.#leave();
  }

  onUpstreamConnected(): void {
    const state = this.#state;
    if (state.kind !== 'connecting') return;
    this.#state = over;
    this.#plane.sweeper.remove(this);
    this.#cluster.outcome(state.connection.endpoint, 'ok');
    this.#cluster.stats.add('responses_2xx');
    const release = (): void => this.#cluster.drop(state.connection);
    const before = { early: undefined, ahead: this.#ahead };
    startTunnel(this.#plane, this.#wire, state.connection, before, release);
    if (this.#ended) state.connection.wire.end();
  }

  onUpstreamBytes(): void {}

  onUpstreamEnd(): void {}

  onUpstreamDrain(): void {}

  onUpstreamClose(error: Error | undefined): void {
    if (this.#state.kind === 'connecting') this.#failed(this.#state.connection, connectOutcome(error));
  }

  #attempt(): void {
    const cluster = this.#cluster;
    const endpoint = cluster.pick(this.#endpoint);
    if (endpoint === undefined) {
      cluster.stats.add('no_endpoint');
      this.#giveUp();
      return;
    }
    this.#endpoint = endpoint;
    const connection = cluster.connect(endpoint, this, this);
    const deadlineMs = this.#plane.clock.monotonicMs() + (cluster.config?.connectTimeoutMs ?? 0);
    if (connection === 'full') {
      cluster.stats.add('overflows');
      this.#giveUp();
    } else if (connection === undefined) {
      this.#state = { kind: 'queued', deadlineMs };
    } else {
      endpoint.requests++;
      this.#state = { kind: 'connecting', connection, deadlineMs };
    }
  }

  #failed(connection: UpstreamConnection, outcome: Outcome | undefined): void {
    const cluster = this.#cluster;
    cluster.stats.add('connect_failures');
    if (outcome !== undefined) cluster.outcome(connection.endpoint, outcome);
    cluster.drop(connection);
    this.#state = { kind: 'queued', deadlineMs: Number.POSITIVE_INFINITY };
    if (++this.#tries >= maxTries) {
      this.#giveUp();
      return;
    }
    cluster.stats.add('retries');
    this.#attempt();
  }

  #giveUp(): void {
    this.#cluster.stats.add('no_response');
    this.#leave();
    this.#wire.abort();
  }

  #leave(): void {
    const state = this.#state;
    this.#state = over;
    this.#plane.sweeper.remove(this);
    if (state.kind === 'queued') this.#cluster.leaveQueue(this);
    else if (state.kind === 'connecting') this.#cluster.drop(state.connection);
  }
}

/** Takes a connection of a TCP listener that leads to `cluster`. */
export function acceptTcp(plane: Plane, cluster: ClusterState, handle: TcpHandle): void {
  new TcpConnection(plane, cluster, handle);
}

import type { Outcome } from '@portolan/core/resilience/outlier.ts';
import type { ClusterState, PendingRequest } from './cluster-state.ts';
import { connectOutcome } from './connect-error.ts';
import type { EndpointState } from './endpoint-state.ts';
import type { Plane } from './plane.ts';
import type { AddressAndPort } from './proxy-protocol/read.ts';
import { type SourceAffinity, sourceHash } from './source-affinity.ts';
import type { Swept } from './sweeper.ts';
import { startTunnel } from './tunnel.ts';
import type { UpstreamConnection, UpstreamUser } from './upstream-connection.ts';
import type { Wire, WireOwner } from './wire.ts';

/** Who wants to be joined to an endpoint. */
export interface TcpClient {
  /** Nobody's. */
  readonly wire: Wire;
  /** Octets that came already: the endpoint gets them first. */
  readonly ahead: Buffer | undefined;
  readonly source: AddressAndPort;
  /** Where the connection was received. */
  readonly destination: AddressAndPort;
}

/** Keeps the client at the endpoint that it gets now, for so long after it came last. */
export interface TcpBond {
  readonly affinity: SourceAffinity;
  readonly forMs: number;
}

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
  readonly #client: TcpClient;
  readonly #bond: TcpBond | undefined;
  readonly #wire: Wire;
  #state: TcpState = { kind: 'queued', deadlineMs: Number.POSITIVE_INFINITY };
  #endpoint: EndpointState | undefined;
  #tries = 0;
  #ahead: Buffer | undefined;
  #ended = false;

  constructor(plane: Plane, cluster: ClusterState, client: TcpClient, bond: TcpBond | undefined) {
    this.#plane = plane;
    this.#cluster = cluster;
    this.#client = client;
    this.#bond = bond;
    this.#ahead = client.ahead;
    this.#wire = client.wire;
    this.#wire.owner = this;
    this.#wire.pause();
    plane.counters.open++;
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
    this.#end();
    this.#cluster.outcome(state.connection.endpoint, 'ok');
    this.#cluster.stats.add('responses_2xx');
    this.#keepBond(state.connection.endpoint);
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
    const endpoint =
      this.#bonded() ?? cluster.pick(this.#endpoint, sourceHash(cluster.config, this.#client.source.address));
    if (endpoint === undefined) {
      cluster.stats.add('no_endpoint');
      this.#giveUp();
      return;
    }
    this.#endpoint = endpoint;
    const connection = cluster.connect(endpoint, this, this, cluster.channel('', { ends: this.#client }));
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

  /** The endpoint that the client had before; only at the first try. */
  #bonded(): EndpointState | undefined {
    if (this.#endpoint !== undefined) return undefined;
    return this.#bond?.affinity.find(this.#client.source.address, this.#plane.clock.monotonicMs());
  }

  #keepBond(endpoint: EndpointState): void {
    if (this.#bond === undefined) return;
    const untilMs = this.#plane.clock.monotonicMs() + this.#bond.forMs;
    this.#bond.affinity.keep(this.#client.source.address, endpoint, untilMs);
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
    if (state.kind === 'over') return;
    this.#end();
    if (state.kind === 'queued') this.#cluster.leaveQueue(this);
    else this.#cluster.drop(state.connection);
  }

  #end(): void {
    this.#state = over;
    this.#plane.sweeper.remove(this);
    this.#plane.counters.open--;
  }
}

/** Joins a client to an endpoint of `cluster`. */
export function acceptTcp(
  plane: Plane,
  cluster: ClusterState,
  client: TcpClient,
  bond: TcpBond | undefined,
): void {
  new TcpConnection(plane, cluster, client, bond);
}

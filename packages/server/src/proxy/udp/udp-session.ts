import { createSocket, type Socket } from 'node:dgram';
import { isIP, isIPv6 } from 'node:net';
import type { ClusterState } from '../cluster-state.ts';
import type { EndpointState } from '../endpoint-state.ts';
import type { UdpContext } from './udp-context.ts';

/** Endpoints that are tried for a session of which none has answered yet. */
const maxTries = 3;
/** Of what came before the first answer: kept to be sent to another endpoint. A DNS query fits, and most first datagrams. */
const maxKeptBytes = 2_048;

/** Whose datagrams these are, and what is done with the answers. */
export interface UdpPeer {
  readonly keyHash: number | undefined;
  readonly answer: (datagram: Buffer) => void;
  /** Nobody can be asked any more. */
  readonly onOver: () => void;
}

/** One source's datagrams to one endpoint, from a socket of their own, so that the answers are known. */
export class UdpSession {
  lastMs: number;
  readonly #context: UdpContext;
  readonly #cluster: ClusterState;
  readonly #peer: UdpPeer;
  readonly #tried: EndpointState[] = [];
  #socket: Socket | undefined;
  #connected = false;
  #answered = false;
  /** Before the first answer: what has to be sent, or may have to be sent again. Undefined: it will not be. */
  #kept: Buffer[] | undefined = [];
  #keptBytes = 0;
  #over = false;

  constructor(context: UdpContext, cluster: ClusterState, peer: UdpPeer) {
    this.#context = context;
    this.#cluster = cluster;
    this.#peer = peer;
    this.lastMs = context.plane.clock.monotonicMs();
  }

  /** Looks for an endpoint; `onOver` may follow at once. */
  start(): void {
    this.#attempt();
  }

  /** `datagram` is ours to keep. */
  send(datagram: Buffer): void {
    this.lastMs = this.#context.plane.clock.monotonicMs();
    this.#cluster.stats.add('request_bytes', datagram.length);
    if (!this.#answered) this.#keep(datagram);
    if (this.#connected) this.#socket?.send(datagram);
  }

  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#forget();
    this.#close();
  }

  #attempt(): void {
    const cluster = this.#cluster;
    const endpoint = cluster.pickOther(this.#tried, this.#peer.keyHash);
    if (endpoint === undefined || this.#tried.length >= maxTries) {
      cluster.stats.add(endpoint === undefined ? 'no_endpoint' : 'no_response');
      this.#end();
      return;
    }
    this.#tried.push(endpoint);
    endpoint.requests++;
    endpoint.busy++;
    cluster.stats.add('connections');
    this.#open(endpoint);
  }

  #open(endpoint: EndpointState): void {
    const { address, port } = endpoint;
    const { guard } = this.#context;
    const named = isIP(address) === 0;
    // Resolved and looked at before it is connected to: the kernel then sends there and nowhere else.
    const lookup = guard.lookupFor(port);
    const socket = createSocket({
      type: isIPv6(address) ? 'udp6' : 'udp4',
      ...(named ? { lookup: lookup as never } : {}),
    });
    this.#socket = socket;
    socket.on('error', () => this.#failed(socket, endpoint));
    socket.on('message', (datagram) => this.#answer(endpoint, datagram));
    if (!named && !this.#permits(address, port)) {
      queueMicrotask(() => this.#failed(socket, endpoint));
      return;
    }
    socket.connect(port, address, () => this.#onConnected(socket, endpoint));
  }

  #onConnected(socket: Socket, endpoint: EndpointState): void {
    if (this.#socket !== socket || this.#over) return;
    const { address, port } = socket.remoteAddress();
    if (!this.#permits(address, port)) {
      this.#failed(socket, endpoint);
      return;
    }
    this.#connected = true;
    for (const datagram of this.#kept ?? []) socket.send(datagram);
    if (this.#keptBytes > maxKeptBytes) this.#forget();
  }

  #permits(address: string, port: number): boolean {
    const { guard, ownDoors } = this.#context;
    return guard.permits(address, port) && !ownDoors.includes(address, port);
  }

  #answer(endpoint: EndpointState, datagram: Buffer): void {
    this.lastMs = this.#context.plane.clock.monotonicMs();
    if (!this.#answered) {
      this.#answered = true;
      this.#forget();
      this.#cluster.outcome(endpoint, 'ok');
      this.#cluster.stats.add('responses_2xx');
    }
    this.#cluster.stats.add('response_bytes', datagram.length);
    this.#peer.answer(datagram);
  }

  /** The endpoint's machine says that nobody listens there (ICMP), or it cannot be reached at all. */
  #failed(socket: Socket, endpoint: EndpointState): void {
    if (this.#socket !== socket || this.#over) return;
    this.#close();
    this.#cluster.stats.add('connect_failures');
    this.#cluster.outcome(endpoint, 'local-failure');
    if (this.#answered || this.#kept === undefined) {
      this.#end();
      return;
    }
    this.#cluster.stats.add('retries');
    this.#attempt();
  }

  /** What waits for a name to be resolved counts with all that clients have sent before its turn. */
  #keep(datagram: Buffer): void {
    const { counters, limits } = this.#context.plane;
    const full = this.#connected
      ? this.#keptBytes + datagram.length > maxKeptBytes
      : counters.aheadBytes + datagram.length > limits.maxAheadBytes;
    if (full && this.#connected) this.#forget();
    if (full || this.#kept === undefined) return;
    this.#kept.push(datagram);
    this.#keptBytes += datagram.length;
    counters.aheadBytes += datagram.length;
  }

  #forget(): void {
    this.#context.plane.counters.aheadBytes -= this.#keptBytes;
    this.#keptBytes = 0;
    this.#kept = undefined;
  }

  #close(): void {
    const endpoint = this.#tried.at(-1);
    if (this.#socket !== undefined && endpoint !== undefined) endpoint.busy--;
    this.#socket?.close();
    this.#socket = undefined;
    this.#connected = false;
  }

  #end(): void {
    this.close();
    this.#peer.onOver();
  }
}

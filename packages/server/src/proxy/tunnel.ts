import type { Plane } from './plane.ts';
import type { Swept } from './sweeper.ts';
import type { UpstreamConnection, UpstreamUser } from './upstream-connection.ts';
import type { Wire, WireOwner } from './wire.ts';

/**
 * After a switch of protocols: octets both ways, with back-pressure, each end's FIN passed on. Over when either
 * connection is gone (both have ended, or it broke), or when nothing moved for `tunnelIdleMs`.
 */
class Tunnel implements WireOwner, UpstreamUser, Swept {
  sweepIndex = -1;
  readonly #plane: Plane;
  readonly #client: Wire;
  readonly #server: UpstreamConnection;
  readonly #release: () => void;
  #lastMs: number;
  #over = false;

  constructor(plane: Plane, client: Wire, server: UpstreamConnection, release: () => void) {
    this.#plane = plane;
    this.#client = client;
    this.#server = server;
    this.#release = release;
    this.#lastMs = plane.clock.monotonicMs();
    client.owner = this;
    server.handOver(this);
    server.endpoint.load.started();
    plane.sweeper.add(this);
  }

  onBytes(bytes: Buffer, start: number, end: number): void {
    this.#lastMs = this.#plane.clock.monotonicMs();
    this.#server.wire.writeBytes('', bytes, start, end, '');
    if (this.#server.wire.pressed) this.#client.pause();
  }

  onUpstreamBytes(bytes: Buffer, start: number, end: number): void {
    this.#lastMs = this.#plane.clock.monotonicMs();
    this.#client.writeBytes('', bytes, start, end, '');
    if (this.#client.pressed) this.#server.wire.pause();
  }

  onDrain(): void {
    this.#server.wire.resume();
  }

  onUpstreamDrain(): void {
    this.#client.resume();
  }

  onEnd(): void {
    this.#server.wire.end();
    this.#lastMs = this.#plane.clock.monotonicMs();
  }

  onUpstreamEnd(): void {
    this.#client.end();
    this.#lastMs = this.#plane.clock.monotonicMs();
  }

  onUpstreamConnected(): void {}

  onClose(): void {
    this.close();
  }

  onUpstreamClose(): void {
    this.close();
  }

  sweep(nowMs: number): void {
    if (nowMs - this.#lastMs >= this.#plane.limits.tunnelIdleMs) this.close();
  }

  get heldBytes(): number {
    return this.#client.queuedBytes + this.#server.wire.queuedBytes;
  }

  cut(): void {
    this.close();
  }

  /** Breaks it off, both ways. */
  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#plane.sweeper.remove(this);
    this.#plane.tunnels.delete(this);
    this.#server.endpoint.load.ended();
    this.#release();
    this.#client.destroy();
  }
}

/**
 * Joins a client's wire and an upstream's.
 *
 * @param early octets of the server, and `ahead` of the client, that came before
 * @param release called once, when it is over
 */
export function startTunnel(
  plane: Plane,
  client: Wire,
  server: UpstreamConnection,
  before: { readonly early: Buffer | undefined; readonly ahead: Buffer | undefined },
  release: () => void,
): void {
  const tunnel = new Tunnel(plane, client, server, release);
  plane.tunnels.add(tunnel);
  const { early, ahead } = before;
  if (early !== undefined && early.length > 0) client.writeBytes('', early, 0, early.length, '');
  if (ahead !== undefined) server.wire.writeBytes('', ahead, 0, ahead.length, '');
  client.resume();
}

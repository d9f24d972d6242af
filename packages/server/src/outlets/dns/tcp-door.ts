import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '@portolan/core/base/clock.ts';
import { limits } from './limits.ts';
import { TcpConnection, type TcpHandler } from './tcp-connection.ts';

/** How often idle connections are looked for. */
const sweepEveryMs = 1_000;

/** A listening TCP socket and its connections. */
export class TcpDoor {
  readonly #server: Server;
  readonly #clock: Clock;
  readonly #handler: TcpHandler;
  /** When each asked last, the least recent first. */
  readonly #lastQueryMs = new Map<TcpConnection, number>();
  #cancelSweep: () => void = () => {};

  constructor(clock: Clock, handler: TcpHandler) {
    this.#clock = clock;
    this.#handler = handler;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
  }

  /** Resolves with the port. Rejects when the address cannot be bound. */
  async listen(address: string, port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host: address, port, ipv6Only: false }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    // Later errors are of single connections that could not be accepted (no descriptors left): the next may succeed.
    this.#server.on('error', () => {});
    this.#sweepLater();
    const bound = this.#server.address();
    return bound !== null && typeof bound === 'object' ? bound.port : port;
  }

  get connections(): number {
    return this.#lastQueryMs.size;
  }

  /** Accepts no more. */
  stopAccepting(): void {
    this.#server.close();
  }

  /** Closes everything; resolves when nothing is left. */
  close(): Promise<void> {
    this.#cancelSweep();
    return new Promise((resolve) => {
      if (this.#server.listening) this.#server.close();
      for (const connection of this.#lastQueryMs.keys()) connection.destroy();
      this.#server.getConnections((_error, count) => {
        if (count === 0) resolve();
        else this.#server.once('close', () => resolve());
      });
    });
  }

  #accept(socket: Socket): void {
    if (this.#lastQueryMs.size >= limits.tcpConnections) this.#closeLeastRecent();
    const connection = new TcpConnection(socket, this.#handler, () => this.#touch(connection));
    this.#touch(connection);
    socket.on('close', () => this.#lastQueryMs.delete(connection));
  }

  #touch(connection: TcpConnection): void {
    this.#lastQueryMs.delete(connection);
    this.#lastQueryMs.set(connection, this.#clock.monotonicMs());
  }

  #closeLeastRecent(): void {
    const oldest = this.#lastQueryMs.keys().next();
    if (oldest.done === true) return;
    this.#lastQueryMs.delete(oldest.value);
    oldest.value.destroy();
  }

  #sweepLater(): void {
    this.#cancelSweep = this.#clock.after(sweepEveryMs, () => {
      const idleSince = this.#clock.monotonicMs() - limits.tcpIdleMs;
      for (const [connection, lastMs] of this.#lastQueryMs) {
        if (lastMs > idleSince) break;
        if (connection.waiting === 0) connection.destroy();
      }
      this.#sweepLater();
    });
  }
}

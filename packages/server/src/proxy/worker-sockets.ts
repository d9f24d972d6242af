import type { DataPlane } from './data-plane.ts';
import type { Door } from './door-key.ts';
import type { ListeningHandle } from './listening-handle.ts';
import type { UdpDoor } from './udp/udp-door.ts';

type Socket =
  | { readonly kind: 'stream'; readonly handle: ListeningHandle }
  | { readonly kind: 'udp'; readonly door: UdpDoor }
  /** A datagram socket that is being bound. */
  | { readonly kind: 'binding' };

/** What a worker listens on, by the supervisor's numbers. */
export class WorkerSockets {
  readonly #plane: DataPlane;
  readonly #sockets = new Map<number, Socket>();

  constructor(plane: DataPlane) {
    this.#plane = plane;
  }

  /** Resolves with libuv's error number, negative, or 0. `handle` comes with stream doors. */
  async listen(id: number, door: Door, handle: unknown): Promise<number> {
    if (door.kind === 'udp') return await this.#listenUdp(id, door);
    const socket = handle as ListeningHandle;
    this.#sockets.set(id, { kind: 'stream', handle: socket });
    return this.#plane.listen(socket, door);
  }

  unlisten(id: number): void {
    const socket = this.#sockets.get(id);
    this.#sockets.delete(id);
    if (socket?.kind === 'stream') this.#plane.unlisten(socket.handle);
    else if (socket?.kind === 'udp') this.#plane.unlistenUdp(socket.door);
  }

  async #listenUdp(id: number, wanted: Extract<Door, { kind: 'udp' }>): Promise<number> {
    const binding: Socket = { kind: 'binding' };
    this.#sockets.set(id, binding);
    try {
      const door = await this.#plane.listenUdp(wanted);
      // It may be asked for no more.
      if (this.#sockets.get(id) === binding) this.#sockets.set(id, { kind: 'udp', door });
      else this.#plane.unlistenUdp(door);
      return 0;
    } catch (thrown) {
      return (thrown as { errno?: number }).errno ?? -1;
    }
  }
}

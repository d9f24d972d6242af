import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { limits } from './limits.ts';

/** A bound UDP socket. What the kernel does not take in time is dropped, as UDP allows. */
export class UdpDoor {
  readonly #socket: Socket;

  /** `onPacket` owns the buffer. `onError` hears what the kernel reports later, such as an unreachable client: nothing to act on. */
  constructor(
    family: 'udp4' | 'udp6',
    onPacket: (packet: Buffer, from: RemoteInfo) => void,
    onError: (error: Error) => void,
  ) {
    this.#socket = createSocket({
      type: family,
      // Addresses of packets are numbers already; the default would go through the resolver's queue for each.
      lookup: (address, _options, callback) => callback(null, address, family === 'udp4' ? 4 : 6),
    });
    this.#socket.on('message', onPacket);
    this.#socket.on('error', onError);
  }

  /** Rejects when the address cannot be bound. */
  bind(address: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.once('error', reject);
      this.#socket.bind(port, address, () => {
        this.#socket.off('error', reject);
        growBuffers(this.#socket);
        resolve();
      });
    });
  }

  /** Sends the first `length` bytes of `response`, which may be used again at once. */
  send(response: Buffer, length: number, to: RemoteInfo): void {
    if (to.port === 0 || this.#socket.getSendQueueCount() > limits.udpSendQueue) return;
    const copy = Buffer.allocUnsafe(length);
    response.copy(copy, 0, 0, length);
    this.#socket.send(copy, 0, length, to.port, to.address);
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }
}

function growBuffers(socket: Socket): void {
  try {
    socket.setRecvBufferSize(limits.udpSocketBufferBytes);
    socket.setSendBufferSize(limits.udpSocketBufferBytes);
  } catch {
    // The system's own size is a smaller burst, no failure.
  }
}

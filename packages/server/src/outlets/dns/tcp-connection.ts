import type { Socket } from 'node:net';
import { limits } from './limits.ts';

/** Answers a query: calls `reply` once, now or later; undefined = no answer, the connection is closed. */
export type TcpHandler = (
  query: Buffer,
  clientAddress: string,
  reply: (response: Buffer | undefined) => void,
) => void;

/**
 * One client by TCP (RFC 7766): queries with a length prefix, any number in a row, answered as their answers come. Reading
 * pauses while the client does not take its answers, or waits for too many.
 */
export class TcpConnection {
  readonly #socket: Socket;
  readonly #handler: TcpHandler;
  readonly #onQuery: () => void;
  readonly #clientAddress: string;
  #unread: Buffer = Buffer.alloc(0);
  #waiting = 0;
  #ended = false;

  constructor(socket: Socket, handler: TcpHandler, onQuery: () => void) {
    this.#socket = socket;
    this.#handler = handler;
    this.#onQuery = onQuery;
    this.#clientAddress = socket.remoteAddress ?? '';
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('drain', () => this.#process());
    socket.on('end', () => this.#finish());
    // A reset is the client's business; 'close' follows.
    socket.on('error', () => {});
  }

  get waiting(): number {
    return this.#waiting;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Takes no more queries; ends when the last answer is sent. */
  #finish(): void {
    this.#ended = true;
    if (this.#waiting === 0) this.#socket.end();
  }

  #take(chunk: Buffer): void {
    this.#unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
    this.#process();
  }

  #process(): void {
    this.#socket.cork();
    while (this.#mayRead() && this.#unread.length >= 2) {
      const length = this.#unread.readUInt16BE(0);
      if (length === 0 || length > limits.tcpQueryBytes) {
        this.destroy();
        break;
      }
      if (this.#unread.length < 2 + length) break;
      const query = this.#unread.subarray(2, 2 + length);
      this.#unread = this.#unread.subarray(2 + length);
      this.#answer(query);
    }
    this.#socket.uncork();
    if (this.#mayRead()) this.#socket.resume();
    else this.#socket.pause();
  }

  #mayRead(): boolean {
    return !this.#socket.destroyed && !this.#socket.writableNeedDrain && this.#waiting < limits.tcpWaiting;
  }

  #answer(query: Buffer): void {
    this.#waiting++;
    this.#onQuery();
    let replied = false;
    this.#handler(query, this.#clientAddress, (response) => {
      if (replied) return;
      replied = true;
      this.#waiting--;
      this.#reply(response);
    });
  }

  #reply(response: Buffer | undefined): void {
    if (this.#socket.destroyed) return;
    if (response === undefined) {
      this.destroy();
      return;
    }
    const framed = Buffer.allocUnsafe(2 + response.length);
    framed.writeUInt16BE(response.length, 0);
    response.copy(framed, 2);
    this.#socket.write(framed);
    if (this.#ended) this.#finish();
    else if (this.#socket.isPaused()) this.#process();
  }
}

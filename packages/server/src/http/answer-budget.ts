import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Smaller answers are not counted: the number of connections bounds them. */
const largeBytes = 1024 * 1024;

/** Which budget the answers of a connection count against: that of its listener. */
const budgets = new WeakMap<Socket, AnswerBudget>();

/**
 * What large answers of one listener may hold in memory together. Each is kept until its reader has it, so without a limit thirty
 * readers that ask for a hundred megabytes and read nothing would take all memory there is.
 */
export class AnswerBudget {
  readonly #maxBytes: number;
  /** Ten thousand watchers may share one answer: how many do, of each that is not read yet. */
  readonly #readers = new Map<Buffer, number>();
  #waiting = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** From now on the answers on this connection count here. */
  adopt(socket: Socket): void {
    budgets.set(socket, this);
  }

  /** Counts an answer until it is read, or its reader gone. False: there is no room. One alone may always be sent. */
  admit(response: ServerResponse, body: Buffer): boolean {
    const readers = this.#readers.get(body) ?? 0;
    if (readers === 0) {
      if (this.#waiting > 0 && this.#waiting + body.length > this.#maxBytes) return false;
      this.#waiting += body.length;
    }
    this.#readers.set(body, readers + 1);
    response.once('close', () => this.#release(body));
    return true;
  }

  #release(body: Buffer): void {
    const left = (this.#readers.get(body) ?? 1) - 1;
    if (left > 0) {
      this.#readers.set(body, left);
      return;
    }
    this.#readers.delete(body);
    this.#waiting -= body.length;
  }
}

/** Whether the answer may be sent now. */
export function hasRoomFor(response: ServerResponse, body: Buffer): boolean {
  if (body.length < largeBytes || response.socket === null) return true;
  return budgets.get(response.socket)?.admit(response, body) ?? true;
}

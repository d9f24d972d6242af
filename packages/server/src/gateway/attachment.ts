import type { ServerResponse } from 'node:http';
import type { AttachEvent, GatewayState } from './status.ts';

/** A server that does not read is told no more than this; its log lines are lost first. */
const maxQueuedBytes = 1_048_576;

/** The gateway's end of the stream that a server is attached by. While it is open the server lives. */
export class Attachment {
  readonly #response: ServerResponse;
  #told = '';

  /** `onGone` is called once, when the server has closed it or died, or `end` was called. */
  constructor(response: ServerResponse, onGone: () => void) {
    this.#response = response;
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    response.on('close', onGone);
  }

  /** Tells the state if it is another than was told last. */
  tell(state: GatewayState): void {
    if (this.#response.writableLength > maxQueuedBytes) return;
    const text = JSON.stringify(state);
    if (text === this.#told) return;
    this.#told = text;
    this.#write({ type: 'state', state });
  }

  log(line: string): void {
    if (this.#response.writableLength <= maxQueuedBytes) this.#write({ type: 'log', line });
  }

  /** Its server looks for the successor then. */
  end(): void {
    this.#response.end();
  }

  #write(event: AttachEvent): void {
    this.#response.write(`${JSON.stringify(event)}\n`);
  }
}

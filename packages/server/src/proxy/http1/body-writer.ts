import type { Wire } from '../wire.ts';
import { type BodyLength, chunkedBody } from './framing.ts';

/** Spans up to this length are gathered with what stands beside them before they are written. */
const maxGatheredBytes = 8_192;
/** So much is gathered at most before it is written. */
const maxHeldBytes = 65_536;

/** Writes a message to a wire: its head and its body, in our own frames, in as few writes as may be. */
export class BodyWriter {
  #gathered = '';
  #chunked = false;

  /** `head` leaves with the first octets of the body, or with `flush`. */
  begin(head: string, chunked: boolean): void {
    this.#gathered += head;
    this.#chunked = chunked;
  }

  write(wire: Wire, bytes: Buffer, start: number, end: number): void {
    const size = end - start;
    if (size > maxGatheredBytes) {
      const opening = this.#chunked ? `${size.toString(16)}\r\n` : '';
      wire.writeBytes(this.#gathered + opening, bytes, start, end, this.#chunked ? '\r\n' : '');
      this.#gathered = '';
      return;
    }
    this.writeText(bytes.toString('latin1', start, end));
    if (this.#gathered.length > maxHeldBytes) this.flush(wire);
  }

  /** The same of octets that are Latin-1 text already; they leave with what follows. */
  writeText(text: string): void {
    if (text === '') return;
    this.#gathered += this.#chunked ? `${text.length.toString(16)}\r\n${text}\r\n` : text;
  }

  /** Ends the body; it leaves with `flush`. */
  end(trailerLines: string): void {
    if (this.#chunked) this.#gathered += `0\r\n${trailerLines}\r\n`;
  }

  flush(wire: Wire): void {
    if (this.#gathered === '') return;
    wire.writeText(this.#gathered);
    this.#gathered = '';
  }

  /** Forgets what was not written. */
  clear(): void {
    this.#gathered = '';
  }
}

/** How a body of this length is announced. */
export function framingLine(length: BodyLength): string {
  return length === chunkedBody ? 'Transfer-Encoding: chunked\r\n' : `Content-Length: ${length}\r\n`;
}

import type { Wire } from '../wire.ts';
import { BodyReader } from './body-reader.ts';
import { type BodyLength, chunkedBody } from './framing.ts';

/** Spans up to this length are gathered with what stands beside them before they are written. */
const maxGatheredBytes = 8_192;

/**
 * Carries one body from the octets of one connection to another, read strictly and framed anew: what goes out has our chunks, never
 * those that came in.
 */
export class BodyPump {
  readonly reader = new BodyReader();
  /** Octets of data so far. */
  bytes = 0;
  #chunked = false;

  /** @param chunkedOut whether the outgoing body is in chunks */
  begin(length: BodyLength, chunkedOut: boolean): void {
    this.reader.begin(length);
    this.bytes = 0;
    this.#chunked = chunkedOut;
  }

  /** Reads an ended body of no octets too: `Content-Length: 0`, or none. */
  get done(): boolean {
    return this.reader.state === 'done';
  }

  get refused(): boolean {
    return this.reader.state === 'refused';
  }

  /**
   * Writes `before` and the data of `bytes[start, end)` to `wire`, as few writes as may be. Returns the position it came to: less
   * than `end` when the body ended or was refused before.
   */
  pump(before: string, bytes: Buffer, start: number, end: number, wire: Wire): number {
    const { reader } = this;
    let gathered = before;
    let position = start;
    while (position < end && reader.state !== 'done' && reader.state !== 'refused') {
      position = reader.next(bytes, position, end);
      const { dataStart, dataEnd } = reader;
      const size = dataEnd - dataStart;
      if (size === 0) continue;
      this.bytes += size;
      const opening = this.#chunked ? `${size.toString(16)}\r\n` : '';
      const closing = this.#chunked ? '\r\n' : '';
      if (size <= maxGatheredBytes) {
        gathered += opening + bytes.toString('latin1', dataStart, dataEnd) + closing;
      } else {
        wire.writeBytes(gathered + opening, bytes, dataStart, dataEnd, closing);
        gathered = '';
      }
    }
    if (reader.state === 'done') gathered += this.ending();
    if (gathered !== '') wire.writeText(gathered);
    return position;
  }

  /** The same as text, for a wire that is not there yet: `encoded` is what would have been written. */
  encode(bytes: Buffer, start: number, end: number): { readonly encoded: string; readonly position: number } {
    const { reader } = this;
    let encoded = '';
    let position = start;
    while (position < end && reader.state !== 'done' && reader.state !== 'refused') {
      position = reader.next(bytes, position, end);
      const size = reader.dataEnd - reader.dataStart;
      if (size === 0) continue;
      this.bytes += size;
      const data = bytes.toString('latin1', reader.dataStart, reader.dataEnd);
      encoded += this.#chunked ? `${size.toString(16)}\r\n${data}\r\n` : data;
    }
    if (reader.state === 'done') encoded += this.ending();
    return { encoded, position };
  }

  /** What ends the outgoing body. */
  ending(): string {
    return this.#chunked ? `0\r\n${this.reader.trailerLines}\r\n` : '';
  }
}

/** How a body of this length is announced; empty for none. */
export function framingLine(length: BodyLength): string {
  if (length === chunkedBody) return 'Transfer-Encoding: chunked\r\n';
  return `Content-Length: ${length}\r\n`;
}

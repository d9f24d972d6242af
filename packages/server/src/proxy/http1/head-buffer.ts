import { octet } from './octets.ts';
import { type Refusal, refusals } from './refusal.ts';
import { maxHeadBytes } from './request-reader.ts';

const nothing = Buffer.alloc(0);

/**
 * A head that arrives in pieces. Looks at each octet once until the end of the head is there, so that dripping it octet by octet
 * costs the sender more than us; the reader then reads it whole.
 */
export class HeadBuffer {
  bytes: Buffer = nothing;
  length = 0;
  /** Octets of line ends seen in a row: 2 after one CR LF, 4 at the end of the head. */
  #ends = 0;
  #sawLine = false;

  get empty(): boolean {
    return this.length === 0;
  }

  /**
   * Takes octets up to the end of the head. Returns the position after those taken, or why the head is refused already: too
   * large, or a line end that is not CR LF. `complete` tells whether the head is whole.
   */
  take(bytes: Buffer, start: number, end: number): number | Refusal {
    let position = start;
    while (position < end && this.#ends < 4) {
      const code = bytes[position++] as number;
      if (code === octet.cr) this.#ends = this.#ends === 2 ? 3 : 1;
      else if (code !== octet.lf) this.#ends = 0;
      else if (this.#ends !== 1 && this.#ends !== 3) return refusals.bareLineBreak;
      else {
        this.#ends++;
        this.#sawLine = true;
      }
    }
    if (this.length + position - start > maxHeadBytes) {
      return this.#sawLine ? refusals.headTooLarge : refusals.targetTooLong;
    }
    this.#append(bytes, start, position);
    return position;
  }

  get complete(): boolean {
    return this.#ends === 4;
  }

  clear(): void {
    this.length = 0;
    this.#ends = 0;
    this.#sawLine = false;
    this.bytes = nothing;
  }

  #append(bytes: Buffer, start: number, end: number): void {
    const needed = this.length + end - start;
    if (needed > this.bytes.length) {
      const larger = Buffer.allocUnsafe(Math.min(maxHeadBytes, Math.max(1_024, needed * 2)));
      this.bytes.copy(larger, 0, 0, this.length);
      this.bytes = larger;
    }
    bytes.copy(this.bytes, this.length, start, end);
    this.length = needed;
  }
}

import type { Swept } from './sweeper.ts';

/**
 * Octets that wait in our memory because somebody does not take them, all connections together: each holds little, but ten thousand
 * clients that read nothing would hold gigabytes. Beyond `maxBytes` those that hold most are cut, until a quarter of it is free again.
 */
export class HeldMemory {
  /** At the last look. */
  bytes = 0;
  readonly #maxBytes: number;
  readonly #onCut: () => void;

  /** @param onCut is called for each that was cut */
  constructor(maxBytes: number, onCut: () => void) {
    this.#maxBytes = maxBytes;
    this.#onCut = onCut;
  }

  /** Looks at all of `items`; called ten times a second. */
  check(items: readonly Swept[]): void {
    let bytes = 0;
    for (const item of items) bytes += item.heldBytes ?? 0;
    this.bytes = bytes;
    if (bytes > this.#maxBytes) this.#cut(items);
  }

  #cut(items: readonly Swept[]): void {
    const holders = items.filter((item) => (item.heldBytes ?? 0) > 0);
    holders.sort((left, right) => (right.heldBytes ?? 0) - (left.heldBytes ?? 0));
    for (const holder of holders) {
      if (this.bytes <= this.#maxBytes * 0.75) return;
      this.bytes -= holder.heldBytes ?? 0;
      holder.cut?.();
      this.#onCut();
    }
  }
}

/** Time as the code sees it: passed in, so that tests own it. All values are milliseconds. */
export interface Clock {
  /** Wall clock, Unix milliseconds. May jump. Only for what people or certificates read. */
  wallMs(): number;
  /** Monotonic milliseconds from an arbitrary start. Never goes back. Every deadline is on this one. */
  monotonicMs(): number;
  /** Calls `callback` once after `delayMs`; the returned function cancels it (and may be called any number of times). */
  after(delayMs: number, callback: () => void): () => void;
}

/** A source of randomness in [0, 1), passed in for the same reason. */
export type Random = () => number;

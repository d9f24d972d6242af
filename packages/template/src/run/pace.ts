/** This many renderings of one file go at once. */
const burst = 5;
/** Beyond those there is one in this time. Changes that are further apart never wait. */
const gapMs = 50;

/** Makes few renderings of many changes in a row: the first ones go at once, those of a burst are taken together. */
export class Pace {
  #left = burst;
  #atMs = Number.NEGATIVE_INFINITY;

  /** A file was rendered at `nowMs`. */
  note(nowMs: number): void {
    this.#left = Math.max(0, this.#leftAt(nowMs) - 1);
    this.#atMs = nowMs;
  }

  /** How long the next rendering should wait; 0: not at all. */
  waitMs(nowMs: number): number {
    return Math.max(0, Math.ceil((1 - this.#leftAt(nowMs)) * gapMs));
  }

  #leftAt(nowMs: number): number {
    return Math.min(burst, this.#left + (nowMs - this.#atMs) / gapMs);
  }
}

/** This many renderings of one file in `windowMs` are a burst. */
const burst = 5;
const windowMs = 250;
/** While a burst lasts there is one rendering in this time. A single change never waits. */
const gapMs = 100;

/** Makes few renderings of many changes in a row: the first ones go at once, those of a burst are taken together. */
export class Pace {
  readonly #recent: number[] = [];

  /** A file was rendered at `nowMs`. */
  note(nowMs: number): void {
    this.#recent.push(nowMs);
    if (this.#recent.length > burst) this.#recent.shift();
  }

  /** How long the next rendering should wait; 0: not at all. */
  waitMs(nowMs: number): number {
    const [first] = this.#recent;
    const last = this.#recent.at(-1);
    if (first === undefined || last === undefined || this.#recent.length < burst) return 0;
    return last - first > windowMs + burst * gapMs || nowMs - last > windowMs
      ? 0
      : Math.max(0, last + gapMs - nowMs);
  }
}

import type { Random } from '@portolan/core/base/clock.ts';

/** Draws one of some values by weight, each draw independent. Makes nothing; with a single value it draws no number either. */
export class WeightedChoice<T> {
  /** The one that every draw gives; undefined: there are several. */
  readonly only: T | undefined;
  /** Those that may be drawn. */
  readonly values: readonly T[];
  readonly #random: Random;
  /** The sum of the weights up to and with each value. */
  readonly #sums: Float64Array;

  /** @param weighted values of weight 0 are never drawn @param otherwise what is drawn when there is nothing else */
  constructor(weighted: readonly (readonly [number, T])[], otherwise: T, random: Random) {
    const drawn = weighted.filter(([weight]) => weight > 0);
    this.values = drawn.length === 0 ? [otherwise] : drawn.map(([, value]) => value);
    this.only = this.values.length === 1 ? this.values[0] : undefined;
    this.#random = random;
    let sum = 0;
    this.#sums = Float64Array.from(drawn, ([weight]) => (sum += weight));
  }

  draw(): T {
    if (this.only !== undefined) return this.only;
    const sums = this.#sums;
    const point = this.#random() * (sums[sums.length - 1] as number);
    let low = 0;
    let high = sums.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (point < (sums[middle] as number)) high = middle;
      else low = middle + 1;
    }
    return this.values[low] as T;
  }
}

/** Enough for a percentile to within 2 %; a busier window keeps its last ones. */
const maxSamples = 1_024;

/** Latencies of one window, of which a percentile is wanted at its end. Bounded. */
export class SampleWindow {
  readonly #samples = new Float64Array(maxSamples);
  #count = 0;

  /** How many came, kept or not. */
  get count(): number {
    return this.#count;
  }

  add(sample: number): void {
    this.#samples[this.#count++ % maxSamples] = sample;
  }

  clear(): void {
    this.#count = 0;
  }

  /** The sample that `percent` of them do not exceed; 0 without samples. Leaves them in another order. */
  percentile(percent: number): number {
    const kept = this.#samples.subarray(0, Math.min(this.#count, maxSamples)).sort();
    const rank = Math.ceil((kept.length * percent) / 100) - 1;
    return kept[Math.max(0, rank)] ?? 0;
  }
}

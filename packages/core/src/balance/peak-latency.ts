/** In this time an old figure loses all but 1/e of its say (Finagle's default, and Linkerd's). */
const decayMs = 10_000;

/**
 * A moving average of response times that follows a rise at once and a fall slowly (Finagle's Peak EWMA): a slower response than
 * the average becomes the average; a faster one counts 1 − e^(−Δt/τ), τ = 10 s. Without responses it decays towards 0, so that an
 * endpoint which was slow gets another chance.
 */
export class PeakLatency {
  #averageMs = 0;
  #atMs = 0;

  observe(elapsedMs: number, nowMs: number): void {
    if (elapsedMs > this.#averageMs) this.#averageMs = elapsedMs;
    else {
      const kept = this.#kept(nowMs);
      this.#averageMs = this.#averageMs * kept + elapsedMs * (1 - kept);
    }
    this.#atMs = nowMs;
  }

  /** Milliseconds; 0 as long as nothing was seen. */
  averageMs(nowMs: number): number {
    return this.#averageMs === 0 ? 0 : this.#averageMs * this.#kept(nowMs);
  }

  #kept(nowMs: number): number {
    return Math.exp(-Math.max(0, nowMs - this.#atMs) / decayMs);
  }
}

/** Successful responses of one endpoint since the window began: Dubbo's `SlideWindowData`. */
export class SuccessWindow {
  #count = 0;
  #elapsedMs = 0;

  /** Whole milliseconds count, as Java's clock gives them. */
  add(elapsedMs: number): void {
    this.#count++;
    this.#elapsedMs += Math.trunc(elapsedMs);
  }

  slide(): void {
    this.#count = 0;
    this.#elapsedMs = 0;
  }

  /** Divided as Java divides integers; 0 when there was none. */
  averageMs(): number {
    return this.#count === 0 ? 0 : Math.trunc(this.#elapsedMs / this.#count);
  }
}

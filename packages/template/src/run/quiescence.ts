import type { Clock } from '@portolan/core/base/clock.ts';
import type { WaitSpec } from './template-spec.ts';

/** Waits for quiet: `touch` at each change, `onQuiet` once things stood still for `minMs`, at the latest `maxMs` after the first. */
export class Quiescence {
  readonly #wait: WaitSpec;
  readonly #clock: Clock;
  readonly #onQuiet: () => void;
  #cancel: (() => void) | undefined;
  #firstMs = 0;

  constructor(wait: WaitSpec, clock: Clock, onQuiet: () => void) {
    this.#wait = wait;
    this.#clock = clock;
    this.#onQuiet = onQuiet;
  }

  touch(): void {
    const now = this.#clock.monotonicMs();
    if (this.#cancel === undefined) this.#firstMs = now;
    else this.#cancel();
    const latest = this.#firstMs + this.#wait.maxMs - now;
    this.#cancel = this.#clock.after(Math.max(0, Math.min(this.#wait.minMs, latest)), () => {
      this.#cancel = undefined;
      this.#onQuiet();
    });
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}

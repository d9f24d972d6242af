import type { Clock } from '@portolan/core/base/clock.ts';

/** Something with deadlines. It keeps them as plain numbers; setting one costs an assignment. */
export interface Swept {
  /** Acts upon whatever deadline is past. */
  sweep(nowMs: number): void;
  /** Where it stands in the sweeper's list; only the sweeper writes it. */
  sweepIndex: number;
  /** Octets that wait in memory because somebody does not take them; default: none. */
  readonly heldBytes?: number;
  /** Gives that memory up, and the connection with it. */
  cut?(): void;
}

/** Fine enough for timeouts of a second; 10,000 connections cost about 1 ms of each second. */
const periodMs = 100;

/** Looks at every connection ten times a second instead of keeping a timer for each request. */
export class Sweeper {
  readonly #clock: Clock;
  readonly #onSwept: (items: readonly Swept[]) => void;
  readonly #swept: Swept[] = [];
  #cancel: (() => void) | undefined;

  /** @param onSwept is told what there is after each round */
  constructor(clock: Clock, onSwept: (items: readonly Swept[]) => void = () => undefined) {
    this.#clock = clock;
    this.#onSwept = onSwept;
  }

  get size(): number {
    return this.#swept.length;
  }

  add(item: Swept): void {
    item.sweepIndex = this.#swept.push(item) - 1;
    this.#cancel ??= this.#clock.after(periodMs, () => this.#sweep());
  }

  remove(item: Swept): void {
    if (item.sweepIndex < 0) return;
    const last = this.#swept.pop();
    if (last !== undefined && last !== item) {
      this.#swept[item.sweepIndex] = last;
      last.sweepIndex = item.sweepIndex;
    }
    item.sweepIndex = -1;
  }

  /** A copy: the caller may close them while it goes through. */
  list(): readonly Swept[] {
    return [...this.#swept];
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #sweep(): void {
    const nowMs = this.#clock.monotonicMs();
    // Backwards: what removes itself is replaced by one that was looked at already.
    for (let index = this.#swept.length - 1; index >= 0; index--) this.#swept[index]?.sweep(nowMs);
    this.#onSwept(this.#swept);
    this.#cancel = this.#swept.length === 0 ? undefined : this.#clock.after(periodMs, () => this.#sweep());
  }
}

import { randomBytes } from 'node:crypto';
import type { Clock } from '@portolan/core/base/clock.ts';

/** Whoever steals it can read what was resumed with tickets of that time (TLS 1.2), so it does not last. */
const rotationMs = 12 * 3_600_000;

/** What session tickets are sealed with, the same in all workers and all that come after them; new twice a day, never on disk. */
export class TicketSecret {
  /** Base64. */
  current = fresh();
  readonly #clock: Clock;
  readonly #onChange: (secret: string) => void;
  #cancel: () => void = () => {};

  constructor(clock: Clock, onChange: (secret: string) => void) {
    this.#clock = clock;
    this.#onChange = onChange;
    this.#wait();
  }

  stop(): void {
    this.#cancel();
  }

  #wait(): void {
    this.#cancel = this.#clock.after(rotationMs, () => {
      this.current = fresh();
      this.#onChange(this.current);
      this.#wait();
    });
  }
}

function fresh(): string {
  return randomBytes(32).toString('base64');
}

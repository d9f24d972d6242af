import type { Clock } from '@portolan/core/base/clock.ts';
import { type AccessEntry, lineFormat } from './access-format.ts';

/** A person, or a page that draws, has no use for more of one worker. */
const maxPerSecond = 500;
const flushAfterMs = 200;

/** Requests as lines of JSON for whoever looks: at most so many a second, gathered. */
export class RequestSample {
  readonly #clock: Clock;
  readonly #tell: (lines: readonly string[]) => void;
  readonly #format = lineFormat('json');
  #lines: string[] = [];
  #second = 0;
  #taken = 0;

  constructor(clock: Clock, tell: (lines: readonly string[]) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  take(entry: AccessEntry): void {
    const wallMs = this.#clock.wallMs();
    const second = Math.floor(wallMs / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#taken = 0;
    }
    if (this.#taken++ >= maxPerSecond) return;
    if (this.#lines.length === 0) this.#clock.after(flushAfterMs, () => this.#flush());
    this.#lines.push(this.#format(entry, wallMs));
  }

  #flush(): void {
    const lines = this.#lines;
    this.#lines = [];
    this.#tell(lines);
  }
}

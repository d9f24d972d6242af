import type { Clock, Random } from '@portolan/core/base/clock.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import { type CheckRecord, type Health, recordKey } from '@portolan/core/catalog/records.ts';
import type { Logger } from 'pino';
import type { Engine } from '../contract.ts';
import { setStatus } from './intents.ts';

/** Intents under way: enough to fill a commit, few enough to leave the engine's queue to registrations. */
const maxInFlight = 256;
const firstBackoffMs = 200;
const maxBackoffMs = 10_000;

interface Wish {
  readonly check: CheckRecord;
  readonly status: Health;
  readonly output: string;
}

export interface StatusWriterOptions {
  readonly engine: Pick<Engine, 'submit'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/**
 * Brings changed statuses to the engine. While that cannot take them, the newest status of each check is kept and tried again
 * with back-off; at most one wish a check is kept, so the checks bound the memory.
 */
export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #wishes = new Map<string, Wish>();
  /** By key: whether the status is to be tried again if it is refused. */
  readonly #inFlight = new Map<string, boolean>();
  #backoffMs = 0;
  #cancelBackoff: (() => void) | undefined;
  #stopped = false;
  #onIdle: (() => void)[] = [];

  constructor(options: StatusWriterOptions) {
    this.#options = options;
  }

  /** Whether a status of the check is on its way, or waits. */
  has(key: string): boolean {
    return this.#wishes.has(key) || this.#inFlight.has(key);
  }

  get waiting(): number {
    return this.#wishes.size;
  }

  /** Replaces what was wanted of the same check before. */
  want(check: CheckRecord, status: Health, output: string): void {
    if (this.#stopped) return;
    this.#wishes.set(recordKey(check), { check, status, output });
    this.#fill();
  }

  /** What is under way may still be written. */
  forget(key: string): void {
    this.#wishes.delete(key);
    if (this.#inFlight.has(key)) this.#inFlight.set(key, false);
  }

  /** Takes no new wishes; resolves when those under way have settled. What waits is found anew by the next start's probes. */
  stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelBackoff?.();
    this.#wishes.clear();
    if (this.#inFlight.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  #fill(): void {
    if (this.#cancelBackoff !== undefined) return;
    for (const [key, wish] of this.#wishes) {
      if (this.#inFlight.size >= maxInFlight) return;
      if (this.#inFlight.has(key)) continue;
      this.#wishes.delete(key);
      this.#inFlight.set(key, true);
      this.#options.engine.submit(setStatus(wish.check, wish.status, wish.output)).then(
        () => this.#written(key),
        (error: unknown) => this.#failed(key, wish, Fault.from(error)),
      );
    }
  }

  #written(key: string): void {
    this.#backoffMs = 0;
    this.#settle(key);
  }

  #failed(key: string, wish: Wish, fault: Fault): void {
    if (this.#stopped || this.#inFlight.get(key) === false) {
      this.#settle(key);
      return;
    }
    if (fault.code === 'invalid' || fault.code === 'internal' || fault.code === 'too-large') {
      this.#options.log.error({ err: fault, check: key }, "a check's status cannot be written");
    } else {
      // A newer wish that came meanwhile wins.
      if (!this.#wishes.has(key)) this.#wishes.set(key, wish);
      this.#backOff(fault);
    }
    this.#settle(key);
  }

  #settle(key: string): void {
    this.#inFlight.delete(key);
    if (!this.#stopped) this.#fill();
    else if (this.#inFlight.size === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
  }

  #backOff(fault: Fault): void {
    if (this.#cancelBackoff !== undefined) return;
    if (this.#backoffMs === 0) {
      this.#options.log.warn({ err: fault }, "checks' statuses cannot be written now and are kept for later");
    }
    this.#backoffMs = Math.min(maxBackoffMs, Math.max(firstBackoffMs, this.#backoffMs * 2));
    const delayMs = this.#backoffMs * (0.5 + this.#options.random() / 2);
    this.#cancelBackoff = this.#options.clock.after(delayMs, () => {
      this.#cancelBackoff = undefined;
      this.#fill();
    });
  }
}

import { createHmac, randomBytes } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { Clock } from '@portolan/core/base/clock.ts';
import type { PasswordHash } from './password-hash.ts';
import type { PasswordAnswer, PasswordQuestion } from './password-thread.ts';

/** Passwords that wait for the thread; at some 50 ms for each, five seconds of work. More are turned away. */
const maxWaiting = 100;
/** How long a password that was right is taken without a new look; and how many: 100 octets each. */
const rememberMs = 300_000;
const maxRemembered = 10_000;
/** A longer one is none: bcrypt looks at 72 octets. */
export const maxPasswordLength = 1_024;

export type Verdict = 'right' | 'wrong' | 'overload';

/**
 * Verifies passwords in a thread of their own, one at a time: slow hashes are slow by design, and must not hold up the worker. What was
 * right is remembered for a while by a keyed hash of it.
 */
export class PasswordChecker {
  readonly #clock: Clock;
  readonly #key = randomBytes(32);
  readonly #remembered = new Map<string, number>();
  readonly #waiting = new Map<number, (verdict: Verdict) => void>();
  #thread: Worker | undefined;
  #lastId = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether it was right a while ago. Takes microseconds. */
  knows(password: string, hash: PasswordHash): boolean {
    const untilMs = this.#remembered.get(this.#tag(password, hash));
    return untilMs !== undefined && this.#clock.monotonicMs() < untilMs;
  }

  /** Looks it up, later; `settle` is called once, unless the returned function was called. */
  check(password: string, hash: PasswordHash, settle: (verdict: Verdict) => void): () => void {
    if (this.#waiting.size >= maxWaiting) return this.#clock.after(0, () => settle('overload'));
    const id = ++this.#lastId;
    this.#waiting.set(id, (verdict) => {
      if (verdict === 'right') this.#remember(this.#tag(password, hash));
      settle(verdict);
    });
    this.#running().postMessage({ id, password, hash } satisfies PasswordQuestion);
    // The thread works it out all the same: its place stays taken until then.
    return () => {
      if (this.#waiting.has(id)) this.#waiting.set(id, () => undefined);
    };
  }

  close(): void {
    // What it answers is nobody's any more.
    void this.#thread?.terminate();
  }

  #running(): Worker {
    if (this.#thread !== undefined) return this.#thread;
    const thread = new Worker(new URL('./password-thread.ts', import.meta.url));
    this.#thread = thread;
    thread.on('message', ({ id, right }: PasswordAnswer) => {
      const settle = this.#waiting.get(id);
      this.#waiting.delete(id);
      settle?.(right ? 'right' : 'wrong');
    });
    thread.on('error', () => undefined);
    thread.on('exit', () => {
      if (this.#thread === thread) this.#thread = undefined;
      const lost = [...this.#waiting.values()];
      this.#waiting.clear();
      for (const settle of lost) settle('overload');
    });
    // After the listeners: they would hold the process again.
    thread.unref();
    return thread;
  }

  #tag(password: string, hash: PasswordHash): string {
    const stored = hash.kind === 'sha1' ? hash.digest : hash.text;
    return createHmac('sha256', this.#key).update(`${stored}\u0000${password}`, 'utf8').digest('base64');
  }

  #remember(tag: string): void {
    if (this.#remembered.size >= maxRemembered) {
      const [oldest] = this.#remembered.keys();
      if (oldest !== undefined) this.#remembered.delete(oldest);
    }
    this.#remembered.delete(tag);
    this.#remembered.set(tag, this.#clock.monotonicMs() + rememberMs);
  }
}

import type { Clock } from '@portolan/core/base/clock.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import { type CommandLine, runCommand } from './command.ts';

export interface CommandQueueOptions {
  readonly clock: Clock;
  readonly environment: NodeJS.ProcessEnv;
  /** Whether a command that failed is tried again. */
  readonly retries: boolean;
  readonly signal: AbortSignal;
  readonly onDone: (command: string) => void;
  readonly onFailure: (command: string, fault: Fault) => void;
}

const firstRetryMs = 1000;
const maxRetryMs = 60_000;

/**
 * The commands that changed files ask for: one at a time, in order, a command that already waits not twice. One that failed is
 * tried again with growing pauses until it succeeds or a later change asks for it anew.
 */
export class CommandQueue {
  readonly #options: CommandQueueOptions;
  readonly #waiting = new Map<string, Job>();
  readonly #retries = new Map<string, () => void>();
  #running: Promise<void> | undefined;

  constructor(options: CommandQueueOptions) {
    this.#options = options;
    options.signal.addEventListener('abort', () => this.#drop(), { once: true });
  }

  add(command: CommandLine, timeoutMs: number): void {
    this.#enqueue({ command, timeoutMs, failures: 0 });
  }

  /** Resolves when nothing runs or waits; retries that are due later do not count. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  #enqueue(job: Job): void {
    if (this.#options.signal.aborted) return;
    const key = job.command.join('\0');
    this.#retries.get(key)?.();
    this.#retries.delete(key);
    this.#waiting.set(key, job);
    // Not at once: what else this turn of the event loop asks for may be the same command.
    this.#running ??= Promise.resolve()
      .then(() => this.#work())
      .finally(() => {
        this.#running = undefined;
      });
  }

  async #work(): Promise<void> {
    for (;;) {
      const next = this.#waiting.entries().next();
      if (next.done === true) return;
      const [key, job] = next.value;
      this.#waiting.delete(key);
      await this.#run(key, job);
    }
  }

  async #run(key: string, job: Job): Promise<void> {
    const { environment, signal, onDone, onFailure } = this.#options;
    try {
      await runCommand(job.command, { timeoutMs: job.timeoutMs, environment, signal });
      onDone(job.command.join(' '));
    } catch (thrown) {
      if (signal.aborted) return;
      onFailure(job.command.join(' '), Fault.from(thrown));
      if (this.#options.retries) this.#retryLater(key, { ...job, failures: job.failures + 1 });
    }
  }

  #retryLater(key: string, job: Job): void {
    if (this.#waiting.has(key)) return;
    const delayMs = Math.min(maxRetryMs, firstRetryMs * 2 ** Math.min(job.failures - 1, 10));
    const cancel = this.#options.clock.after(delayMs, () => {
      this.#retries.delete(key);
      this.#enqueue(job);
    });
    this.#retries.set(key, cancel);
  }

  #drop(): void {
    this.#waiting.clear();
    for (const cancel of this.#retries.values()) cancel();
    this.#retries.clear();
  }
}

interface Job {
  readonly command: CommandLine;
  readonly timeoutMs: number;
  readonly failures: number;
}

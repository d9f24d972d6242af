import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Clock } from '@portolan/core/base/clock.ts';
import type { Logger } from 'pino';
import { withoutProcess } from './nginx-log.ts';
import { isNginx, readPid } from './reload.ts';

export interface NginxChildOptions {
  readonly binary: string;
  readonly configFile: string;
  readonly stateDir: string;
  readonly pidFile: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** It ended, and nobody had told it to. */
  readonly onExit: () => void;
}

/** Lines of its log that are kept for the message when it dies. */
const keptLines = 5;
const pollMs = 50;
/** SIGTERM makes nginx drop everything at once; one that is still there then is stuck. */
const killAfterMs = 2_000;

/**
 * nginx run by us. It outlives us when we are killed (a data plane goes on without its control plane); the next of us finds it by
 * its pid file and takes it over.
 */
export class NginxChild {
  readonly #options: NginxChildOptions;
  #process: ChildProcess | undefined;
  #lines: string[] = [];
  #stopping = false;

  constructor(options: NginxChildOptions) {
    this.#options = options;
  }

  get alive(): boolean {
    return this.#pid() !== undefined;
  }

  /** Why it ended, in its own words. */
  get lastWords(): string {
    return this.#lines.join('; ');
  }

  /** Starts it, unless one that is ours runs already. */
  start(): void {
    if (this.alive) return;
    const { binary, configFile, stateDir, log } = this.#options;
    this.#lines = [];
    // A group of its own: Ctrl-C at our terminal must not end it before it has drained.
    const child = spawn(binary, ['-p', stateDir, '-c', configFile], {
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#process = child;
    if (child.stderr !== null) {
      createInterface({ input: child.stderr }).on('line', (line) => this.#hear(line));
    }
    child.on('error', (error) => this.#ended(child, error.message));
    child.on('exit', (code, signal) => this.#ended(child, `ended with ${signal ?? code}`));
    log.info({ pid: child.pid }, 'nginx started');
  }

  /** Lets it finish what is under way; what takes longer is cut. Resolves when it is gone. */
  async stop(deadlineMs: number): Promise<void> {
    this.#stopping = true;
    if (this.#signal('SIGQUIT') && (await this.#gone(deadlineMs))) return;
    if (this.#signal('SIGTERM') && (await this.#gone(killAfterMs))) return;
    const pid = this.#pid();
    if (pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // Gone in between.
    }
    await this.#gone(killAfterMs);
  }

  #pid(): number | undefined {
    if (this.#process !== undefined) return this.#process.pid;
    const pid = readPid(this.#options.pidFile);
    return pid !== undefined && isNginx(pid) ? pid : undefined;
  }

  #signal(signal: NodeJS.Signals): boolean {
    const pid = this.#pid();
    if (pid === undefined) return false;
    try {
      return process.kill(pid, signal);
    } catch {
      return false;
    }
  }

  async #gone(withinMs: number): Promise<boolean> {
    const { clock } = this.#options;
    const deadline = clock.monotonicMs() + withinMs;
    while (this.alive) {
      if (clock.monotonicMs() >= deadline) return false;
      await new Promise<void>((resolve) => void clock.after(pollMs, resolve));
    }
    return true;
  }

  #hear(line: string): void {
    const said = withoutProcess(line);
    if (!this.#lines.includes(said)) this.#lines = [...this.#lines, said].slice(-keptLines);
    this.#options.log.warn({ nginx: said }, 'nginx says');
  }

  #ended(child: ChildProcess, how: string): void {
    if (this.#process !== child) return;
    this.#process = undefined;
    if (this.#stopping) return;
    this.#options.log.error({ how }, 'nginx ended');
    this.#options.onExit();
  }
}

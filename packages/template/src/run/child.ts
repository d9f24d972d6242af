import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock, Random } from '@portolan/core/base/clock.ts';
import type { CommandLine } from './command.ts';

export interface ChildOptions {
  readonly command: CommandLine;
  readonly environment: NodeJS.ProcessEnv;
  /** Sent instead of a restart when files changed; undefined: restart. */
  readonly reloadSignal: NodeJS.Signals | undefined;
  readonly killSignal: NodeJS.Signals;
  /** After this the child is killed for good. */
  readonly killTimeoutMs: number;
  /** A random part of this is waited before the child is told anything, so that a fleet does not restart at once. */
  readonly splayMs: number;
  readonly clock: Clock;
  readonly random: Random;
  /** The child ended by itself. */
  readonly onExit: (code: number) => void;
}

/** consul-template's `exec` mode: a child that is told when its files changed. */
export class Child {
  readonly #options: ChildOptions;
  #process: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #expected = false;
  #busy: Promise<void> = Promise.resolve();

  constructor(options: ChildOptions) {
    this.#options = options;
  }

  get running(): boolean {
    return this.#process !== undefined;
  }

  start(): void {
    const [program = '', ...args] = this.#options.command;
    this.#expected = false;
    const child = spawn(program, args, { stdio: 'inherit', env: this.#options.environment });
    this.#process = child;
    this.#ended = new Promise((resolve) => {
      const end = (code: number): void => {
        if (this.#process === child) this.#process = undefined;
        resolve();
        if (!this.#expected) this.#options.onExit(code);
      };
      child.on('error', () => end(127));
      child.on('exit', (code, signal) => end(code ?? (signal === null ? 1 : 128)));
    });
  }

  /** Files changed: the reload signal, or a stop and a start. Calls are carried out one after the other. */
  reload(): void {
    this.#busy = this.#busy.then(() => this.#reload());
  }

  /** Passes a signal on to the child. */
  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  async stop(): Promise<void> {
    await this.#busy;
    await this.#stop();
  }

  async #reload(): Promise<void> {
    await this.#pause(this.#options.random() * this.#options.splayMs);
    if (this.#process === undefined) return;
    if (this.#options.reloadSignal !== undefined) {
      this.#process.kill(this.#options.reloadSignal);
      return;
    }
    await this.#stop();
    this.start();
  }

  async #stop(): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
    this.#expected = true;
    child.kill(this.#options.killSignal);
    const cancel = this.#options.clock.after(this.#options.killTimeoutMs, () => child.kill('SIGKILL'));
    await this.#ended;
    cancel();
  }

  #pause(ms: number): Promise<void> {
    if (ms <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#options.clock.after(ms, resolve);
    });
  }
}

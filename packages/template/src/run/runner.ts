import type { Clock } from '@portolan/core/base/clock.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import type { ConsulClient } from '../data/consul-client.ts';
import type { DataReader } from '../data/query.ts';
import { type RetryPolicy, WatchedData } from '../data/watched-data.ts';
import type { Machine } from '../functions/machine.ts';
import { CommandQueue } from './command-queue.ts';
import { isCurrent, type WrittenFile, writeWhole } from './file-writer.ts';
import { Pace } from './pace.ts';
import { Quiescence } from './quiescence.ts';
import { prepare, type Rendered } from './rendering.ts';
import { writeRequested } from './requested-files.ts';
import type { TemplateSpec } from './template-spec.ts';

/** What happens, for a log; every method may be called often. */
export interface RunnerEvents {
  /** A file was written (`dry`: would have been). */
  rendered(spec: TemplateSpec, text: string): void;
  failed(what: string, fault: Fault): void;
  /** A query was answered with nothing, and is waited for. */
  waits?(query: string): void;
  commandDone(command: string): void;
}

export interface RunnerOptions {
  readonly templates: readonly TemplateSpec[];
  readonly client: Pick<ConsulClient, 'get'>;
  readonly clock: Clock;
  readonly machine: Machine;
  readonly retry: RetryPolicy;
  readonly blockWaitMs: number;
  /** Renders everything once, runs the commands, and ends. */
  readonly once: boolean;
  /** Writes no file and runs no command. */
  readonly dry: boolean;
  readonly environment: NodeJS.ProcessEnv;
  readonly events: RunnerEvents;
  /** A key that is not there ends everything, instead of being waited for. Default false. */
  readonly failsOnNothing?: boolean;
  /** Every template has been rendered, and again after each later pass that changed a file. */
  readonly onPass?: (changed: boolean) => void;
}

/**
 * Keeps files equal to what their templates make of the registry. A change is pushed: the blocking query returns, the templates
 * that use it are rendered once for all changes of the same moment, the files that differ are replaced, and their commands run, each
 * distinct one once.
 */
export class Runner {
  readonly #options: RunnerOptions;
  readonly #data: WatchedData;
  readonly #outputs: readonly Output[];
  readonly #commands: CommandQueue;
  readonly #stopping = new AbortController();
  #scheduled = false;
  #finish: () => void = () => {};
  #fail: (fault: Fault) => void = () => {};

  /** Throws a `TemplateError` if a template does not parse. */
  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#data = new WatchedData({
      client: options.client,
      clock: options.clock,
      retry: options.retry,
      waitMs: options.blockWaitMs,
      onChange: (key) => this.#changed(key),
      onError: (key, fault, final) => this.#dataFailed(key, fault, final),
      onNothing: (key) => this.#nothing(key),
    });
    this.#outputs = options.templates.map((spec) => this.#output(spec));
    this.#commands = new CommandQueue({
      clock: options.clock,
      environment: options.environment,
      retries: !options.once,
      signal: this.#stopping.signal,
      onDone: (command) => options.events.commandDone(command),
      onFailure: (command, fault) => this.#commandFailed(command, fault),
    });
  }

  /**
   * Runs until `signal` aborts or, with `once`, until all is rendered and every command has ended. Rejects with a `Fault` when `once`
   * cannot be done, or when a query was given up.
   */
  async run(signal: AbortSignal): Promise<void> {
    const done = new Promise<void>((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
    const stop = (): void => this.#finish();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    for (const output of this.#outputs) output.dirty = true;
    this.#schedule();
    try {
      await done;
    } finally {
      signal.removeEventListener('abort', stop);
      this.#stopping.abort();
      this.#data.stop();
      for (const output of this.#outputs) {
        output.quiescence.stop();
        output.postponed?.();
      }
      await this.#commands.settled();
    }
  }

  #output(spec: TemplateSpec): Output {
    const output: Output = {
      spec,
      render: prepare(spec, this.#options.machine),
      used: new Set(),
      dirty: false,
      complete: false,
      pace: new Pace(),
      postponed: undefined,
      written: undefined,
      quiescence: new Quiescence(spec.wait, this.#options.clock, () => {
        output.dirty = true;
        this.#schedule();
      }),
    };
    return output;
  }

  #changed(key: string): void {
    for (const output of this.#outputs) {
      if (!output.used.has(key)) continue;
      // Quiescence is for later changes: the first file should not wait.
      if (output.spec.wait.minMs > 0 && output.complete) output.quiescence.touch();
      else output.dirty = true;
    }
    this.#schedule();
  }

  /** All changes of one turn of the event loop make one pass. */
  #schedule(): void {
    if (this.#scheduled || this.#stopping.signal.aborted) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (!this.#stopping.signal.aborted) this.#pass();
    });
  }

  #pass(): void {
    let changed = false;
    for (const output of this.#outputs) {
      if (output.dirty && !this.#postpones(output)) changed = this.#renderOne(output) || changed;
    }
    this.#data.retain(new Set(this.#outputs.flatMap((output) => [...output.used])));
    const complete = this.#outputs.every((output) => output.complete);
    if (complete) this.#options.onPass?.(changed);
    if (complete && this.#options.once) void this.#commands.settled().then(() => this.#finish());
  }

  /** True: changes come so fast that this one is taken together with the next ones. */
  #postpones(output: Output): boolean {
    if (output.postponed !== undefined) return true;
    const waitMs = output.pace.waitMs(this.#options.clock.monotonicMs());
    if (waitMs === 0) return false;
    output.postponed = this.#options.clock.after(waitMs, () => {
      output.postponed = undefined;
      this.#schedule();
    });
    return true;
  }

  /** True: the file's content changed. */
  #renderOne(output: Output): boolean {
    output.dirty = false;
    const { spec } = output;
    try {
      const rendered = output.render(this.#data);
      output.used = new Set([...rendered.used]);
      if (rendered.missing.size > 0) return false;
      output.complete = true;
      if (!this.#options.dry) for (const file of rendered.files) writeRequested(file);
      return this.#put(output, rendered);
    } catch (thrown) {
      const fault = Fault.from(thrown);
      this.#options.events.failed(spec.name, fault);
      if (this.#options.once || spec.errorFatal) this.#fail(fault);
      return false;
    }
  }

  #put(output: Output, rendered: Rendered): boolean {
    const { spec } = output;
    if (this.#options.dry || spec.destination === '') {
      this.#options.events.rendered(spec, rendered.text);
      return true;
    }
    if (isCurrent(spec.destination, rendered.text, output.written)) return false;
    output.written = writeWhole(spec.destination, rendered.text, spec);
    output.pace.note(this.#options.clock.monotonicMs());

    this.#options.events.rendered(spec, rendered.text);
    if (spec.command !== undefined) this.#commands.add(spec.command, spec.commandTimeoutMs);
    return true;
  }

  #nothing(key: string): void {
    if (this.#options.failsOnNothing === true) this.#fail(new Fault('not-found', `${key}: there is nothing`));
    else this.#options.events.waits?.(key);
  }

  #dataFailed(key: string, fault: Fault, final: boolean): void {
    this.#options.events.failed(key, fault);
    if (final) this.#fail(fault);
  }

  #commandFailed(command: string, fault: Fault): void {
    this.#options.events.failed(command, fault);
    if (this.#options.once) this.#fail(fault);
  }
}

interface Output {
  readonly spec: TemplateSpec;
  readonly render: (data: DataReader) => Rendered;
  readonly quiescence: Quiescence;
  used: ReadonlySet<string>;
  dirty: boolean;
  /** Was rendered with all its data at least once. */
  complete: boolean;
  readonly pace: Pace;
  /** Ends the wait for the rendering that was put off. */
  postponed: (() => void) | undefined;
  /** What this runner last wrote. */
  written: WrittenFile | undefined;
}

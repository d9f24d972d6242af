import { Fault } from '@portolan/core/base/fault.ts';
import type { Context, Part } from '../../contract.ts';
import { type DockerConfig, formatEngineAddress } from './config.ts';
import { ownRecords, removeAll } from './intents.ts';
import { limits } from './limits.ts';
import { followEngine } from './session.ts';

export type DockerContext = Pick<Context, 'engine' | 'identity' | 'clock' | 'random' | 'log'>;

/**
 * Registers the containers of a Docker Engine, by Registrator's labels. Undefined: turned off, and what an earlier start
 * registered is removed. The engine may be away: what was registered stays, and it is tried again and again.
 */
export function dockerSource(context: DockerContext, config: DockerConfig | undefined): Part {
  return config === undefined ? turnedOff(context) : new DockerSource(context, config);
}

function turnedOff({ engine, identity, log }: DockerContext): Part {
  return {
    name: 'docker',
    async start() {
      if (ownRecords(engine.view.catalog, identity.node).size === 0) return;
      const records = await engine.submit((draft) => removeAll(draft, identity.node));
      log.info({ records }, 'docker is turned off: what it had registered is removed');
    },
    stop: () => Promise.resolve(),
  };
}

class DockerSource implements Part {
  readonly name = 'docker';
  readonly #context: DockerContext;
  readonly #config: DockerConfig;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  /** Until the first complete list: what the catalog says about containers may be old. */
  #problem: string | undefined;

  constructor(context: DockerContext, config: DockerConfig) {
    this.#context = context;
    this.#config = config;
    this.#problem = `${formatEngineAddress(config.engine)} was not read yet`;
  }

  start(): Promise<void> {
    this.#running = this.#run();
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  readiness(): readonly string[] {
    return this.#problem === undefined ? [] : [this.#problem];
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    let attempts = 0;
    while (!signal.aborted) {
      try {
        await followEngine(this.#context, this.#config, signal, () => {
          this.#problem = undefined;
          attempts = 0;
        });
      } catch (error) {
        if (signal.aborted) return;
        this.#note(Fault.from(error), attempts);
      }
      await this.#pause(attempts);
      attempts += 1;
    }
  }

  /** The first failure is news; that it goes on is not. */
  #note(fault: Fault, attempts: number): void {
    if (this.#problem !== undefined) this.#problem = fault.message;
    const text = 'Docker is away: what it registered stays; connecting again';
    if (attempts === 0) this.#context.log.warn({ err: fault }, text);
    else this.#context.log.debug({ err: fault, attempts }, text);
  }

  #pause(attempts: number): Promise<void> {
    const { clock, random } = this.#context;
    const { signal } = this.#stop;
    const fullMs = Math.min(limits.firstPauseMs * 2 ** Math.min(attempts, 20), limits.maxPauseMs);
    return new Promise((resolve) => {
      const done = (): void => {
        cancel();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const cancel = clock.after(fullMs / 2 + (random() * fullMs) / 2, done);
      signal.addEventListener('abort', done, { once: true });
    });
  }
}

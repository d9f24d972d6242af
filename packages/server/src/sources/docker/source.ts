import { Fault } from '@portolan/core/base/fault.ts';
import type { Diagnostic } from '@portolan/core/traffic/model.ts';
import type { Context, Part } from '../../contract.ts';
import { type DockerConfig, formatEngineAddress } from './config.ts';
import { connectDocker } from './docker-api.ts';
import { ownRecords, removeAll } from './intents.ts';
import { limits } from './limits.ts';
import { leaseOf, placeOf } from './place.ts';
import { Session } from './session.ts';
import { type TagsOf, tagsFrom } from './tags.ts';

export type DockerContext = Pick<Context, 'engine' | 'identity' | 'clock' | 'random' | 'log'>;

/**
 * Registers the containers of Docker Engines, by Registrator's labels. No engine: turned off, and what an earlier start
 * registered is removed. An engine may be away: what it registered stays, and it is tried again and again. Throws `invalid` for a
 * `docker.tags` that is no template.
 */
export function dockerSource(context: DockerContext, configs: readonly DockerConfig[]): Part {
  if (configs.length === 0) return turnedOff(context);
  const engines = configs.map((config) => new DockerSource(context, config));
  return {
    name: 'docker',
    async start() {
      for (const engine of engines) await engine.start();
    },
    async stop() {
      await Promise.all(engines.map((engine) => engine.stop()));
    },
    readiness: () => engines.flatMap((engine) => engine.readiness()),
    diagnostics: () => engines.flatMap((engine) => engine.diagnostics()),
  };
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

/** One engine. */
class DockerSource {
  readonly #context: DockerContext;
  readonly #config: DockerConfig;
  readonly #tagsOf: TagsOf;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  /** Until the first complete list: what the catalog says about containers may be old. */
  #unread = true;
  /** Why the engine is away; undefined while it is there. */
  #away: Fault | undefined;
  #diagnostics: readonly Diagnostic[] = [];

  constructor(context: DockerContext, config: DockerConfig) {
    this.#context = context;
    this.#config = config;
    this.#tagsOf = tagsFrom(config.tags);
  }

  start(): Promise<void> {
    this.#holdLease();
    this.#running = this.#run();
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    const lease = leaseOf(this.#config, this.#context.identity);
    if (lease !== undefined) this.#context.engine.leases.revoke(lease.id);
  }

  readiness(): readonly string[] {
    if (!this.#unread) return [];
    return [this.#away?.message ?? `${formatEngineAddress(this.#config.engine)} was not read yet`];
  }

  diagnostics(): readonly Diagnostic[] {
    if (this.#away === undefined) return this.#diagnostics;
    const subject = `node/${this.#context.identity.node}`;
    const message = `what Docker registered stays as it was: ${this.#away.message}`;
    return [{ severity: 'error', code: 'docker-away', subject, message }, ...this.#diagnostics];
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    let attempts = 0;
    while (!signal.aborted) {
      try {
        await this.#follow(() => {
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

  /** One connection: always rejects, when it breaks or the source stops. */
  async #follow(onComplete: () => void): Promise<never> {
    const { identity, clock, log } = this.#context;
    const ended = new AbortController();
    const signal = AbortSignal.any([this.#stop.signal, ended.signal]);
    try {
      const { engine: address } = this.#config;
      const api = await connectDocker({ address, clock, signal });
      const { hostName, version, now } = await api.info();
      this.#holdLease();
      const place = placeOf(this.#config, this.#tagsOf, identity, hostName);
      const listener = {
        onComplete: (containers: number): void => {
          const engine = formatEngineAddress(address);
          log.info({ engine, version, host: hostName, containers }, 'follows Docker');
          this.#unread = false;
          this.#away = undefined;
          onComplete();
        },
        onDiagnostics: (diagnostics: readonly Diagnostic[]): void => {
          this.#diagnostics = diagnostics;
        },
      };
      return await new Session(this.#context, { api, place, signal, listener }).run(now);
    } finally {
      ended.abort();
    }
  }

  /** The first failure is news; that it goes on is not. */
  #note(fault: Fault, attempts: number): void {
    this.#away = fault;
    const text = 'Docker is away: what it registered stays; connecting again';
    if (attempts === 0) this.#context.log.warn({ err: fault }, text);
    else this.#context.log.debug({ err: fault, attempts }, text);
  }

  #holdLease(): void {
    const { engine, identity } = this.#context;
    const lease = leaseOf(this.#config, identity);
    if (lease !== undefined) engine.leases.grant(lease.id, lease.ttlMs, () => this.#expire());
  }

  /** Nobody could say for too long whether anything still runs. The next complete list brings back what does. */
  #expire(): void {
    const { engine, identity, log } = this.#context;
    engine
      .submit((draft) => removeAll(draft, identity.node, this.#config.others))
      .then(
        (records) =>
          log.warn({ records }, 'Docker is away for longer than docker.ttl: what it registered is removed'),
        (error: unknown) =>
          log.error({ err: error }, 'Docker is away, and what it registered could not be removed'),
      );
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

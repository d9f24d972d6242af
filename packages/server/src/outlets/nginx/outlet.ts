import type { Bind, Context, Part } from '../../contract.ts';
import { Addresses } from './addresses.ts';
import { maxDelayMs, type NginxConfig } from './config.ts';
import { NginxChild } from './nginx-child.ts';
import { askNginx } from './nginx-program.ts';
import { Rollout } from './rollout.ts';

/** How often nginx is asked whether it still runs what it should, and what could not be done is tried again. */
const patrolMs = 5_000;
/** The server starts without an nginx that takes longer; readiness says so. */
const startPatienceMs = 5_000;

type NginxContext = Pick<Context, 'engine' | 'clock' | 'random' | 'log' | 'listeners'>;

/** Feeds an nginx with the traffic model. See README.md. */
export function nginxOutlet(context: NginxContext, config: NginxConfig): Part {
  return new NginxOutlet(context, config);
}

class NginxOutlet implements Part {
  readonly name = 'nginx';
  readonly #context: NginxContext;
  readonly #config: NginxConfig;
  #rollout: Rollout | undefined;
  #child: NginxChild | undefined;
  readonly #addresses: Addresses;
  #unsubscribe: () => void = () => {};
  #cancelPatrol: () => void = () => {};
  #cancelWait: () => void = () => {};
  /** When the first change came that was not brought yet. */
  #waitingSinceMs: number | undefined;
  #working: Promise<void> | undefined;
  #again = false;
  #stopped = false;

  constructor(context: NginxContext, config: NginxConfig) {
    this.#context = context;
    this.#config = config;
    this.#addresses = new Addresses(context.clock, () => this.#onChange());
  }

  async start(): Promise<void> {
    const { engine, clock, random, log } = this.#context;
    const program = await askNginx(this.#config.binary);
    const { layout, stateDir } = this.#config;
    if (layout.kind === 'whole' && layout.run) {
      this.#child = new NginxChild({
        ...{ binary: program.path, configFile: layout.file, stateDir, pidFile: layout.pidFile, clock, log },
        onExit: () => this.#onChange(),
      });
    }
    this.#rollout = new Rollout({
      config: this.#config,
      program,
      child: this.#child,
      addresses: this.#addresses,
      resolver: () => this.#resolver(),
      clock,
      random,
      log,
    });
    this.#unsubscribe = engine.subscribe((_, traffic) => {
      if (traffic.listeners.size + traffic.virtualHosts.size + traffic.clusters.size > 0) this.#onChange();
    });
    this.#work();
    await this.#firstWork();
    this.#cancelPatrol = clock.after(patrolMs, () => this.#patrol());
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#stopped = true;
    this.#unsubscribe();
    this.#cancelPatrol();
    this.#cancelWait();
    this.#rollout?.stop();
    await this.#working;
    await this.#child?.stop(deadlineMs);
  }

  async kill(): Promise<void> {
    this.#stopped = true;
    await this.#child?.stop(0);
  }

  readiness(): readonly string[] {
    return this.#rollout?.problems() ?? ['not started yet'];
  }

  /** Where the DNS outlet is bound; every address is loopback too. */
  #resolver(): Bind | undefined {
    const dns = this.#context.listeners.list().find(({ name }) => name === 'dns');
    if (dns === undefined) return undefined;
    const { address, port } = dns;
    return { address: address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address, port };
  }

  #firstWork(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#context.clock.after(startPatienceMs, resolve);
      void this.#working?.then(() => {
        cancel();
        resolve();
      });
    });
  }

  /** Puts the work off while more changes come, but not for ever. */
  #onChange(): void {
    if (this.#stopped) return;
    const nowMs = this.#context.clock.monotonicMs();
    this.#waitingSinceMs ??= nowMs;
    this.#cancelWait();
    const latestMs = this.#waitingSinceMs + Math.max(maxDelayMs, this.#config.debounceMs);
    const waitMs = Math.min(this.#config.debounceMs, latestMs - nowMs);
    this.#cancelWait = this.#context.clock.after(waitMs, () => this.#work());
  }

  /** One at a time; what changes meanwhile is brought next, all at once. */
  #work(): void {
    this.#waitingSinceMs = undefined;
    if (this.#working !== undefined) {
      this.#again = true;
      return;
    }
    this.#working = this.#bring().finally(() => {
      this.#working = undefined;
      if (!this.#again || this.#stopped) return;
      this.#again = false;
      this.#work();
    });
  }

  async #bring(): Promise<void> {
    try {
      await this.#rollout?.bring(this.#context.engine.view.traffic);
    } catch (error) {
      this.#context.log.error({ err: error }, 'nginx could not be fed');
    }
  }

  #patrol(): void {
    this.#cancelPatrol = this.#context.clock.after(patrolMs, () => this.#patrol());
    if (this.#working !== undefined) return;
    this.#addresses.refresh();
    void this.#rollout?.needsBringing().then((needed) => {
      if (needed && !this.#stopped) this.#work();
    });
  }
}

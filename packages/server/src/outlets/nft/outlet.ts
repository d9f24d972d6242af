import { Fault } from '@portolan/core/base/fault.ts';
import type { Context, Part } from '../../contract.ts';
import type { NftConfig } from './config.ts';
import { type NftProgram, nftProgram } from './nft-program.ts';
import { changesOf, rulesetOf, type VirtualPort, virtualPorts } from './translate.ts';

/** Changes that come within this of each other are one transaction. */
const debounceMs = 50;
/** How often it is looked whether the rules are still there (`nft flush ruleset` takes everybody's), and what failed is tried again. */
const patrolMs = 5_000;

type NftContext = Pick<Context, 'engine' | 'clock' | 'log'>;

/** Virtual addresses of Services as rules of the kernel. See README.md. */
export function nftOutlet(context: NftContext, config: NftConfig, program = nftProgram()): Part {
  return new NftOutlet(context, config, program);
}

class NftOutlet implements Part {
  readonly name = 'nft';
  readonly #context: NftContext;
  readonly #config: NftConfig;
  readonly #program: NftProgram;
  #unsubscribe: () => void = () => {};
  #cancelPatrol: () => void = () => {};
  #cancelWait: (() => void) | undefined;
  #working: Promise<void> | undefined;
  #again = false;
  #stopped = false;
  /** Undefined: it is not known what the kernel has. */
  #loaded: readonly VirtualPort[] | undefined;
  #problem: string | undefined = 'not started yet';

  constructor(context: NftContext, config: NftConfig, program: NftProgram) {
    this.#context = context;
    this.#config = config;
    this.#program = program;
  }

  /** Rejects where nft cannot do it at all. */
  async start(): Promise<void> {
    const { engine, clock } = this.#context;
    this.#unsubscribe = engine.subscribe((delta, traffic) => {
      if (delta.rules || traffic.clusters.size > 0) this.#onChange();
    });
    try {
      await this.#bring();
    } catch (error) {
      this.#unsubscribe();
      throw error;
    }
    this.#cancelPatrol = clock.after(patrolMs, () => this.#patrol());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unsubscribe();
    this.#cancelPatrol();
    this.#cancelWait?.();
    await this.#working;
    await this.#program.unload().catch((error: unknown) => {
      this.#context.log.error({ err: error }, 'the rules of virtual addresses could not be removed');
    });
  }

  readiness(): readonly string[] {
    return this.#problem === undefined ? [] : [this.#problem];
  }

  #onChange(): void {
    if (this.#stopped || this.#cancelWait !== undefined) return;
    this.#cancelWait = this.#context.clock.after(debounceMs, () => {
      this.#cancelWait = undefined;
      this.#work();
    });
  }

  /** One at a time; what changes meanwhile is brought next, all at once. */
  #work(): void {
    if (this.#working !== undefined) {
      this.#again = true;
      return;
    }
    const before = this.#problem;
    this.#working = this.#bring()
      .catch((error: unknown) => {
        // It is tried again and again: said once.
        if (this.#problem === before) return;
        this.#context.log.error({ err: error }, 'virtual addresses stay as they are');
      })
      .finally(() => {
        this.#working = undefined;
        if (!this.#again || this.#stopped) return;
        this.#again = false;
        this.#work();
      });
  }

  async #bring(): Promise<void> {
    const { catalog, traffic } = this.#context.engine.view;
    const { range } = this.#config;
    const ports = virtualPorts({ catalog, traffic }, range);
    const ruleset = this.#loaded === undefined ? rulesetOf(ports, range) : changesOf(this.#loaded, ports);
    if (ruleset === '') return;
    try {
      await this.#program.load(ruleset);
      this.#loaded = ports;
      this.#problem = undefined;
    } catch (error) {
      this.#loaded = undefined;
      this.#problem = Fault.from(error).message;
      throw error;
    }
  }

  #patrol(): void {
    this.#cancelPatrol = this.#context.clock.after(patrolMs, () => this.#patrol());
    if (this.#working !== undefined) return;
    void this.#program.isLoaded().then((isLoaded) => {
      if (this.#stopped || (isLoaded && this.#problem === undefined)) return;
      this.#loaded = undefined;
      this.#work();
    });
  }
}

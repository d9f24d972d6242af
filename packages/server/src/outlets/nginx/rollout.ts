import type { Clock, Random } from '@portolan/core/base/clock.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import type { TrafficModel } from '@portolan/core/traffic/model.ts';
import type { Logger } from 'pino';
import type { Bind } from '../../contract.ts';
import type { Addresses } from './addresses.ts';
import type { NginxConfig } from './config.ts';
import { followsDns } from './followed-upstream.ts';
import { askGeneration, hashOf, newGeneration } from './generation.ts';
import { currentFiles, exchange, type Files, type Good, isThere, LastGood } from './last-good.ts';
import { includedFiles, mainFile, notice } from './main-file.ts';
import type { NginxChild } from './nginx-child.ts';
import type { NginxProgram } from './nginx-program.ts';
import { type Directive, writeConfiguration } from './nginx-writer.ts';
import { takenDoors } from './ports.ts';
import { type Told, tellReload } from './reload.ts';
import { doorKey, type OwnDoor, ownDoors } from './stream-doors.ts';
import { type Translation, translate, withGeneration } from './translate.ts';
import { tryConfiguration } from './trial.ts';

export interface RolloutOptions {
  readonly config: NginxConfig;
  readonly program: NginxProgram;
  /** Undefined: somebody else runs nginx. */
  readonly child: NginxChild | undefined;
  readonly addresses: Addresses;
  /** Where our DNS answers; undefined: it does not. */
  readonly resolver: () => Bind | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** The master reads the new files and starts workers: seconds, for tens of thousands of servers. */
const verifyWithinMs = 15_000;
const verifyEveryMs = 30;
/** nginx leaves its old workers 100 ms beside the new ones: when so many answers on end are right they are over. */
const enough = 5;
/** What nginx refused is tried again after this, then ever more rarely: a port may be free again, a disk have room. */
const firstRetryMs = 5_000;
const slowestRetryMs = 60_000;

/** What was refused, by nginx or by whoever reloads it. */
interface Refusal {
  readonly hash: string;
  readonly reason: string;
  readonly times: number;
  readonly retryAtMs: number;
}

/**
 * Brings nginx to a model: translate, let nginx read it, exchange the files, reload, ask the new workers whether they run it; if
 * they do not, back to what they ran before. One `bring` at a time.
 */
export class Rollout {
  readonly #options: RolloutOptions;
  readonly #lastGood: LastGood;
  #refusal: Refusal | undefined;
  /** Nobody is there who could be reloaded. */
  #absence: { readonly generation: string; readonly reason: string } | undefined;
  #passed: string | undefined;
  #reported = '';
  #incomplete = false;
  #stopped = false;

  constructor(options: RolloutOptions) {
    this.#options = options;
    this.#lastGood = new LastGood(options.config.stateDir);
  }

  /** Why nginx does not serve the newest model; empty: it does. */
  problems(): readonly string[] {
    return [this.#refusal?.reason, this.#absence?.reason].filter((problem) => problem !== undefined);
  }

  /** Waits for nothing any more. */
  stop(): void {
    this.#stopped = true;
  }

  /** Whether `bring` may have something to do though the model is the same. */
  async needsBringing(): Promise<boolean> {
    if (this.#incomplete || this.#absence !== undefined || this.#refusal !== undefined) return true;
    return (await askGeneration(this.#options.config.listen)) !== this.#lastGood.current?.generation;
  }

  async bring(model: TrafficModel): Promise<void> {
    const { clock, config, log, random } = this.#options;
    const running = await askGeneration(config.listen);
    const translation = await this.#translate(model, running);
    const { hash, doors: ports } = translation;
    if (running !== undefined && hashOf(running) === hash) {
      const files = this.#filesOf(translation, running);
      // An old worker may have answered, after the files were exchanged for others.
      if (isThere(files)) return this.#settle({ generation: running, ports, files });
    }
    const again = this.#refusal?.hash === hash ? this.#refusal : undefined;
    if (again !== undefined && clock.monotonicMs() < again.retryAtMs) return;
    // Written already, and nobody has read it yet.
    const waiting = this.#absence !== undefined && hashOf(this.#absence.generation) === hash;
    const generation = waiting && this.#absence ? this.#absence.generation : newGeneration(hash, random);
    const good = { generation, ports, files: this.#filesOf(translation, generation) };
    const reason = await this.#exchange(translation, good).catch((thrown) => Fault.from(thrown).message);
    if (reason === undefined || this.#stopped) return;
    const times = (again?.times ?? 0) + 1;
    const waitMs = Math.min(slowestRetryMs, firstRetryMs * 2 ** Math.min(times - 1, 10));
    if (again?.reason !== reason) log.error({ generation, reason }, 'nginx keeps what it had');
    this.#refusal = { hash, reason, times, retryAtMs: clock.monotonicMs() + waitMs };
  }

  /** Resolves with why it did not work; then nginx runs what it ran before. */
  async #exchange(translation: Translation, good: Good): Promise<string | undefined> {
    if (this.#passed !== translation.hash) {
      const refusal = await tryConfiguration(this.#options.program, translation);
      if (refusal !== undefined) return `nginx does not accept the configuration: ${refusal}`;
      this.#passed = translation.hash;
    }
    if (this.#stopped) return undefined;
    const before = this.#filesBefore(Object.keys(good.files));
    try {
      exchange(good.files);
    } catch (thrown) {
      // One of two may be exchanged.
      exchange(before);
      throw thrown;
    }
    const told = await this.#tell();
    if (told.kind === 'not-running') {
      this.#refusal = undefined;
      const reason = `nginx is not running, the configuration waits for it: ${told.reason}`;
      this.#absence = { generation: good.generation, reason };
      return undefined;
    }
    const problem = told.kind === 'failed' ? told.reason : await this.#verify(good.generation);
    if (problem === undefined) this.#settle(good);
    else if (!this.#stopped) await this.#goBack(before);
    return problem;
  }

  /** The last good ones, unless they were elsewhere: then what is there. */
  #filesBefore(paths: readonly string[]): Files {
    const good = this.#lastGood.current?.files ?? {};
    const same =
      Object.keys(good).length === paths.length && paths.every((path) => Object.hasOwn(good, path));
    return same ? good : currentFiles(paths);
  }

  async #goBack(files: Files): Promise<void> {
    exchange(files);
    const good = this.#lastGood.current;
    // An nginx of our own that never ran has nothing to go back to.
    if (good === undefined && this.#options.child?.alive === false) return;
    const told = await this.#tell();
    const problem = told.kind !== 'told' ? told.reason : good && (await this.#verify(good.generation));
    if (problem !== undefined) this.#options.log.error({ problem }, 'nginx does not go back either');
  }

  #settle(good: Good): void {
    const before = this.#lastGood.current?.generation;
    this.#refusal = undefined;
    this.#absence = undefined;
    if (before === good.generation) return;
    this.#options.log.info({ generation: good.generation }, 'nginx runs the new configuration');
    try {
      this.#lastGood.keep(good);
    } catch (error) {
      this.#options.log.warn({ err: error }, 'the last good configuration could not be kept on disk');
    }
  }

  async #tell(): Promise<Told> {
    const { child, config } = this.#options;
    if (child === undefined || child.alive) return tellReload(config.reload);
    const { address, port } = config.listen;
    const key = doorKey('tcp', address, port);
    const taken = (await takenDoors([{ transport: 'tcp', address, port, key }])).get(key);
    if (taken !== undefined) {
      return { kind: 'failed', reason: `nginx.listen: ${address}:${port} cannot be opened: ${taken}` };
    }
    child.start();
    return { kind: 'told' };
  }

  /** Undefined: new workers run this, and old ones take no request any more. */
  async #verify(generation: string): Promise<string | undefined> {
    const { clock, config, child } = this.#options;
    const deadline = clock.monotonicMs() + verifyWithinMs;
    let answer: string | undefined;
    let agreeing = 0;
    while (clock.monotonicMs() < deadline && !this.#stopped) {
      answer = await askGeneration(config.listen);
      agreeing = answer === generation ? agreeing + 1 : 0;
      if (agreeing === enough) return undefined;
      if (child?.alive === false) return `nginx ended: ${child.lastWords}`;
      await new Promise<void>((resolve) => void clock.after(verifyEveryMs, resolve));
    }
    const said = answer === undefined ? 'nobody answers' : 'its workers still run the one before';
    const hint = child === undefined ? 'see its error log' : child.lastWords;
    return `nginx was reloaded and did not take the configuration (${said} at ${config.listen.address}:${config.listen.port}): ${hint}`;
  }

  async #translate(model: TrafficModel, running: string | undefined): Promise<Translation> {
    const { config, program, addresses } = this.#options;
    await addresses.use(addressesOf(model));
    const options = {
      addressOf: (address: string) => addresses.of(address),
      listen: config.listen,
      balance: config.balance,
      ownsDefault: config.layout.kind === 'whole',
      resolver: config.followDns && followsDns(program.version) ? this.#options.resolver() : undefined,
    };
    const refusedDoors = this.#hasStream()
      ? await takenDoors(this.#newDoors(model, running))
      : new NoDoors(program.hasStream ? 'nginx.stream-file is not set' : 'this nginx has no stream module');
    const translation = translate(model, { ...options, refusedDoors });
    this.#incomplete = this.#hasStream() && refusedDoors.size > 0;
    this.#report(translation.problems);
    return translation;
  }

  #hasStream(): boolean {
    const { layout } = this.#options.config;
    const included = layout.kind === 'included';
    return included ? layout.streamFile !== undefined : this.#options.program.hasStream;
  }

  /** Doors that nginx does not hold already, as far as is known. */
  #newDoors(model: TrafficModel, running: string | undefined): readonly OwnDoor[] {
    const { listen } = this.#options.config;
    const wanted = ownDoors(model, listen);
    if (this.#options.child?.alive === false) return wanted;
    const good = this.#lastGood.current;
    // It runs something of ours that we do not know any more: any of the ports may be its own.
    if (running !== undefined && running !== good?.generation) return [];
    const held = new Set(
      (good?.ports ?? []).map((port) =>
        typeof port === 'number' ? doorKey('tcp', listen.address, port) : port,
      ),
    );
    return wanted.filter(({ key }) => !held.has(key));
  }

  /** What is left out is told once, until it changes; many may be left out at the same time. */
  #report(problems: readonly string[]): void {
    const text = problems.join('\n');
    if (text === this.#reported) return;
    this.#reported = text;
    for (const problem of problems.slice(0, maxReported)) this.#options.log.warn(problem);
    const more = problems.length - maxReported;
    if (more > 0) this.#options.log.warn(`and ${more} more problems of this kind`);
  }

  #filesOf(plain: Translation, generation: string): Files {
    const { layout, listen, stateDir } = this.#options.config;
    const translation = withGeneration(plain, generation, listen);
    const { hasStream, streamModule } = this.#options.program;
    if (layout.kind === 'whole') {
      const main = mainFile(translation, {
        ...{ hasStream, streamModule, temporaryDir: stateDir, pidFile: layout.pidFile },
        process: layout.run ? 'child' : 'daemon',
      });
      return { [layout.file]: fileText(main) };
    }
    const { http, stream } = includedFiles(translation);
    const files = { [layout.httpFile]: fileText(http) };
    return layout.streamFile === undefined ? files : { ...files, [layout.streamFile]: fileText(stream) };
  }
}

const maxReported = 10;

function* addressesOf(model: TrafficModel): Generator<string> {
  for (const { endpoints } of model.clusters.values()) for (const { address } of endpoints) yield address;
}

function fileText(directives: readonly Directive[]): string {
  return notice + writeConfiguration(directives);
}

/** Every door, refused for the same reason. */
class NoDoors extends Map<string, string> {
  readonly #reason: string;

  constructor(reason: string) {
    super();
    this.#reason = reason;
  }

  override get(): string {
    return this.#reason;
  }
}

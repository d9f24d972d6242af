import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Fault } from '@portolan/core/base/fault.ts';
import type { Logger } from 'pino';
import type { ListenerAddress, ListenerRegistry, Part } from '../contract.ts';
import { findGateway, type GatewayControl } from './control-client.ts';
import { launchGateway, ownProgram } from './launch.ts';
import { type GatewaySettings, sameSettings, settledSettings } from './settings.ts';
import type { GatewayState } from './status.ts';

export interface OwnGatewayContext {
  readonly log: Logger;
  readonly listeners: ListenerRegistry;
}

export interface OwnGatewayOptions {
  readonly settings: GatewaySettings;
  /** Base URL of this server; asked at start, when its port is known. */
  readonly server: () => string;
}

const nothing: GatewayState = { listeners: [], problems: ['not started'], diagnostics: [] };
/** A gateway process that died is launched anew: at once, then ever more slowly. */
const firstBackOffMs = 100;
const slowestBackOffMs = 5_000;
/** The kernel tells it of its server's death at once. */
const noticePatienceMs = 2_000;
/** It says that it has stopped by being gone; it kills its workers itself when their time is up. */
const stopPatienceMs = 5_000;
/** Who gives the second signal waits for nothing. */
const killPatienceMs = 1_000;

/**
 * The server's gateway, in a process of its own that outlives a server which dies. A start finds the one of a server that was killed and
 * goes on with it: as it is when it runs the same program with the same settings, else replaced by a new process that takes over its sockets.
 */
export function ownGateway(context: OwnGatewayContext, options: OwnGatewayOptions): Part {
  return new OwnGateway(context, options);
}

class OwnGateway implements Part {
  readonly name = 'gateway';
  readonly #context: OwnGatewayContext;
  readonly #options: OwnGatewayOptions;
  readonly #announced = new Map<string, () => void>();
  #state = nothing;
  /** With the ports that were found: a next process must have the same. */
  #settings: GatewaySettings;
  #control: GatewayControl | undefined;
  #detach: () => void = () => {};
  #stopping = false;
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;

  constructor(context: OwnGatewayContext, options: OwnGatewayOptions) {
    this.#context = context;
    this.#options = options;
    this.#settings = options.settings;
  }

  async start(): Promise<void> {
    const { settings } = this.#options;
    const found = await freeGateway(settings.stateDir);
    if (found === undefined) {
      await this.#launch();
    } else if (found.status.owner === 'attached') {
      throw new Fault(
        'conflict',
        `--data-dir: the gateway in ${settings.stateDir} belongs to another server that runs: give one of them another directory`,
      );
    } else if (found.status.owner === 'alone') {
      throw new Fault(
        'conflict',
        `--data-dir: the gateway with process id ${found.status.pid} has its state in ${settings.stateDir}: give one of them another directory`,
      );
    } else if (sameSettings(found.status.settings, settings)) {
      this.#context.log.info({ pid: found.control.pid }, 'the gateway of the former server goes on');
    } else {
      this.#context.log.info({ pid: found.control.pid }, 'the gateway of the former server is replaced');
      await found.control.command('POST /upgrade', { program: ownProgram, start: this.#gatewayStart() });
    }
    await this.#attach();
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#retry);
    const control = this.#control;
    if (control !== undefined) {
      await control.command('POST /stop', { deadlineMs }).catch(() => undefined);
      await gone(control.pid, deadlineMs + stopPatienceMs);
    }
    this.#detach();
    this.#take(nothing);
  }

  async kill(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#retry);
    const control = this.#control;
    if (control === undefined) return;
    // A deadline that is sooner than that of a stop under way takes its place.
    const told = control.command('POST /stop', { deadlineMs: 0 }).catch(() => undefined);
    await gone(control.pid, killPatienceMs);
    await told;
  }

  readiness(): readonly string[] {
    return this.#state.problems;
  }

  diagnostics(): GatewayState['diagnostics'] {
    return this.#state.diagnostics;
  }

  #gatewayStart() {
    return { settings: this.#settings, servers: [this.#options.server()] };
  }

  async #launch(): Promise<void> {
    const child: ChildProcess = await launchGateway(this.#gatewayStart());
    child.on('error', (error) => this.#context.log.error({ err: error }, 'the gateway process'));
    if (child.connected) child.disconnect();
    child.unref();
  }

  /** Resolves when the state is known. */
  async #attach(): Promise<void> {
    const found = await findGateway(this.#options.settings.stateDir);
    if (found === undefined) throw new Fault('unavailable', 'the gateway process is not there');
    this.#control = found.control;
    const first = Promise.withResolvers<void>();
    this.#detach = found.control.attach([this.#options.server()], {
      onState: (state) => {
        this.#failures = 0;
        this.#settings = settledSettings(this.#settings, state.listeners);
        this.#take(state);
        first.resolve();
      },
      onLog: (line) => this.#log(line),
      onEnd: () => {
        first.reject(new Fault('unavailable', 'the gateway process ended'));
        this.#onEnd();
      },
    });
    await first.promise;
  }

  #onEnd(): void {
    if (this.#stopping) return;
    this.#take({ ...nothing, problems: ['the gateway process ended'] });
    this.#context.log.warn(
      { pid: this.#control?.pid },
      'the gateway process ended, or another has taken over',
    );
    this.#control = undefined;
    this.#again(0);
  }

  #again(delayMs: number): void {
    this.#retry = setTimeout(() => {
      this.#resume().catch((thrown) => {
        const backOffMs = Math.min(slowestBackOffMs, firstBackOffMs * 2 ** this.#failures++);
        this.#context.log.error({ err: thrown, backOffMs }, 'the gateway could not be started again');
        if (!this.#stopping) this.#again(backOffMs);
      });
    }, delayMs);
  }

  /** A successor is there already, or a new process is launched. */
  async #resume(): Promise<void> {
    if ((await findGateway(this.#options.settings.stateDir)) === undefined && !this.#stopping)
      await this.#launch();
    if (!this.#stopping) await this.#attach();
  }

  #take(state: GatewayState): void {
    this.#state = state;
    const wanted = new Map(state.listeners.map((listener) => [JSON.stringify(listener), listener]));
    for (const [key, withdraw] of this.#announced) {
      if (wanted.has(key)) continue;
      this.#announced.delete(key);
      withdraw();
    }
    for (const [key, listener] of wanted) this.#announce(key, listener);
  }

  #announce(key: string, listener: ListenerAddress): void {
    if (!this.#announced.has(key)) this.#announced.set(key, this.#context.listeners.announce(listener));
  }

  #log(line: string): void {
    const { level, time: _, msg, part: __, ...fields } = JSON.parse(line) as Record<string, unknown>;
    const write = this.#context.log[level as 'info'];
    if (typeof write === 'function') write.call(this.#context.log, fields, String(msg ?? ''));
  }
}

/** The gateway of `stateDir`, once it has noticed that its former server is dead; still `attached`: that one lives. */
async function freeGateway(stateDir: string): ReturnType<typeof findGateway> {
  const untilMs = performance.now() + noticePatienceMs;
  for (;;) {
    const found = await findGateway(stateDir);
    if (found?.status.owner !== 'attached' || performance.now() >= untilMs) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Resolves when the process is gone, or is killed for taking too long. */
async function gone(pid: number, patienceMs: number): Promise<void> {
  const untilMs = performance.now() + patienceMs;
  while (isThere(pid)) {
    if (performance.now() >= untilMs) return kill(pid);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has just gone.
  }
}

/** One that is dead and was not yet waited for, as process 1 of a container may leave it, is gone. */
function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch (thrown) {
    // No /proc: not Linux.
    return (thrown as NodeJS.ErrnoException).code === 'ENOENT' && process.platform !== 'linux';
  }
}

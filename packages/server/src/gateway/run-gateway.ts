import { existsSync, rmSync, writeSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { Fault } from '@portolan/core/base/fault.ts';
import type { Logger } from 'pino';
import type { ListenerRegistry } from '../contract.ts';
import { systemClock } from '../engine/system-clock.ts';
import { createListenerRegistry } from '../listeners.ts';
import { createLog } from '../log.ts';
import { type GatewayPart, gatewayPart } from '../proxy/gateway.ts';
import { InheritedSockets } from '../proxy/inherited-sockets.ts';
import { defaultLimits } from '../proxy/limits.ts';
import { Attachment } from './attachment.ts';
import {
  type ControlServer,
  controlServer,
  type GatewayCommands,
  type StopOptions,
} from './control-server.ts';
import {
  controlSocketPath,
  gatewayFilePath,
  readGatewayFile,
  removeGatewayFile,
  wasKilled,
  writeGatewayFile,
} from './gateway-file.ts';
import {
  type GatewayProgram,
  type GatewayStart,
  type LaunchEvent,
  launchGateway,
  ownProgram,
} from './launch.ts';
import { settledSettings } from './settings.ts';
import type { GatewayState, GatewayStatus } from './status.ts';

export interface RunningGateway {
  readonly listeners: ListenerRegistry;
  readonly log: Logger;
  reload(): Promise<void>;
  /** Whether a server is attached. */
  readonly owned: boolean;
  /** What is under way may take up to `deadlineMs`; default: the setting. Again with less to hurry. */
  stop(options?: { readonly deadlineMs?: number }): void;
  /** Resolves with the deadline, milliseconds from then, when it begins to stop, for whatever reason. */
  readonly stopping: Promise<number>;
  /** Resolves when nothing is left. */
  readonly stopped: Promise<void>;
}

/** To whom it belongs. */
type Owner =
  | { readonly kind: 'alone' }
  | { readonly kind: 'attached'; readonly attachment: Attachment }
  | { readonly kind: 'orphaned'; readonly sinceMs: number };

/** Whoever has launched it attaches by then. */
const attachPatienceMs = 10_000;
/** How often an attached server hears what has changed, besides listeners, which it hears of at once. */
const tellEveryMs = 500;

/** Runs the gateway of this process: resolves when it serves, rejects with a `Fault` and leaves nothing. */
export async function runGateway(
  start: GatewayStart,
  handedOver?: InheritedSockets,
): Promise<RunningGateway> {
  const fromOrphans = wasKilled(start.settings.stateDir);
  const inherited = fromOrphans ? new InheritedSockets({ fromOrphans }) : handedOver;
  const process = new GatewayProcess(start, inherited);
  await process.start();
  return process;
}

class GatewayProcess implements RunningGateway, GatewayCommands {
  readonly log: Logger;
  readonly listeners: ListenerRegistry;
  readonly #settings: GatewayStart['settings'];
  readonly #gateway: GatewayPart;
  readonly #socket: string;
  readonly #stopping = Promise.withResolvers<number>();
  readonly #stopped = Promise.withResolvers<void>();
  #servers: readonly string[];
  #control: ControlServer | undefined;
  #owner: Owner;
  #grace = false;
  #upgrading = false;
  #ended = false;
  #ticker: NodeJS.Timeout | undefined;

  constructor({ settings, servers }: GatewayStart, inherited: InheritedSockets | undefined) {
    this.#settings = settings;
    this.#servers = servers;
    this.#owner = settings.outliveMs === undefined ? { kind: 'alone' } : orphan(attachPatienceMs);
    this.#socket = controlSocketPath(settings.stateDir, process.pid);
    const alone = this.#owner.kind === 'alone';
    const to = alone ? undefined : { write: (line: string) => this.#writeLog(line) };
    // One logger for all: a child's level does not follow its parent's.
    this.log = createLog(settings.log, to).child({ part: 'gateway' });
    this.listeners = tellingRegistry(() => queueMicrotask(() => this.#tell()));
    const { stateDir, http, tls, admin, adminHosts, workers, trustedPeers, limits, tracing } = settings;
    const { accessLog, accessLogFormat, zone = '' } = settings;
    this.#gateway = gatewayPart(
      {
        clock: systemClock,
        random: Math.random,
        log: this.log,
        listeners: this.listeners,
        leaving: () => this.#grace || this.#ended,
        commands: {
          setLogLevel: (level) => this.setLogLevel(level),
          reload: () =>
            void this.reload().catch((thrown) =>
              this.log.error({ err: thrown }, 'the workers could not be replaced'),
            ),
          drain: (graceMs) => this.stop({ graceMs }),
        },
        ...(inherited === undefined ? {} : { inherited }),
      },
      {
        ...{ servers, stateDir, http, admin, adminHosts, workers, trustedPeers, zone },
        ...{ accessLog, accessLogFormat, ownerFile: gatewayFilePath(stateDir) },
        ...(tls === undefined ? {} : { tls }),
        ...(tracing === undefined ? {} : { tracing }),
        ...(limits === undefined ? {} : { limits }),
      },
    );
  }

  get owned(): boolean {
    return this.#owner.kind === 'attached';
  }

  get stopping(): Promise<number> {
    return this.#stopping.promise;
  }

  get stopped(): Promise<void> {
    return this.#stopped.promise;
  }

  async start(): Promise<void> {
    const { stateDir } = this.#settings;
    await this.#gateway.start();
    try {
      this.#control = await controlServer(this.#socket, this);
      writeGatewayFile(stateDir, { pid: process.pid, socket: this.#socket });
    } catch (thrown) {
      await this.#gateway.stop(0);
      throw thrown;
    }
    this.#ticker = setInterval(() => this.#tick(), tellEveryMs);
  }

  attach(servers: readonly string[], response: ServerResponse): void {
    if (this.#ended) throw new Fault('unavailable', 'the gateway is stopping');
    if (this.#owner.kind === 'alone') {
      throw new Fault(
        'conflict',
        'this gateway stands alone: another --data-dir is needed for a server with its own',
      );
    }
    if (this.#owner.kind === 'attached') {
      throw new Fault('conflict', 'another server has this gateway: give one of them another --data-dir');
    }
    const attachment = new Attachment(response, () => {
      if (this.#owner.kind !== 'attached' || this.#owner.attachment !== attachment || this.#ended) return;
      this.#owner = orphan();
      this.log.warn({ forMs: this.#settings.outliveMs }, 'the server has gone; going on with the last model');
    });
    this.#owner = { kind: 'attached', attachment };
    this.#servers = servers;
    this.#gateway.useServers(servers);
    this.#tell();
  }

  async status(withWorkers: boolean): Promise<GatewayStatus> {
    const reports = withWorkers ? await this.#gateway.reports() : [];
    return {
      pid: process.pid,
      settings: settledSettings(this.#settings, this.listeners.list()),
      servers: this.#servers,
      owner: this.#owner.kind,
      state: this.#state(),
      workers: reports.map(({ pid, revision, downstreamConnections }) => ({
        pid,
        revision,
        connections: downstreamConnections,
      })),
    };
  }

  async reload(): Promise<void> {
    this.log.info('replacing the workers, one by one');
    await this.#gateway.reload();
  }

  async upgrade(next: { readonly program?: GatewayProgram; readonly start?: GatewayStart }): Promise<void> {
    if (this.#upgrading || this.#ended)
      throw new Fault('conflict', 'the gateway is being replaced already, or stops');
    this.#upgrading = true;
    try {
      await this.#gateway.saveModel();
      const start = next.start ?? { settings: this.#settings, servers: this.#servers };
      const successor = await launchGateway(start, this.#gateway.sockets(), next.program ?? ownProgram);
      successor.on('message', (event: LaunchEvent) => {
        if (event.type === 'hurry') this.stop({ deadlineMs: event.deadlineMs });
      });
      this.log.info(
        { successor: successor.pid },
        'another process has taken over; finishing what is under way',
      );
    } finally {
      this.#upgrading = false;
    }
    void this.#gateway.handedOver();
    this.stop({ deadlineMs: { ...defaultLimits, ...this.#settings.limits }.drainMs });
    if (this.#owner.kind === 'attached') this.#owner.attachment.end();
  }

  setLogLevel(level: string): void {
    if (!Object.hasOwn(this.log.levels.values, level)) {
      throw new Fault('invalid', `level: must be one of ${Object.keys(this.log.levels.values).join(', ')}`);
    }
    this.log.level = level;
  }

  stop({ deadlineMs = this.#settings.drainTimeoutMs, graceMs = 0 }: StopOptions = {}): void {
    if (graceMs > 0 && !this.#ended) {
      this.#grace = true;
      setTimeout(() => this.stop({ deadlineMs }), graceMs);
      return;
    }
    const first = !this.#ended;
    this.#ended = true;
    this.#stopping.resolve(deadlineMs);
    const gone = this.#gateway.stop(deadlineMs);
    if (first) gone.then(() => this.#finish(), this.#stopped.reject);
  }

  #finish(): void {
    clearInterval(this.#ticker);
    removeGatewayFile(this.#settings.stateDir, process.pid);
    this.#control?.close();
    rmSync(this.#socket, { force: true });
    this.#stopped.resolve();
  }

  #state(): GatewayState {
    return {
      listeners: this.listeners.list(),
      problems: this.#gateway.readiness?.() ?? [],
      diagnostics: this.#gateway.diagnostics?.() ?? [],
    };
  }

  #tell(): void {
    if (this.#owner.kind === 'attached' && !this.#ended) this.#owner.attachment.tell(this.#state());
  }

  #tick(): void {
    this.#tell();
    const { stateDir, outliveMs } = this.#settings;
    if (this.#owner.kind !== 'orphaned' || this.#ended || outliveMs === undefined) return;
    // Without its directory, or when that names another, nobody will ever find it again.
    const lost = !existsSync(stateDir) || readGatewayFile(stateDir)?.pid !== process.pid;
    const over = systemClock.monotonicMs() - this.#owner.sinceMs >= outliveMs;
    if (!lost && !over) return;
    this.log.warn(
      lost ? 'the state directory is another’s or gone; stopping' : 'no server has come back; stopping',
    );
    this.stop();
  }

  #writeLog(line: string): void {
    if (this.#owner.kind === 'attached') {
      this.#owner.attachment.log(line);
      return;
    }
    try {
      writeSync(2, line);
    } catch {
      // The terminal, or whoever read our standard error, went with the server.
    }
  }
}

/** @param patienceMs before its time begins to run */
function orphan(patienceMs = 0): Owner {
  return { kind: 'orphaned', sinceMs: systemClock.monotonicMs() + patienceMs };
}

/** A registry that says when it has changed. */
function tellingRegistry(onChange: () => void): ListenerRegistry {
  const registry = createListenerRegistry();
  return {
    announce(listener) {
      const withdraw = registry.announce(listener);
      onChange();
      return () => {
        withdraw();
        onChange();
      };
    },
    list: () => registry.list(),
  };
}

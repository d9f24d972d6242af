import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Diagnostic, TrafficMessage } from '@portolan/core/traffic/model.ts';
import type { Part } from '../contract.ts';
import { type AdminServer, adminServer } from './admin.ts';
import { compileCacheFor } from './compile-cache.ts';
import type { GatewayConfig, GatewayContext } from './config.ts';
import { Doors } from './doors.ts';
import type { BoundSockets } from './inherited-sockets.ts';
import { defaultLimits } from './limits.ts';
import { ModelFile, readModelFile } from './model-file.ts';
import type { WorkerReport } from './stats.ts';
import { TicketSecret } from './tls/ticket-secret.ts';
import { toldSeldom } from './told-seldom.ts';
import { TrafficStream } from './traffic-stream.ts';
import { TrafficTable } from './traffic-table.ts';
import { type RequestWatcher, WorkerFleet } from './worker-fleet.ts';

const maxDefaultWorkers = 4;
/** A gateway without any model, its control plane away, goes on starting after this; `/readyz` says that it is not ready. */
const startPatienceMs = 5_000;

/** The gateway's state as its admin listener shows it. */
export interface GatewayView {
  /** What keeps it from serving as it should; empty = ready. */
  problems(): readonly string[];
  /** What registrants asked for and did not get. */
  diagnostics(): readonly Diagnostic[];
  model(): TrafficMessage;
  reports(): Promise<readonly WorkerReport[]>;
  /** Shows some of the requests as they end, as lines of JSON; the returned function ends it. */
  watchRequests(watcher: RequestWatcher): () => void;
}

export interface GatewayPart extends Part {
  /**
   * Replaces every worker by a new process, one by one, without a connection lost. Resolves when the new ones serve; the old ones finish
   * what they have under way.
   */
  reload(): Promise<void>;
  reports(): Promise<readonly WorkerReport[]>;
  /** The control plane is to be found there from now on. */
  useServers(servers: readonly string[]): void;
  /** Resolves when the newest model is on the disk. */
  saveModel(): Promise<void>;
  /** Another process has its sockets now: what is still accepted there is the other's. `stop` follows. */
  handedOver(): Promise<void>;
  /** The sockets that it listens on, the admin listener's among them: what a successor is given. */
  sockets(): readonly BoundSockets[];
}

/**
 * The data plane's supervisor: binds the sockets, runs the worker processes that serve them, follows the model for the TCP listeners it
 * asks for, keeps the last good model on disk. No request goes through this process.
 */
export function gatewayPart(context: GatewayContext, config: GatewayConfig): GatewayPart {
  return new Gateway(context, config);
}

class Gateway implements GatewayPart, GatewayView {
  readonly name = 'gateway';
  readonly #context: GatewayContext;
  readonly #config: GatewayConfig;
  readonly #table = new TrafficTable();
  readonly #file: ModelFile;
  readonly #modelPath: string;
  readonly #ticketSecret: TicketSecret;
  readonly #tokenFile: string;
  #fleet: WorkerFleet | undefined;
  #doors: Doors | undefined;
  #servers: readonly string[];
  #stream: TrafficStream | undefined;
  #stopped = false;
  #admin: AdminServer | undefined;

  constructor(context: GatewayContext, config: GatewayConfig) {
    this.#context = context;
    this.#config = config;
    this.#servers = config.servers;
    this.#ticketSecret = new TicketSecret(context.clock, (secret) => this.#fleet?.useTicketSecret(secret));
    this.#modelPath = join(config.stateDir, 'gateway-model.json');
    this.#tokenFile = join(config.stateDir, 'gateway-token');
    this.#file = new ModelFile(this.#modelPath, context.clock, (fault) =>
      context.log.error({ err: fault }, 'the model could not be kept on disk'),
    );
  }

  async start(): Promise<void> {
    const {
      http,
      tls,
      admin,
      accessLog,
      accessLogFormat = 'json',
      tracing,
      adminHosts: hostNames = [],
    } = this.#config;
    const { log, listeners, inherited, commands } = this.#context;
    const size = this.#config.workers ?? Math.min(availableParallelism(), maxDefaultWorkers);
    const last = readModelFile(this.#modelPath);
    if (last !== undefined) this.#table.apply(last);
    this.#fleet = new WorkerFleet(this.#context, size, {
      servers: this.#servers,
      tokenFile: this.#tokenFile,
      modelFile: this.#modelPath,
      compileCache: compileCacheFor(this.#config.stateDir),
      ownerFile: this.#config.ownerFile,
      limits: { ...defaultLimits, ...this.#config.limits },
      trustedPeers: this.#config.trustedPeers ?? [],
      zone: this.#config.zone ?? '',
      accessLog: accessLog === 'off' ? undefined : accessLog,
      accessLogFormat,
      tracing,
      workers: size,
      watched: false,
      ticketSecret: this.#ticketSecret.current,
    });
    // First, for their processes take a while to come up.
    this.#fleet.start();
    this.#doors = new Doors(this.#context, this.#fleet);
    try {
      if (http !== undefined) await this.#doors.openBuiltIn('gateway', http);
      if (tls !== undefined) await this.#doors.openBuiltIn('gateway-tls', tls);
      if (admin !== undefined)
        this.#admin = await adminServer(this, admin, { log, listeners, hostNames, inherited, commands });
    } catch (thrown) {
      await this.stop(0);
      throw thrown;
    }
    this.#followListeners();
    await this.#fleet.firstReady(startPatienceMs);
    this.#context.inherited?.closeRest();
    // Only now: the workers, which take in the same model, are more urgent.
    if (!this.#stopped) this.#follow();
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#stopped = true;
    this.#ticketSecret.stop();
    this.#stream?.stop();
    await Promise.all([this.#stopServing(deadlineMs), this.#file.flush()]);
    await this.#admin?.close();
  }

  useServers(servers: readonly string[]): void {
    this.#servers = servers;
    this.#fleet?.useServers(servers);
    this.#stream?.useServers(servers);
  }

  sockets(): readonly BoundSockets[] {
    const doors = this.#doors?.openDoors() ?? [];
    if (this.#admin === undefined) return doors;
    const { bind, handle } = this.#admin;
    return [...doors, { name: 'proxy-admin', ...bind, handles: [handle] }];
  }

  async handedOver(): Promise<void> {
    await this.#admin?.close();
  }

  async saveModel(): Promise<void> {
    await this.#file.flush();
  }

  async reload(): Promise<void> {
    await this.#fleet?.reload({ ...defaultLimits, ...this.#config.limits }.drainMs);
  }

  readiness(): readonly string[] {
    return this.problems();
  }

  problems(): readonly string[] {
    if (this.#context.leaving?.() === true) return ['draining'];
    return this.#fleet?.problems() ?? ['not started'];
  }

  diagnostics(): readonly Diagnostic[] {
    return this.#doors?.diagnostics() ?? [];
  }

  model(): TrafficMessage {
    return this.#table.snapshot();
  }

  async reports(): Promise<readonly WorkerReport[]> {
    return (await this.#fleet?.reports()) ?? [];
  }

  watchRequests(watcher: RequestWatcher): () => void {
    return this.#fleet?.watchRequests(watcher) ?? (() => undefined);
  }

  async #stopServing(deadlineMs: number): Promise<void> {
    this.#doors?.close();
    await this.#fleet?.stop(deadlineMs);
  }

  #follow(): void {
    const { clock, random, log } = this.#context;
    const complain = toldSeldom(clock, (reason) =>
      log.warn({ reason }, 'the traffic stream broke; going on with the last model'),
    );
    this.#stream = new TrafficStream({
      ...{ servers: this.#servers, tokenFile: this.#tokenFile, clock, random },
      onMessage: (message) => this.#take(message),
      onTrouble: (fault) => complain(fault.message),
    });
  }

  #take(message: TrafficMessage): void {
    this.#table.apply(message);
    this.#file.save(() => this.#table.snapshot());
    if (message.type === 'snapshot' || message.listeners.put.length + message.listeners.remove.length > 0) {
      this.#followListeners();
    }
  }

  #followListeners(): void {
    const address = (this.#config.http ?? this.#config.tls)?.address;
    if (address !== undefined) this.#doors?.want(this.#table.listeners.values(), address);
  }
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock, Random } from '@portolan/core/base/clock.ts';
import type { Intent } from '@portolan/core/catalog/draft.ts';
import type { CatalogDelta, CatalogReader, Topic } from '@portolan/core/catalog/reader.ts';
import type { ServiceAddressRanges } from '@portolan/core/rules/cluster-ip.ts';
import type { Diagnostic, TrafficDelta, TrafficModel } from '@portolan/core/traffic/model.ts';
import type { Logger } from 'pino';

/** What is true now. Replaced whole at each published change; the newest wins. */
export interface View {
  readonly revision: number;
  readonly catalog: CatalogReader;
  readonly traffic: TrafficModel;
  readonly diagnostics: readonly Diagnostic[];
  /** The store cannot be reached or written: reads go on from memory, writes fail. Undefined while all is well. */
  readonly stale: { readonly sinceMonotonicMs: number; readonly reason: string } | undefined;
}

/** The heart: intake, append, apply, plan, publish. `engine.ts` implements it; read that first. */
export interface Engine {
  readonly view: View;

  /**
   * Decides `intent` upon the newest catalog and resolves with its result once what it wrote is durable, applied and
   * published. Rejects with a `Fault`. Concurrent intents share one commit. The queue is bounded: `unavailable` when full.
   */
  submit<T>(intent: Intent<T>): Promise<T>;

  /**
   * Resolves with the topic's index as soon as it is above `after`: at once, at the next change that touches it, or with the
   * unchanged index after `timeoutMs`. Rejects with a `cancelled` fault when `signal` aborts. 10,000 waiters on one topic
   * are woken in one pass; an unrelated change costs a waiter nothing.
   */
  watch(topic: Topic, after: number, options: { timeoutMs: number; signal?: AbortSignal }): Promise<number>;

  /**
   * Called synchronously after each published view, in order of revision. Changes that were committed together come as one
   * merged `delta`. In a burst of changes planning lags a little: `traffic` then comes later, with an empty `delta`. Must
   * not throw and must be quick.
   */
  subscribe(listener: (delta: CatalogDelta, traffic: TrafficDelta, view: View) => void): () => void;

  readonly leases: Leases;
}

/**
 * Every TTL of this node on one timer wheel. Deadlines are monotonic, and stand still while the process was suspended or
 * its event loop blocked: nobody expires for a pause of ours.
 */
export interface Leases {
  /** Starts (or restarts) the lease `id`. `onExpire` is called once, unless renewed or revoked before. */
  grant(id: string, ttlMs: number, onExpire: () => void): void;
  /** A fresh deadline. False: no such lease here. Never touches the store. */
  renew(id: string): boolean;
  /** Forgets the lease without calling `onExpire`. False: no such lease. */
  revoke(id: string): boolean;
  /** Milliseconds until `id` expires, undefined: no such lease. */
  remainingMs(id: string): number | undefined;
  readonly size: number;
}

/** Which Portolan node this is. */
export interface Identity {
  /** `--node`, default the host name. */
  readonly node: string;
  /** UUID, made at the first start and kept in the data directory. */
  readonly nodeId: string;
  readonly datacenter: string;
  /** The address by which others reach this machine; default 127.0.0.1. */
  readonly address: string;
  readonly version: string;
}

/** What every dialect is given. */
export interface Context {
  readonly engine: Engine;
  readonly identity: Identity;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** The shared `http` listener (Consul API, Portolan API, console). */
  readonly http: HttpRoutes;
  /** Health checks: what the registering dialects and the API need to know beyond the records. */
  readonly health: HealthReports;
  readonly listeners: ListenerRegistry;
  /** Where Service manifests get their addresses; absent: nowhere. */
  readonly serviceAddresses?: ServiceAddressRanges;
}

/** Takes requests of the shared `http` listener. The longest matching prefix wins. */
export interface HttpRoutes {
  mount(prefix: string, handler: HttpHandler): void;
}

/** The listener has checked Host and Origin, counted the connection and answers any rejection with 500 and a plain text. */
export type HttpHandler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

/** The checks of this node as they run. */
export interface HealthReports {
  /**
   * A TTL check's owner says how it is. A changed status is written (and durable when this resolves); the same status only
   * renews the lease and keeps the new output in memory. Rejects with `not-found` for an unknown check, and with
   * `invalid` for one that is not TTL.
   */
  report(
    node: string,
    checkId: string,
    status: 'passing' | 'warning' | 'critical',
    output: string,
  ): Promise<void>;
  /** The newest output of a check whose record may hold an older one. */
  outputOf(node: string, checkId: string): string | undefined;
}

/** Where each named listener really is. */
export interface ListenerRegistry {
  /** Called by the owner of a listener when it is bound; the returned function takes it off. */
  announce(listener: ListenerAddress): () => void;
  /** The same list until one comes or goes. */
  list(): readonly ListenerAddress[];
}

export interface ListenerAddress {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly protocols: readonly string[];
}

/** `ADDR:PORT`, parsed; `off` is undefined. Port 0 takes a free one. */
export interface Bind {
  readonly address: string;
  readonly port: number;
}

/**
 * A frontend, a source or an outlet: what `server.ts` lists. `start` resolves when it is ready to serve; `stop` resolves
 * when nothing of it is left (sockets, timers, processes). Both are called once.
 */
export interface Part {
  readonly name: string;
  start(): Promise<void>;
  /** Stops taking new work at once, finishes what is under way, at most until `deadlineMs` from now. */
  stop(deadlineMs: number): Promise<void>;
  /** The second signal: this process ends at once, and what it started outside of itself must too. Also while `stop` is under way. */
  kill?(): Promise<void>;
  /** What is wrong now, in words; empty = ready. Shown by `/readyz?verbose`. */
  readiness?(): readonly string[];
  /** What it cannot do as asked, although it serves: shown beside the planner's. A registrant's mistake must not make us unready. */
  diagnostics?(): readonly Diagnostic[];
}

/** A part as `/readyz?verbose` shows it. */
export interface PartReadiness {
  readonly name: string;
  /** Empty: ready. */
  readonly problems: readonly string[];
}

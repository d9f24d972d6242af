import type { Door } from './door-key.ts';
import type { GatewayLimits } from './limits.ts';
import type { WorkerReport } from './stats.ts';
import type { TracingConfig } from './tracing/config.ts';

/** What a worker is told once, first. */
export interface WorkerSettings {
  /** Base URLs of the control plane, tried in turn. */
  readonly servers: readonly string[];
  /** Holds what is shown to the control plane to be told secrets. */
  readonly tokenFile: string;
  /** Where the last good model lies. */
  readonly modelFile: string;
  /** A directory where Node keeps compiled code from one start to the next. */
  readonly compileCache: string;
  /** See `GatewayConfig`. */
  readonly ownerFile: string | undefined;
  readonly limits: GatewayLimits;
  readonly trustedPeers: readonly string[];
  /** Empty: unknown. */
  readonly zone: string;
  /** A file or `stdout`; undefined: off. */
  readonly accessLog: string | undefined;
  readonly accessLogFormat: string;
  readonly tracing: TracingConfig | undefined;
  /** How many there are, this one among them. */
  readonly workers: number;
  /** Somebody looks at requests as they end. */
  readonly watched: boolean;
  /** What TLS session tickets are sealed with, base64. */
  readonly ticketSecret: string;
}

/** From the supervisor to a worker. `listen` comes with a listening handle, but for datagrams. */
export type WorkerCommand =
  | { readonly type: 'configure'; readonly settings: WorkerSettings }
  | { readonly type: 'listen'; readonly id: number; readonly door: Door }
  | { readonly type: 'unlisten'; readonly id: number }
  /** From now on session tickets are sealed with it. */
  | { readonly type: 'ticket-secret'; readonly secret: string }
  /** The control plane is to be found there from now on. */
  | { readonly type: 'servers'; readonly servers: readonly string[] }
  | { readonly type: 'watch'; readonly on: boolean }
  | { readonly type: 'report'; readonly id: number }
  /** Stop accepting, finish what is under way, exit within `deadlineMs`. */
  | { readonly type: 'drain'; readonly deadlineMs: number };

/** From a worker to the supervisor. */
export type WorkerEvent =
  /** It has a model and may be given connections. */
  | { readonly type: 'ready' }
  | { readonly type: 'listening'; readonly id: number; readonly error: number }
  | { readonly type: 'report'; readonly id: number; readonly report: WorkerReport }
  /** Some of those that have ended, while it is watched. */
  | { readonly type: 'requests'; readonly lines: readonly string[] }
  | { readonly type: 'trouble'; readonly message: string };

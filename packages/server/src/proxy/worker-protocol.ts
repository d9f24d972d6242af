import type { Door } from './data-plane.ts';
import type { GatewayLimits } from './limits.ts';
import type { WorkerReport } from './stats.ts';

/** What a worker is told once, first. */
export interface WorkerSettings {
  /** Base URL of the control plane. */
  readonly server: string;
  /** Where the last good model lies. */
  readonly modelFile: string;
  /** A directory where Node keeps compiled code from one start to the next. */
  readonly compileCache: string;
  readonly limits: GatewayLimits;
  readonly trustedPeers: readonly string[];
  /** A file or `stdout`; undefined: off. */
  readonly accessLog: string | undefined;
}

/** From the supervisor to a worker. `listen` comes with a listening handle. */
export type WorkerCommand =
  | { readonly type: 'configure'; readonly settings: WorkerSettings }
  | { readonly type: 'listen'; readonly id: number; readonly door: Door }
  | { readonly type: 'unlisten'; readonly id: number }
  | { readonly type: 'report'; readonly id: number }
  /** Stop accepting, finish what is under way, exit within `deadlineMs`. */
  | { readonly type: 'drain'; readonly deadlineMs: number };

/** From a worker to the supervisor. */
export type WorkerEvent =
  /** It has a model and may be given connections. */
  | { readonly type: 'ready' }
  | { readonly type: 'listening'; readonly id: number; readonly error: number }
  | { readonly type: 'report'; readonly id: number; readonly report: WorkerReport }
  | { readonly type: 'trouble'; readonly message: string };

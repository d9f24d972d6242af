import type { Diagnostic } from '@portolan/core/traffic/model.ts';
import type { ListenerAddress } from '../contract.ts';
import type { GatewaySettings } from './settings.ts';

/** What a gateway process says of itself when asked: `GET /status`; with `?workers` of its workers, too. */
export interface GatewayStatus {
  readonly pid: number;
  readonly settings: GatewaySettings;
  readonly servers: readonly string[];
  /** `alone`: belongs to no server. `orphaned`: its server has gone, and it ends unless one comes. */
  readonly owner: 'alone' | 'attached' | 'orphaned';
  readonly state: GatewayState;
  readonly workers: readonly {
    readonly pid: number;
    readonly revision: number;
    readonly connections: number;
  }[];
}

/** What its server needs to know of it, always the newest. */
export interface GatewayState {
  readonly listeners: readonly ListenerAddress[];
  /** Empty: ready. */
  readonly problems: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
}

/** A line of the stream that a server attaches by: `POST /attach`. */
export type AttachEvent =
  | { readonly type: 'state'; readonly state: GatewayState }
  /** A line of its log, JSON. */
  | { readonly type: 'log'; readonly line: string };

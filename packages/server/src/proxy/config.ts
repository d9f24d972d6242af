import type { Clock, Random } from '@portolan/core/base/clock.ts';
import type { Logger } from 'pino';
import type { Bind, ListenerRegistry } from '../contract.ts';
import type { InheritedSockets } from './inherited-sockets.ts';
import type { GatewayLimits } from './limits.ts';
import type { TracingConfig } from './tracing/config.ts';

/** What the gateway is asked to be. */
export interface GatewayConfig {
  /** The listener `gateway`; undefined = off. TCP listeners of the model are bound on its address. */
  readonly http: Bind | undefined;
  /** The listener `gateway-tls`; default: off. */
  readonly tls?: Bind;
  /** The listener `proxy-admin`; undefined = off. */
  readonly admin: Bind | undefined;
  /** Host names by which `admin` may be called, besides IP literals, `localhost` and `*.localhost`; default: none. */
  readonly adminHosts?: readonly string[];
  /** Worker processes; default: one for each core, at most 4. */
  readonly workers?: number;
  /** Base URLs of the control plane, tried in turn; the first that answers is followed until it fails. */
  readonly servers: readonly string[];
  /** A directory; `gateway-model.json` is kept there, and `gateway-token`, if it is there, is shown to the control plane. */
  readonly stateDir: string;
  /**
   * A file in which the process that has the sockets is named, `{"pid":…}`. Workers whose own has died serve on until another stands there.
   * Default: they stop at once.
   */
  readonly ownerFile?: string;
  /** A file, `stdout` or `off` (default). */
  readonly accessLog?: string;
  /** As `lineFormat` has it; default `json`. */
  readonly accessLogFormat?: string;
  /** Default: none. */
  readonly tracing?: TracingConfig;
  /** Addresses and CIDR ranges whose `X-Forwarded-…` is believed; default: none. */
  readonly trustedPeers?: readonly string[];
  /** Where it is, for clusters that prefer endpoints of its zone; default: unknown. */
  readonly zone?: string;
  /** Instead of `defaultLimits`. */
  readonly limits?: Partial<GatewayLimits>;
}

/** What the gateway is given by whoever runs it: a server's `Context` fits. */
export interface GatewayContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly listeners: ListenerRegistry;
  /** Whether it is about to stop, and must not be sent anything new; default: never. */
  readonly leaving?: () => boolean;
  /** What the admin listener may ask for; default: nothing. */
  readonly commands?: AdminCommands;
  /** What a predecessor has handed over; default: none. */
  readonly inherited?: InheritedSockets;
}

/** What can be asked of the process that runs the gateway. None of them waits. */
export interface AdminCommands {
  /** Throws a `Fault` (`invalid`) for a level that there is not. */
  setLogLevel(level: string): void;
  reload(): void;
  /** Says for so long that it is not ready, then finishes what is under way and ends. */
  drain(graceMs: number): void;
}

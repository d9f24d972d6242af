import type { Clock, Random } from '@portolan/core/base/clock.ts';
import type { TrafficMessage } from '@portolan/core/traffic/model.ts';
import type { Logger } from 'pino';
import type { Bind, ListenerRegistry } from '../contract.ts';
import type { GatewayLimits } from './limits.ts';

/** What the gateway is asked to be. */
export interface GatewayConfig {
  /** The listener `gateway`; undefined = off. TCP listeners of the model are bound on its address. */
  readonly http: Bind | undefined;
  /** The listener `proxy-admin`; undefined = off. */
  readonly admin: Bind | undefined;
  /** Host names by which `admin` may be called, besides IP literals, `localhost` and `*.localhost`; default: none. */
  readonly adminHosts?: readonly string[];
  /** Worker processes; default: one for each core, at most 4. */
  readonly workers?: number;
  /** Base URL of the control plane; asked at start, when its port is known. */
  readonly server: () => string;
  /**
   * Where the control plane is in this very process: follows its model without a stream, and is called with a snapshot first.
   * Returns what ends it. Default: the supervisor reads the stream of `server`, as the workers do.
   */
  readonly follow?: (onMessage: (message: TrafficMessage) => void) => () => void;
  /** A directory; `gateway-model.json` is kept there. */
  readonly stateDir: string;
  /** A file, `stdout` or `off` (default). */
  readonly accessLog?: string;
  /** Addresses and CIDR ranges whose `X-Forwarded-…` is believed; default: none. */
  readonly trustedPeers?: readonly string[];
  /** Instead of `defaultLimits`. */
  readonly limits?: Partial<GatewayLimits>;
}

/** What the gateway is given by whoever runs it: a server's `Context` fits. */
export interface GatewayContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly listeners: ListenerRegistry;
}

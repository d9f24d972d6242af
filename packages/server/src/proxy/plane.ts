import type { Clock } from '@portolan/core/base/clock.ts';
import type { AccessLog } from './access-log.ts';
import type { TrustedPeers } from './forwarding.ts';
import type { RequestReader } from './http1/request-reader.ts';
import type { ResponseReader } from './http1/response-reader.ts';
import type { GatewayLimits } from './limits.ts';
import type { LocalReplies } from './local-reply.ts';
import type { Router } from './router.ts';
import type { Sweeper } from './sweeper.ts';
import type { Tracer } from './tracing/tracer.ts';

/** What the connections of one worker share. `data-plane.ts` makes it. */
export interface Plane {
  readonly clock: Clock;
  readonly limits: GatewayLimits;
  readonly router: Router;
  readonly sweeper: Sweeper;
  readonly replies: LocalReplies;
  readonly requests: RequestReader;
  readonly responses: ResponseReader;
  readonly trusted: TrustedPeers;
  readonly accessLog: AccessLog;
  /** Whether finished requests are noted at all: else the entry is not even made. Changes when somebody looks at a sample. */
  logsAccess: boolean;
  /** Undefined: nothing is traced. */
  readonly tracer: Tracer | undefined;
  readonly counters: PlaneCounters;
  /** Connections that are passed through now: WebSockets, TCP. */
  readonly tunnels: Set<{ close(): void }>;
  /** Keep-alive ends with the response under way. */
  draining: boolean;
}

export interface PlaneCounters {
  open: number;
  accepted: number;
  /** Octets that are held for clients whose turn has not come. */
  aheadBytes: number;
  /** Over `maxConnections`. */
  turnedAway: number;
  /** Requests that were refused, by the code of the refusal: a closed set. */
  readonly refusals: Map<string, number>;
}

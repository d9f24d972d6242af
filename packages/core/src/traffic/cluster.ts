import type { Labels } from '../base/labels.ts';
import type { AdaptivePolicy } from '../resilience/adaptive-concurrency.ts';
import type { RetryBudget } from '../resilience/circuit-breaker.ts';

/** A set of endpoints that do the same, and how they are spoken to. */
export interface Cluster {
  readonly name: string;
  readonly endpoints: readonly Endpoint[];
  readonly balance: BalancePolicy;
  readonly connectTimeoutMs: number;
  readonly outlier: OutlierDetection;
  /** At the same time, each worker. */
  readonly maxConnections: number;
  readonly maxPendingRequests: number;
  /** Absent: Envoy's 1,024. */
  readonly maxRequests?: number;
  /** Requests that are being retried, at the same time; absent: every one may be (Envoy: 3). `retryBudget` holds instead, if given. */
  readonly maxRetries?: number;
  readonly retryBudget?: RetryBudget;
  /** After so many a connection is closed; 0 or absent: never. */
  readonly maxRequestsPerConnection?: number;
  /** A connection that is not used for so long is closed. Absent: the data plane's own. */
  readonly idleTimeoutMs?: number;
  /** What the endpoints speak. Absent: `http1`. `http2` is prior knowledge, or ALPN where there is `tls`; `auto` asks by ALPN. */
  readonly protocol?: 'http1' | 'http2' | 'auto';
  readonly tls?: UpstreamTls;
  /** A PROXY protocol header is sent first on each connection. */
  readonly proxyProtocol?: 'v1' | 'v2';
  readonly activeCheck?: ActiveCheck;
  /** Below this share of healthy endpoints all are asked, healthy or not. Absent: Envoy's 50. 0: never. */
  readonly panicPercent?: number;
  readonly slowStart?: {
    readonly windowMs: number;
    readonly aggression: number;
    readonly minWeightPercent: number;
  };
  /** Prefer endpoints of the proxy's own zone (label `zone`). */
  readonly zonePreference?: boolean;
  readonly adaptiveConcurrency?: Partial<AdaptivePolicy>;
}

export type BalancePolicy =
  | {
      readonly policy:
        | 'round-robin'
        | 'random'
        | 'peak-ewma'
        | 'dubbo-least-active'
        | 'dubbo-shortest-response';
    }
  | { readonly policy: 'least-request'; readonly choices?: number }
  | {
      readonly policy: 'ring-hash' | 'maglev';
      readonly key: HashKey;
      /** No endpoint has more than this share of the mean load. Absent: no bound. 100 and more. */
      readonly boundPercent?: number;
    };

/** What of a request is hashed. A cookie with `ttlS` is made where the client has none. */
export type HashKey =
  | { readonly type: 'header'; readonly name: string }
  | { readonly type: 'cookie'; readonly name: string; readonly path?: string; readonly ttlS?: number }
  | { readonly type: 'query'; readonly name: string }
  /** Path and query as the client sent them. */
  | { readonly type: 'uri' }
  | { readonly type: 'source-address' };

/** Passive health. Names and defaults are Envoy's where it has them. */
export interface OutlierDetection {
  /** Connect failures, resets and timeouts in a row until the endpoint is ejected. 0: never for it. */
  readonly consecutiveLocalFailures: number;
  /** 0: never for it. */
  readonly consecutive5xx: number;
  /** 502, 503, 504 in a row; absent or 0: not looked at. */
  readonly consecutiveGatewayFailures?: number;
  readonly baseEjectionMs: number;
  readonly maxEjectionMs: number;
  /** At most this share of a cluster is ejected, but always at least one endpoint may be. */
  readonly maxEjectionPercent: number;
  /** Comparison with the others, each `intervalMs`. Absent: not done. */
  readonly intervalMs?: number;
  /** `stdevFactor` in thousandths, as in Envoy: 1900. */
  readonly successRate?: {
    readonly minimumHosts: number;
    readonly requestVolume: number;
    readonly stdevFactor: number;
  };
  readonly failurePercentage?: {
    readonly threshold: number;
    readonly minimumHosts: number;
    readonly requestVolume: number;
  };
}

/** The proxy's own probes, besides what the registry knows. */
export interface ActiveCheck {
  readonly probe:
    | { readonly type: 'tcp' }
    | {
        readonly type: 'http';
        readonly path: string;
        readonly host?: string;
        /** Inclusive ranges. Default 200–299. */
        readonly expect?: readonly (readonly [number, number])[];
      }
    | { readonly type: 'grpc'; readonly service: string };
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly healthyThreshold: number;
  readonly unhealthyThreshold: number;
}

/** TLS to the endpoints. */
export interface UpstreamTls {
  /** Server name that is asked for and verified; absent: the request's host. */
  readonly serverName?: string;
  /** False: any certificate is taken. */
  readonly verify: boolean;
  /** PEM; absent: the system's authorities. */
  readonly ca?: string;
  /** One of them must be in the certificate, instead of the server name. */
  readonly subjectAltNames?: readonly string[];
  /** Name of the `Certificate` that we present. */
  readonly certificate?: string;
}

export interface Endpoint {
  /** `<node>/<instance id>`: stays the same across address changes. */
  readonly id: string;
  readonly address: string;
  readonly port: number;
  readonly weight: number;
  /** `draining`: takes no new connection, keeps its old ones. */
  readonly state: 'healthy' | 'draining';
  readonly labels: Labels;
}

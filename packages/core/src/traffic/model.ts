import type { Labels } from '../base/labels.ts';

/**
 * Where requests go, in Envoy's four nouns: listener, route, cluster, endpoint. `plan` makes it from the catalog; the
 * proxy, nginx, Envoy and the rest are fed from it. Frozen plain data: it crosses the stream protocol as JSON.
 */
export interface TrafficModel {
  readonly revision: number;
  readonly listeners: ReadonlyMap<string, Listener>;
  readonly virtualHosts: ReadonlyMap<string, VirtualHost>;
  readonly clusters: ReadonlyMap<string, Cluster>;
}

/** A door. The built-in HTTP door is named `gateway`; where it is bound is the data plane's own setting. */
export type Listener =
  | { readonly name: string; readonly protocol: 'http' }
  /** A port that is passed through to one cluster. Bound on the gateway's address. */
  | { readonly name: string; readonly protocol: 'tcp'; readonly port: number; readonly cluster: string };

/** Requests whose `Host` matches one of `domains` (lower case, without port; `*.suffix` and `*` allowed). */
export interface VirtualHost {
  readonly name: string;
  readonly domains: readonly string[];
  /** The first that matches wins. */
  readonly routes: readonly Route[];
}

export interface Route {
  readonly match: { readonly pathPrefix: string };
  readonly action: RouteAction;
  /** Whole request, milliseconds; 0 = none. */
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
}

export type RouteAction =
  | { readonly type: 'cluster'; readonly cluster: string }
  | { readonly type: 'direct'; readonly status: number; readonly body: string; readonly contentType: string };

export interface RetryPolicy {
  /** Tries after the first; 0 = none. */
  readonly retries: number;
  /**
   * `connect-failure`: nothing was sent, so any method may go again. `reset-before-response`: sent, no response byte
   * came; only idempotent methods (RFC 9110 §9.2.2) go again.
   */
  readonly on: readonly RetryCondition[];
  readonly perTryTimeoutMs: number;
}

export type RetryCondition = 'connect-failure' | 'reset-before-response';

export interface Cluster {
  readonly name: string;
  readonly endpoints: readonly Endpoint[];
  readonly balance: { readonly policy: 'round-robin' };
  readonly connectTimeoutMs: number;
  readonly outlier: OutlierDetection;
  /** At the same time, each worker. */
  readonly maxConnections: number;
  readonly maxPendingRequests: number;
}

/** Passive health. Names and defaults are Envoy's where it has them. */
export interface OutlierDetection {
  /** Connect failures, resets and timeouts in a row until the endpoint is ejected. */
  readonly consecutiveLocalFailures: number;
  readonly consecutive5xx: number;
  readonly baseEjectionMs: number;
  readonly maxEjectionMs: number;
  /** At most this share of a cluster is ejected, but always at least one endpoint may be. */
  readonly maxEjectionPercent: number;
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

/** One message of the stream protocol. The first is a `snapshot`, every later one an `update`. */
export interface TrafficMessage {
  readonly type: 'snapshot' | 'update';
  readonly revision: number;
  readonly listeners: ResourceChange<Listener>;
  readonly virtualHosts: ResourceChange<VirtualHost>;
  readonly clusters: ResourceChange<Cluster>;
}

export interface ResourceChange<T> {
  readonly put: readonly T[];
  /** Names; always empty in a snapshot. */
  readonly remove: readonly string[];
}

/** Something that could not be done as asked; everything else was. */
export interface Diagnostic {
  readonly severity: 'error' | 'warning' | 'info';
  /** Stable, kebab-case: `tcp-port-conflict`, `derived-name-collision` … */
  readonly code: string;
  /** What it is about: `service/default/mysql-3306`. */
  readonly subject: string;
  readonly message: string;
}

/** Which resources differ between two models, by name. */
export interface TrafficDelta {
  readonly listeners: ReadonlySet<string>;
  readonly virtualHosts: ReadonlySet<string>;
  readonly clusters: ReadonlySet<string>;
}

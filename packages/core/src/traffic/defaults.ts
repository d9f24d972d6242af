import type { Cluster, OutlierDetection, RetryPolicy } from './model.ts';

/** Envoy's default, api/envoy/config/cluster/v3/cluster.proto `connect_timeout`. */
const connectTimeoutMs = 5_000;

/** Envoy's defaults, api/envoy/config/cluster/v3/circuit_breaker.proto. */
const maxConnections = 1024;
const maxPendingRequests = 1024;

/**
 * Envoy's outlier defaults (outlier_detection.proto), with one difference: Envoy ejects at most 10 % of a cluster, which in
 * a service of three copies would leave the dead one in for every third request. Half may go here, and always one.
 */
const outlier: OutlierDetection = Object.freeze({
  consecutiveLocalFailures: 5,
  consecutive5xx: 5,
  baseEjectionMs: 30_000,
  maxEjectionMs: 300_000,
  maxEjectionPercent: 50,
});

const balance = Object.freeze({ policy: 'round-robin' as const });

/** What every cluster has until a rule says otherwise. */
export const clusterDefaults: Omit<Cluster, 'name' | 'endpoints'> = Object.freeze({
  balance,
  connectTimeoutMs,
  outlier,
  maxConnections,
  maxPendingRequests,
});

/**
 * Two more tries: enough to get past one dead copy and one that is about to be. Only where nothing can have happened twice.
 * Envoy has no default for a try's own timeout; the whole request's bounds it here.
 */
export const retryDefaults: RetryPolicy = Object.freeze({
  retries: 2,
  on: Object.freeze(['connect-failure', 'reset-before-response'] as const),
  perTryTimeoutMs: 0,
});

/**
 * None, as in Istio: Envoy's 15 s for the whole request would cut every long download and event stream. An upstream that says
 * nothing is cut by the data plane's own idle timeouts; a rule may set a limit.
 */
export const routeTimeoutMs = 0;

/** Whoever may register may open ports of the gateway by a service's name: enough for every real set of databases and queues. */
export const maxTcpListeners = 100;

/** Below are the ports of the machine's own services (ssh, http, dns), which need privileges to be opened. */
export const minTcpPort = 1_024;

import type {
  Cluster,
  Endpoint,
  Listener,
  Route,
  TrafficModel,
  VirtualHost,
} from '@portolan/core/traffic/model.ts';
import { edgeTable } from '@portolan/core/traffic/route.ts';

/** A model in short, as a test would say it. */
export interface ModelSketch {
  /** Host to its routes: path prefix to a cluster's name, or a whole action. */
  readonly hosts?: Readonly<Record<string, RoutesSketch>>;
  /** Port to cluster. */
  readonly tcp?: Readonly<Record<number, string>>;
  readonly clusters?: readonly Cluster[];
}

type RoutesSketch = readonly (readonly [
  prefix: string,
  action: string | Route['action'],
  more?: Partial<Route>,
])[];

export function modelOf({ hosts = {}, tcp = {}, clusters = [] }: ModelSketch): TrafficModel {
  return {
    revision: 1,
    certificates: new Map(),
    tlsHosts: new Map(),
    listeners: new Map<string, Listener>([
      ['gateway', { name: 'gateway', protocol: 'http', bind: 'gateway', table: edgeTable }],
      ...Object.entries(tcp).map(([port, cluster]) => tcpListener(Number(port), cluster)),
    ]),
    virtualHosts: new Map(Object.entries(hosts).map(([host, routes]) => [host, hostOf(host, routes)])),
    clusters: new Map(clusters.map((cluster) => [cluster.name, cluster])),
  };
}

function tcpListener(port: number, cluster: string): [string, Listener] {
  const name = `tcp-${port}`;
  return [name, { name, protocol: 'tcp', bind: { port }, targets: [{ weight: 1, cluster }] }];
}

function hostOf(host: string, routes: RoutesSketch): VirtualHost {
  return {
    name: host,
    table: edgeTable,
    domains: [host],
    routes: routes.map(([pathPrefix, action, more]) => ({
      name: `${host}${pathPrefix}`,
      match: { path: { type: 'prefix', value: pathPrefix } },
      action:
        typeof action === 'string' ? { type: 'forward', targets: [{ weight: 1, cluster: action }] } : action,
      timeoutMs: 0,
      retry: { retries: 2, on: ['connect-failure', 'reset-before-response'], perTryTimeoutMs: 0 },
      ...more,
    })),
  };
}

export function clusterOf(name: string, endpoints: readonly Endpoint[]): Cluster {
  return {
    name,
    endpoints,
    balance: { policy: 'round-robin' },
    connectTimeoutMs: 5_000,
    outlier: {
      consecutiveLocalFailures: 5,
      consecutive5xx: 5,
      baseEjectionMs: 30_000,
      maxEjectionMs: 300_000,
      maxEjectionPercent: 50,
    },
    maxConnections: 1_024,
    maxPendingRequests: 1_024,
  };
}

export function endpointAt(address: string, port: number, more: Partial<Endpoint> = {}): Endpoint {
  return { id: `n1/${address}:${port}`, address, port, weight: 1, state: 'healthy', labels: {}, ...more };
}

export function direct(status: number, body: string, contentType = 'text/plain'): Route['action'] {
  return { type: 'direct', status, body, contentType };
}

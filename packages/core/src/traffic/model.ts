import type { Cluster } from './cluster.ts';
import type { Certificate, Listener, TlsHost } from './listener.ts';
import type { VirtualHost } from './route.ts';

export type * from './cluster.ts';
export type * from './listener.ts';
export type * from './route.ts';

/**
 * Where requests go, in Envoy's nouns: listener, route, cluster, endpoint; and for TLS the hosts and their certificates. `plan`
 * makes it from the catalog; the proxy, nginx, Envoy and the rest are fed from it. Frozen plain data: it crosses the stream protocol as
 * JSON.
 */
export interface TrafficModel {
  readonly revision: number;
  readonly listeners: ReadonlyMap<string, Listener>;
  readonly virtualHosts: ReadonlyMap<string, VirtualHost>;
  readonly clusters: ReadonlyMap<string, Cluster>;
  readonly tlsHosts: ReadonlyMap<string, TlsHost>;
  readonly certificates: ReadonlyMap<string, Certificate>;
}

/** The resources of each kind; every one has a `name`, unique in its kind. */
export interface TrafficResources {
  readonly certificates: Certificate;
  readonly clusters: Cluster;
  readonly tlsHosts: TlsHost;
  readonly virtualHosts: VirtualHost;
  readonly listeners: Listener;
}

export type TrafficKind = keyof TrafficResources;

/** Make before break: what is pointed at comes first. */
export const trafficKinds = Object.freeze([
  'certificates',
  'clusters',
  'tlsHosts',
  'virtualHosts',
  'listeners',
] as const satisfies readonly TrafficKind[]);

/** One message of the stream protocol. The first is a `snapshot`, every later one an `update`. */
export type TrafficMessage = TrafficChanges & {
  readonly type: 'snapshot' | 'update';
  readonly revision: number;
};

export type TrafficChanges = { readonly [K in TrafficKind]: ResourceChange<TrafficResources[K]> };

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
  /** What it is about: `service/default/mysql-3306`, `ingress/shop/web`. */
  readonly subject: string;
  readonly message: string;
  /** Where in a manifest: `spec.rules[0].http.paths[1].backend`. */
  readonly path?: string;
}

/** Which resources differ between two models, by name. */
export type TrafficDelta = { readonly [K in TrafficKind]: ReadonlySet<string> };

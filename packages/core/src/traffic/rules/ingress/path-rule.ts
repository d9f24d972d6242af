import type { RetryPolicy, RouteAction, RoutePolicies, StickyCookie } from '../../route.ts';
import type { ClusterSettings } from '../contract.ts';
import type { Age, Rank } from '../rank.ts';

/**
 * One path of an Ingress on one host. It becomes routes only together with the others of its host: a canary goes with the path that it
 * shadows, one regex makes all paths of the host regexes, one TLS section redirects all to HTTPS (`host-routes.ts`).
 */
export interface IngressPathRule {
  readonly type: 'ingress-path';
  readonly table: string;
  readonly host: string;
  /** Where it stands unless the host's paths are regexes. */
  readonly rank: Rank;
  readonly age: Age;
  readonly position: number;
  /** Where in the document. */
  readonly path: string;
  /** Name of its routes. */
  readonly name: string;
  /** `default`: the default backend, for what no path matches. */
  readonly pathType: 'Exact' | 'Prefix' | 'ImplementationSpecific' | 'default';
  readonly value: string;
  readonly backend: IngressTarget;
  readonly behaviour: PathBehaviour;
  readonly canary?: Canary;
}

/** A cluster, or the status that is answered where there is none. */
export type IngressTarget =
  | {
      readonly cluster: string;
      /** As the Ingress names them. */
      readonly service: string;
      readonly port: string;
      /** `Host` that it is asked for. */
      readonly host?: string;
    }
  | { readonly status: number };

/** What the annotations of an Ingress say; the same object for all of its paths. */
export interface PathBehaviour {
  /** `use-regex` or `rewrite-target`. */
  readonly regex: boolean;
  readonly rewriteTarget?: string;
  /** The `tls` section covers the host. */
  readonly tls: boolean;
  readonly sslRedirect: boolean;
  readonly forceSslRedirect: boolean;
  readonly httpsPort: number;
  readonly appRoot?: string;
  /** Instead of the backend. */
  readonly redirect?: Extract<RouteAction, { type: 'redirect' }>;
  /** What must guard it cannot: 503. */
  readonly denied: boolean;
  readonly timeoutMs: number;
  readonly idleTimeoutMs?: number;
  readonly retry: RetryPolicy;
  readonly policies: RoutePolicies;
  readonly sticky?: StickyCookie;
  /** The cookie is for the route's own path. */
  readonly stickyAtPath: boolean;
  /** How its clusters choose: a canary has its own. */
  readonly balance: ClusterSettings;
  /** How its clusters are spoken to: a canary has its main's. */
  readonly transport: ClusterSettings;
}

/** ingress-nginx: the header decides, then the cookie, then the weight. */
export interface Canary {
  readonly header?: {
    readonly name: string;
    readonly value?: string;
    readonly pattern?: string;
  };
  readonly cookie?: string;
  readonly weight: number;
  readonly total: number;
  /** `affinity-canary-behavior: legacy`: a client's cookie does not keep it at the canary. */
  readonly legacyAffinity: boolean;
}

import type { RuleRecord } from '../../catalog/records.ts';
import type { AnyManifest, RuleOf } from '../../rules/rule.ts';
import type { Cluster } from '../cluster.ts';
import type { Listener, TlsAction } from '../listener.ts';
import type { Certificate, Diagnostic } from '../model.ts';
import type { Route, WeightedTarget } from '../route.ts';
import type { IngressPathRule } from './ingress/path-rule.ts';
import type { Rank } from './rank.ts';

/**
 * What one kind of manifest means for the traffic. `translate` is pure: of the resource and of what it asks the context for, and it is
 * called again exactly when one of these changes; never on an endpoint's change. It is total: what cannot be done is reported, the rest
 * is done. What it throws is caught and reported as `rule-failed`, and costs that resource only.
 */
export interface Translator<M extends AnyManifest = AnyManifest> {
  readonly apiVersion: M['apiVersion'];
  readonly kind: M['kind'];
  translate(rule: RuleOf<M>, context: PlanContext): Contributions;
}

/** What a resource brings. Two that bring the same thing are told apart by rank; the loser is told so. */
export interface Contributions {
  readonly routes?: readonly RouteContribution[];
  readonly tlsHosts?: readonly TlsContribution[];
  readonly listeners?: readonly ListenerContribution[];
  readonly nodePorts?: readonly NodePortWish[];
  readonly policies?: readonly BackendPolicy[];
}

/** One route of a virtual host, or a path of an Ingress, which becomes one together with the other Ingresses of the host. */
export type RouteContribution = PlainRoute | IngressPathRule;

export interface PlainRoute {
  readonly type: 'route';
  readonly table: string;
  /** One domain as `VirtualHost.domains` has them, lower case. */
  readonly host: string;
  readonly rank: Rank;
  readonly route: Route;
  /** Where in the document it stands, for diagnostics. */
  readonly path: string;
  /** In force only where a registered service shows itself on this host: it must not be what lets the world in. */
  readonly onlyWhereShown?: boolean;
}

/** What to do with a server name. */
export interface TlsContribution {
  readonly table: string;
  /** As in `TlsHost.serverNames`. */
  readonly serverName: string;
  readonly rank: Rank;
  readonly action: TlsAction;
  readonly path: string;
}

/** A door; its name is nobody else's. Of those on the same port the first by rank is opened; an equal one of another resource is the same. */
export interface ListenerContribution {
  readonly listener: Listener;
  readonly rank: Rank;
  readonly path: string;
}

/** A TCP or UDP listener on a port of 30000–32767: `port`, or whichever is free. */
export interface NodePortWish {
  /** Unique in its resource: `80`, `53/udp`. */
  readonly id: string;
  readonly protocol: 'tcp' | 'udp';
  readonly port?: number;
  readonly targets: readonly WeightedTarget[];
  readonly affinityMs?: number;
  readonly rank: Rank;
  readonly path: string;
}

/** Settings of a backend's clusters, and its subsets: what a DestinationRule says. Of several for one backend the first by rank holds. */
export interface BackendPolicy {
  readonly backend: BackendKey;
  readonly rank: Rank;
  readonly settings: ClusterSettings;
  /** Instead of `settings`, by the port's number. */
  readonly ports?: ReadonlyMap<number, ClusterSettings>;
  /** By name: `context.cluster(base, { subset })`. Settings come on top of the backend's. */
  readonly subsets?: ReadonlyMap<string, SubsetPolicy>;
  readonly path: string;
}

export interface SubsetPolicy {
  /** All of them must be on the endpoint. */
  readonly labels: Readonly<Record<string, string>>;
  readonly settings: ClusterSettings;
  readonly ports?: ReadonlyMap<number, ClusterSettings>;
}

/** What may be said about a cluster; what is absent stays as it is, what is undefined is taken away (`tls`, say). */
export type ClusterSettings = {
  readonly [K in Exclude<keyof Cluster, 'name' | 'endpoints'>]?: Cluster[K] | undefined;
};

/** `<namespace>/<name>` of a Service or of a service that is registered; another dialect's own begin with its name and a colon. */
export type BackendKey = string;

/** Something that requests can be sent to. */
export interface Backend {
  readonly key: BackendKey;
  /** `registrations`: no manifest defines it, any port of it is the one at which its instances are registered. */
  readonly type: 'service' | 'registrations';
  readonly ports: readonly BackendPort[];
  /** Kubernetes' `ExternalName`: the `Host` that it is asked for. */
  readonly externalName?: string;
  readonly headless: boolean;
}

export interface BackendPort {
  readonly name: string;
  readonly port: number;
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  /** Its cluster. */
  readonly cluster: string;
}

/** What a translator may ask. Everything it looks at is remembered, found or not. */
export interface PlanContext {
  readonly settings: RuleSettings;
  /** The resource's own: `ingress/shop/web`. */
  readonly subject: string;
  rule<M extends AnyManifest>(
    apiVersion: M['apiVersion'],
    kind: M['kind'],
    namespace: string,
    name: string,
  ): RuleOf<M> | undefined;
  /** All of a kind, in order of namespace and name. Every change of one of them makes this resource be translated again. */
  rules<M extends AnyManifest>(
    apiVersion: M['apiVersion'],
    kind: M['kind'],
    namespace?: string,
  ): readonly RuleOf<M>[];
  /** A Service, or a registered service. Undefined: there is none. Endpoints do not matter to it. */
  backend(namespace: string, name: string): Backend | undefined;
  /** The cluster at a port of it, by number or name; where two have it, that of the protocol. Default: TCP. */
  backendPort(
    namespace: string,
    name: string,
    port: PortRef,
    protocol?: BackendPort['protocol'],
  ): BackendPort | BackendProblem;
  /**
   * A cluster like `base` (of a `BackendPort`), but of the subset only, or with its own settings. The same is asked for by the same
   * name. A subset that no policy defines has no endpoints.
   */
  cluster(base: string, variant: { readonly subset?: string; readonly settings?: ClusterSettings }): string;
  /** A cluster at given addresses, the resource's own; `id` is unique in it. */
  fixedCluster(id: string, endpoints: readonly FixedEndpoint[], settings?: ClusterSettings): string;
  /** The certificate in a Secret, put into the model while somebody asks for it. Text: why there is none. */
  certificate(namespace: string, secret: string): { readonly name: string } | { readonly problem: string };
  /** The edge's own certificate for a server name, if it has one: what is shown where there is no better one. */
  edgeCertificate(serverName: string): string | undefined;
  /** `message` says what to do about it; `path` is where in the document. */
  report(severity: Diagnostic['severity'], code: string, message: string, path?: string): void;
}

export interface RuleSettings {
  readonly gatewayDomain: string;
  /** The ports at which clients reach the built-in doors: for redirects, and for rules that name a port. */
  readonly httpPort: number;
  readonly httpsPort: number;
  /** Whether the ports of a Service are opened at its virtual address, `spec.clusterIP`, too. */
  readonly virtualAddresses: boolean;
  /** Whether a LoadBalancer's are opened at `spec.loadBalancerIP`; else at the gateway's address. */
  readonly loadBalancerPool: boolean;
}

export type PortRef = { readonly number: number } | { readonly name: string };

export interface BackendProblem {
  readonly problem: 'no-service' | 'no-port';
  /** In words, with what there is instead. */
  readonly message: string;
}

/** An endpoint that no registration made. */
export interface FixedEndpoint {
  /** IP address or host name. */
  readonly address: string;
  readonly port: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly weight?: number;
  readonly draining?: boolean;
}

/** A certificate of the built-in edge: of a file, or made by ourselves. */
export type EdgeCertificate = Certificate & {
  /** As in `TlsHost.serverNames`. */
  readonly serverNames: readonly string[];
};

/** How diagnostics and routes name a resource: `ingress/shop/web`. */
export function subjectOfRule({
  ruleKind,
  namespace,
  name,
}: Pick<RuleRecord, 'ruleKind' | 'namespace' | 'name'>): string {
  return `${ruleKind.toLowerCase()}/${namespace}/${name}`;
}

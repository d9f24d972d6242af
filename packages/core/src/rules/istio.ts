import type { ObjectMeta, StringMap } from './metadata.ts';

/**
 * Istio's objects (`networking.istio.io/v1`), with its field names as JSON has them. Absent fields have its defaults; nothing is filled
 * in. Durations are text: `10s`, `1.5s`, `1h`, `500ms`. Source: https://istio.io/latest/docs/reference/config/networking/
 */

interface IstioObject<K extends string, S> {
  readonly apiVersion: 'networking.istio.io/v1';
  readonly kind: K;
  readonly metadata: ObjectMeta;
  readonly spec: S;
}

export type VirtualService = IstioObject<'VirtualService', VirtualServiceSpec>;
export type DestinationRule = IstioObject<'DestinationRule', DestinationRuleSpec>;
export type ServiceEntry = IstioObject<'ServiceEntry', ServiceEntrySpec>;
export type IstioGateway = IstioObject<'Gateway', IstioGatewaySpec>;

export interface VirtualServiceSpec {
  /** Absent only in one that others delegate to. */
  readonly hosts?: readonly string[];
  /** Default `[mesh]`. */
  readonly gateways?: readonly string[];
  readonly http?: readonly IstioHttpRoute[];
  readonly tls?: readonly IstioTlsRoute[];
  readonly tcp?: readonly IstioTcpRoute[];
  readonly exportTo?: readonly string[];
}

export interface IstioHttpRoute {
  readonly name?: string;
  /** Any of them. Absent or empty: all requests. */
  readonly match?: readonly IstioHttpMatch[];
  readonly route?: readonly IstioHttpDestination[];
  readonly redirect?: IstioRedirect;
  readonly directResponse?: {
    readonly status: number;
    readonly body?: { readonly string?: string; readonly bytes?: string };
  };
  readonly delegate?: { readonly name: string; readonly namespace?: string };
  readonly rewrite?: {
    readonly uri?: string;
    readonly authority?: string;
    readonly uriRegexRewrite?: { readonly match: string; readonly rewrite: string };
  };
  readonly timeout?: string;
  readonly retries?: IstioRetries;
  readonly fault?: IstioFault;
  readonly mirror?: IstioDestination;
  readonly mirrors?: readonly {
    readonly destination: IstioDestination;
    readonly percentage?: IstioPercent;
  }[];
  readonly mirrorPercentage?: IstioPercent;
  /** The old spelling of `mirrorPercentage`. */
  readonly mirrorPercent?: number;
  readonly corsPolicy?: IstioCors;
  readonly headers?: IstioHeaders;
}

/** All of them must hold. */
export interface IstioHttpMatch {
  readonly name?: string;
  readonly uri?: IstioStringMatch;
  readonly scheme?: IstioStringMatch;
  readonly method?: IstioStringMatch;
  readonly authority?: IstioStringMatch;
  /** By name in lower case. An empty match: present. */
  readonly headers?: Readonly<Record<string, IstioStringMatch>>;
  readonly withoutHeaders?: Readonly<Record<string, IstioStringMatch>>;
  readonly queryParams?: Readonly<Record<string, IstioStringMatch>>;
  readonly ignoreUriCase?: boolean;
  readonly port?: number;
  readonly sourceLabels?: StringMap;
  readonly sourceNamespace?: string;
  readonly gateways?: readonly string[];
  readonly statPrefix?: string;
}

/** At most one of the three. `regex`: RE2, the whole text. */
export interface IstioStringMatch {
  readonly exact?: string;
  readonly prefix?: string;
  readonly regex?: string;
}

export interface IstioDestination {
  /** A short name is resolved in the namespace of the rule. */
  readonly host: string;
  readonly subset?: string;
  readonly port?: { readonly number?: number };
}

export interface IstioHttpDestination {
  readonly destination: IstioDestination;
  /** A share of the sum. One destination alone needs none. */
  readonly weight?: number;
  readonly headers?: IstioHeaders;
}

export interface IstioHeaders {
  readonly request?: IstioHeaderOperations;
  readonly response?: IstioHeaderOperations;
}

export interface IstioHeaderOperations {
  readonly set?: StringMap;
  readonly add?: StringMap;
  readonly remove?: readonly string[];
}

export interface IstioRedirect {
  readonly uri?: string;
  /** `uri` replaces only the prefix that matched, where this is there instead. */
  readonly prefixRewrite?: string;
  readonly authority?: string;
  readonly scheme?: string;
  readonly port?: number;
  readonly derivePort?: 'FROM_PROTOCOL_DEFAULT' | 'FROM_REQUEST_PORT';
  /** Default 301. */
  readonly redirectCode?: number;
}

export interface IstioRetries {
  readonly attempts?: number;
  readonly perTryTimeout?: string;
  /** Comma-separated. Default `connect-failure,refused-stream,unavailable,cancelled`. */
  readonly retryOn?: string;
  readonly backoff?: string;
  readonly retryRemoteLocalities?: boolean;
  readonly retryIgnorePreviousHosts?: boolean;
}

/** 0.0 to 100.0. */
export interface IstioPercent {
  readonly value?: number;
}

export interface IstioFault {
  readonly delay?: {
    readonly fixedDelay?: string;
    readonly percentage?: IstioPercent;
    /** The old spelling of `percentage`. */
    readonly percent?: number;
  };
  readonly abort?: {
    readonly httpStatus?: number;
    readonly grpcStatus?: string;
    readonly percentage?: IstioPercent;
  };
}

export interface IstioCors {
  readonly allowOrigins?: readonly IstioStringMatch[];
  /** The old spelling of exact `allowOrigins`. */
  readonly allowOrigin?: readonly string[];
  readonly allowMethods?: readonly string[];
  readonly allowHeaders?: readonly string[];
  readonly exposeHeaders?: readonly string[];
  readonly maxAge?: string;
  readonly allowCredentials?: boolean;
}

export interface IstioTlsRoute {
  readonly match: readonly {
    readonly sniHosts: readonly string[];
    readonly destinationSubnets?: readonly string[];
    readonly port?: number;
    readonly sourceLabels?: StringMap;
    readonly gateways?: readonly string[];
    readonly sourceNamespace?: string;
  }[];
  readonly route?: readonly IstioStreamDestination[];
}

export interface IstioTcpRoute {
  readonly match?: readonly {
    readonly destinationSubnets?: readonly string[];
    readonly port?: number;
    readonly sourceLabels?: StringMap;
    readonly gateways?: readonly string[];
    readonly sourceNamespace?: string;
  }[];
  readonly route?: readonly IstioStreamDestination[];
}

export interface IstioStreamDestination {
  readonly destination: IstioDestination;
  readonly weight?: number;
}

export interface DestinationRuleSpec {
  readonly host: string;
  readonly trafficPolicy?: IstioTrafficPolicy;
  readonly subsets?: readonly {
    readonly name: string;
    readonly labels?: StringMap;
    readonly trafficPolicy?: IstioTrafficPolicy;
  }[];
  readonly exportTo?: readonly string[];
  readonly workloadSelector?: { readonly matchLabels?: StringMap };
}

export interface IstioTrafficPolicy extends IstioPortPolicy {
  readonly portLevelSettings?: readonly (IstioPortPolicy & {
    readonly port: { readonly number: number };
  })[];
  readonly tunnel?: {
    readonly protocol?: string;
    readonly targetHost: string;
    readonly targetPort: number;
  };
  readonly proxyProtocol?: { readonly version?: 'V1' | 'V2' };
  readonly retryBudget?: { readonly percent?: number; readonly minRetryConcurrency?: number };
}

export interface IstioPortPolicy {
  readonly loadBalancer?: IstioLoadBalancer;
  readonly connectionPool?: IstioConnectionPool;
  readonly outlierDetection?: IstioOutlierDetection;
  readonly tls?: IstioClientTls;
}

export interface IstioLoadBalancer {
  /** `LEAST_CONN` is the old spelling of `LEAST_REQUEST`. */
  readonly simple?: 'UNSPECIFIED' | 'LEAST_CONN' | 'LEAST_REQUEST' | 'RANDOM' | 'PASSTHROUGH' | 'ROUND_ROBIN';
  readonly consistentHash?: {
    readonly httpHeaderName?: string;
    readonly httpCookie?: { readonly name: string; readonly path?: string; readonly ttl?: string };
    readonly useSourceIp?: boolean;
    readonly httpQueryParameterName?: string;
    readonly ringHash?: { readonly minimumRingSize?: number };
    readonly maglev?: { readonly tableSize?: number };
    readonly minimumRingSize?: number;
  };
  readonly localityLbSetting?: {
    readonly distribute?: readonly {
      readonly from: string;
      readonly to: Readonly<Record<string, number>>;
    }[];
    readonly failover?: readonly { readonly from: string; readonly to: string }[];
    readonly failoverPriority?: readonly string[];
    readonly enabled?: boolean;
  };
  readonly warmup?: {
    readonly duration: string;
    readonly minimumPercent?: number;
    readonly aggression?: number;
  };
  /** The old spelling of `warmup.duration`. */
  readonly warmupDurationSecs?: string;
}

export interface IstioConnectionPool {
  readonly tcp?: {
    readonly maxConnections?: number;
    readonly connectTimeout?: string;
    readonly tcpKeepalive?: {
      readonly probes?: number;
      readonly time?: string;
      readonly interval?: string;
    };
    readonly maxConnectionDuration?: string;
    readonly idleTimeout?: string;
  };
  readonly http?: {
    readonly http1MaxPendingRequests?: number;
    readonly http2MaxRequests?: number;
    readonly maxRequestsPerConnection?: number;
    readonly maxRetries?: number;
    readonly idleTimeout?: string;
    readonly h2UpgradePolicy?: 'DEFAULT' | 'DO_NOT_UPGRADE' | 'UPGRADE';
    readonly useClientProtocol?: boolean;
    readonly maxConcurrentStreams?: number;
  };
}

export interface IstioOutlierDetection {
  readonly consecutive5xxErrors?: number;
  /** The old spelling of `consecutive5xxErrors` (and `consecutiveGatewayErrors`). */
  readonly consecutiveErrors?: number;
  readonly consecutiveGatewayErrors?: number;
  readonly consecutiveLocalOriginFailures?: number;
  readonly splitExternalLocalOriginErrors?: boolean;
  readonly interval?: string;
  readonly baseEjectionTime?: string;
  readonly maxEjectionPercent?: number;
  readonly minHealthPercent?: number;
}

export interface IstioClientTls {
  /** Default `DISABLE`. */
  readonly mode?: 'DISABLE' | 'SIMPLE' | 'MUTUAL' | 'ISTIO_MUTUAL';
  readonly clientCertificate?: string;
  readonly privateKey?: string;
  readonly caCertificates?: string;
  readonly credentialName?: string;
  readonly subjectAltNames?: readonly string[];
  readonly sni?: string;
  readonly insecureSkipVerify?: boolean;
}

export interface ServiceEntrySpec {
  readonly hosts: readonly string[];
  readonly addresses?: readonly string[];
  readonly ports?: readonly {
    readonly number: number;
    readonly protocol?: string;
    readonly name: string;
    readonly targetPort?: number;
  }[];
  /** Default `MESH_EXTERNAL`. */
  readonly location?: 'MESH_EXTERNAL' | 'MESH_INTERNAL';
  /** Default `NONE`. */
  readonly resolution?: 'NONE' | 'STATIC' | 'DNS' | 'DNS_ROUND_ROBIN' | 'DYNAMIC_DNS';
  readonly endpoints?: readonly IstioWorkload[];
  readonly workloadSelector?: { readonly labels?: StringMap };
  readonly exportTo?: readonly string[];
  readonly subjectAltNames?: readonly string[];
}

export interface IstioWorkload {
  readonly address?: string;
  /** By name of the port. */
  readonly ports?: Readonly<Record<string, number>>;
  readonly labels?: StringMap;
  readonly network?: string;
  readonly locality?: string;
  readonly weight?: number;
  readonly serviceAccount?: string;
}

export interface IstioGatewaySpec {
  readonly selector?: StringMap;
  readonly servers: readonly IstioServer[];
}

export interface IstioServer {
  readonly port: { readonly number: number; readonly protocol: string; readonly name: string };
  /** `<namespace>/` may come before a host. */
  readonly hosts: readonly string[];
  readonly bind?: string;
  readonly name?: string;
  readonly tls?: {
    readonly httpsRedirect?: boolean;
    readonly mode?:
      | 'PASSTHROUGH'
      | 'SIMPLE'
      | 'MUTUAL'
      | 'AUTO_PASSTHROUGH'
      | 'ISTIO_MUTUAL'
      | 'OPTIONAL_MUTUAL';
    readonly credentialName?: string;
    readonly credentialNames?: readonly string[];
    readonly serverCertificate?: string;
    readonly privateKey?: string;
    readonly caCertificates?: string;
    readonly subjectAltNames?: readonly string[];
    readonly minProtocolVersion?: string;
    readonly maxProtocolVersion?: string;
    readonly cipherSuites?: readonly string[];
  };
}

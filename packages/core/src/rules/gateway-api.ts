import type { ObjectMeta, StringMap } from './metadata.ts';

/**
 * The objects of Gateway API v1 (1.6), with its field names. Absent fields have its defaults; nothing is filled in.
 * Source: https://gateway-api.sigs.k8s.io/reference/spec/
 */

/** What all of its kinds have. */
interface GatewayObject<K extends string, S> {
  readonly apiVersion: 'gateway.networking.k8s.io/v1';
  readonly kind: K;
  readonly metadata: ObjectMeta;
  readonly spec: S;
}

export type GatewayClass = GatewayObject<
  'GatewayClass',
  {
    readonly controllerName: string;
    readonly description?: string;
    readonly parametersRef?: {
      readonly group: string;
      readonly kind: string;
      readonly name: string;
      readonly namespace?: string;
    };
  }
>;

export type GatewayResource = GatewayObject<'Gateway', GatewaySpec>;

export interface GatewaySpec {
  readonly gatewayClassName: string;
  readonly listeners?: readonly GatewayListener[];
  readonly addresses?: readonly { readonly type?: string; readonly value?: string }[];
  readonly infrastructure?: { readonly labels?: StringMap; readonly annotations?: StringMap };
  readonly allowedListeners?: { readonly namespaces?: RouteNamespaces };
}

export interface GatewayListener {
  readonly name: string;
  /** Absent: all. `*.` stands for a suffix of any depth. */
  readonly hostname?: string;
  readonly port: number;
  /** `HTTP`, `HTTPS`, `TLS`, `TCP`, `UDP`, or an implementation's own. */
  readonly protocol: string;
  readonly tls?: {
    /** Default `Terminate`. */
    readonly mode?: 'Terminate' | 'Passthrough';
    readonly certificateRefs?: readonly ObjectRef[];
    readonly options?: StringMap;
  };
  readonly allowedRoutes?: {
    readonly namespaces?: RouteNamespaces;
    readonly kinds?: readonly { readonly group?: string; readonly kind: string }[];
  };
}

export interface RouteNamespaces {
  /** Default `Same`. */
  readonly from?: 'All' | 'Selector' | 'Same' | 'None';
  readonly selector?: LabelSelector;
}

export interface LabelSelector {
  readonly matchLabels?: StringMap;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
    readonly values?: readonly string[];
  }[];
}

/** Defaults: group '' and kind `Secret` (certificates), namespace that of who refers. */
export interface ObjectRef {
  readonly group?: string;
  readonly kind?: string;
  readonly namespace?: string;
  readonly name: string;
}

/** Defaults: group `gateway.networking.k8s.io`, kind `Gateway`, namespace that of the route. */
export interface ParentRef {
  readonly group?: string;
  readonly kind?: string;
  readonly namespace?: string;
  readonly name: string;
  readonly sectionName?: string;
  readonly port?: number;
}

/** Defaults: group '' and kind `Service`, namespace that of the route, weight 1. */
export interface BackendRef {
  readonly group?: string;
  readonly kind?: string;
  readonly namespace?: string;
  readonly name: string;
  /** Needed where it is a Service. */
  readonly port?: number;
  /** 0 to 1,000,000. */
  readonly weight?: number;
}

interface RouteSpec<R> {
  readonly parentRefs?: readonly ParentRef[];
  readonly rules?: readonly R[];
}

interface HostedRouteSpec<R> extends RouteSpec<R> {
  readonly hostnames?: readonly string[];
}

export type HTTPRoute = GatewayObject<'HTTPRoute', HostedRouteSpec<HTTPRouteRule>>;
export type GRPCRoute = GatewayObject<'GRPCRoute', HostedRouteSpec<GRPCRouteRule>>;
export type TLSRoute = GatewayObject<'TLSRoute', HostedRouteSpec<StreamRouteRule>>;
export type TCPRoute = GatewayObject<'TCPRoute', RouteSpec<StreamRouteRule>>;
export type UDPRoute = GatewayObject<'UDPRoute', RouteSpec<StreamRouteRule>>;

/** A rule of TLSRoute, TCPRoute and UDPRoute. */
export interface StreamRouteRule {
  readonly name?: string;
  readonly backendRefs?: readonly BackendRef[];
}

export interface HTTPRouteRule {
  readonly name?: string;
  /** Any of them. Absent or empty: the prefix `/`. */
  readonly matches?: readonly HTTPRouteMatch[];
  readonly filters?: readonly HTTPRouteFilter[];
  readonly backendRefs?: readonly (BackendRef & { readonly filters?: readonly HTTPRouteFilter[] })[];
  /** Durations as `10s`, `1m30s`, `500ms`; `0s` = none. */
  readonly timeouts?: { readonly request?: string; readonly backendRequest?: string };
  readonly retry?: {
    readonly codes?: readonly number[];
    readonly attempts?: number;
    readonly backoff?: string;
  };
  readonly sessionPersistence?: SessionPersistence;
}

export interface SessionPersistence {
  readonly sessionName?: string;
  readonly absoluteTimeout?: string;
  readonly idleTimeout?: string;
  /** Default `Cookie`. */
  readonly type?: 'Cookie' | 'Header';
  readonly cookieConfig?: { readonly lifetimeType?: 'Permanent' | 'Session' };
}

/** All of them must hold. */
export interface HTTPRouteMatch {
  /** Defaults: `PathPrefix`, `/`. */
  readonly path?: {
    readonly type?: 'Exact' | 'PathPrefix' | 'RegularExpression';
    readonly value?: string;
  };
  readonly headers?: readonly GatewayValueMatch[];
  readonly queryParams?: readonly GatewayValueMatch[];
  readonly method?: string;
}

export interface GatewayValueMatch {
  /** Default `Exact`. */
  readonly type?: 'Exact' | 'RegularExpression';
  readonly name: string;
  readonly value: string;
}

export interface GatewayHeader {
  readonly name: string;
  readonly value: string;
}

export interface HeaderFilter {
  readonly set?: readonly GatewayHeader[];
  readonly add?: readonly GatewayHeader[];
  readonly remove?: readonly string[];
}

export type PathModifier =
  | { readonly type: 'ReplaceFullPath'; readonly replaceFullPath: string }
  | { readonly type: 'ReplacePrefixMatch'; readonly replacePrefixMatch: string };

/** The member that `type` names is there. */
export interface HTTPRouteFilter {
  readonly type:
    | 'RequestHeaderModifier'
    | 'ResponseHeaderModifier'
    | 'RequestMirror'
    | 'RequestRedirect'
    | 'URLRewrite'
    | 'CORS'
    | 'ExternalAuth'
    | 'ExtensionRef';
  readonly requestHeaderModifier?: HeaderFilter;
  readonly responseHeaderModifier?: HeaderFilter;
  readonly requestMirror?: {
    readonly backendRef: BackendRef;
    readonly percent?: number;
    readonly fraction?: { readonly numerator: number; readonly denominator?: number };
  };
  readonly requestRedirect?: {
    readonly scheme?: 'http' | 'https';
    readonly hostname?: string;
    readonly path?: PathModifier;
    readonly port?: number;
    /** Default 302. */
    readonly statusCode?: number;
  };
  readonly urlRewrite?: { readonly hostname?: string; readonly path?: PathModifier };
  readonly cors?: {
    readonly allowOrigins?: readonly string[];
    readonly allowCredentials?: boolean;
    readonly allowMethods?: readonly string[];
    readonly allowHeaders?: readonly string[];
    readonly exposeHeaders?: readonly string[];
    /** Seconds, default 5. */
    readonly maxAge?: number;
  };
  readonly extensionRef?: { readonly group: string; readonly kind: string; readonly name: string };
}

export interface GRPCRouteRule {
  readonly name?: string;
  readonly matches?: readonly GRPCRouteMatch[];
  readonly filters?: readonly HTTPRouteFilter[];
  readonly backendRefs?: readonly (BackendRef & { readonly filters?: readonly HTTPRouteFilter[] })[];
  readonly sessionPersistence?: SessionPersistence;
}

export interface GRPCRouteMatch {
  readonly method?: {
    /** Default `Exact`. */
    readonly type?: 'Exact' | 'RegularExpression';
    readonly service?: string;
    readonly method?: string;
  };
  readonly headers?: readonly GatewayValueMatch[];
}

/** Stands in the namespace of what may be referred to. */
export type ReferenceGrant = GatewayObject<
  'ReferenceGrant',
  {
    readonly from: readonly { readonly group: string; readonly kind: string; readonly namespace: string }[];
    /** No `name`: every one of that kind. */
    readonly to: readonly { readonly group: string; readonly kind: string; readonly name?: string }[];
  }
>;

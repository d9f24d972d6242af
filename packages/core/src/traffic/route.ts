import type { RetryOn } from '../resilience/retry-decision.ts';

/**
 * Requests whose `Host` matches one of `domains` (lower case, without port). The most specific wins: the name itself, then `?.suffix`
 * (exactly one label before the suffix, as Kubernetes' Ingress has it), then the longest `*.suffix` (any depth), then `*`. Who has none
 * of the routes there is not looked for elsewhere.
 */
export interface VirtualHost {
  readonly name: string;
  /** The set of virtual hosts it belongs to; an HTTP listener serves one. The built-in edge's is `edgeTable`. */
  readonly table: string;
  readonly domains: readonly string[];
  /** The first that matches wins: whoever plans brings them into the order of precedence. */
  readonly routes: readonly Route[];
}

/** The table that the built-in HTTP and HTTPS doors serve. */
export const edgeTable = 'edge';

export interface Route {
  /**
   * Which rule made it, for people and for metrics (a bounded set): `ingress/shop/web/0/1`, `service/default/reviews`. Unique within
   * its virtual host.
   */
  readonly name: string;
  readonly match: RouteMatch;
  readonly action: RouteAction;
  /** Whole request with its retries, milliseconds; 0 = none. */
  readonly timeoutMs: number;
  /** No octet either way for so long ends it. Absent: the data plane's own. */
  readonly idleTimeoutMs?: number;
  readonly retry: RetryPolicy;
  readonly hedge?: {
    readonly onTryTimeout: boolean;
    readonly additionalPercent: number;
    readonly maxAtOnce: number;
  };
  readonly policies?: RoutePolicies;
}

/** All of them must hold. */
export interface RouteMatch {
  readonly path: PathMatch;
  /** Any of them. Absent: all. */
  readonly methods?: readonly string[];
  /** As the client sees it: `https` when the connection (or a trusted peer) says so. */
  readonly scheme?: 'http' | 'https';
  readonly headers?: readonly NamedMatch[];
  readonly query?: readonly NamedMatch[];
  readonly cookies?: readonly NamedMatch[];
  /** CIDR ranges of the client's address, any of them. */
  readonly sources?: readonly string[];
}

/**
 * `prefix`: text. `segments`: `/foo` matches `/foo`, `/foo/` and `/foo/bar`, never `/foobar`; a trailing slash does not matter (Kubernetes'
 * `Prefix`). `regex`: the whole path must match (RE2 syntax).
 */
export interface PathMatch {
  readonly type: 'exact' | 'prefix' | 'segments' | 'regex';
  readonly value: string;
  readonly ignoreCase?: boolean;
}

export interface TextMatch {
  /** `present`: whatever its value. `regex`: all of the value (RE2 syntax). */
  readonly type: 'exact' | 'prefix' | 'suffix' | 'contains' | 'regex' | 'present';
  readonly value: string;
  readonly ignoreCase?: boolean;
  /** Holds when the rest does not. */
  readonly invert?: boolean;
}

/** `name` of a header in lower case; of a query parameter or a cookie as it is. */
export interface NamedMatch extends TextMatch {
  readonly name: string;
}

export type RouteAction =
  | {
      readonly type: 'forward';
      /** By weight; a target of weight 0 gets nothing. At least one. */
      readonly targets: readonly WeightedTarget[];
      /** Keeps a client at the endpoint that it got first. */
      readonly sticky?: StickyCookie;
    }
  | {
      readonly type: 'redirect';
      readonly status: number;
      /** What is absent stays as the client said it. */
      readonly scheme?: 'http' | 'https';
      readonly host?: string;
      readonly port?: number;
      readonly path?: PathRewrite;
      /** The whole `Location`, with no regard to the rest; absent: built from the parts. */
      readonly location?: string;
    }
  | {
      readonly type: 'direct';
      readonly status: number;
      readonly body: string;
      readonly contentType: string;
    };

/** A cluster, or an answer where there is none (a reference that is broken). */
export interface WeightedTarget {
  readonly weight: number;
  /** Absent: its share is answered with `status`. */
  readonly cluster?: string;
  /** Default 500. */
  readonly status?: number;
  readonly requestHeaders?: HeaderChanges;
  readonly responseHeaders?: HeaderChanges;
}

export interface StickyCookie {
  readonly name: string;
  /** Default `/`. */
  readonly path?: string;
  readonly domain?: string;
  /** Absent: a session cookie. */
  readonly maxAgeS?: number;
  readonly secure?: boolean;
  readonly httpOnly?: boolean;
  readonly sameSite?: 'Lax' | 'Strict' | 'None';
}

/** In this order: remove, set, add. Names in lower case. */
export interface HeaderChanges {
  readonly remove?: readonly string[];
  readonly set?: readonly HeaderValue[];
  readonly add?: readonly HeaderValue[];
}

export interface HeaderValue {
  readonly name: string;
  readonly value: string;
}

/** `prefix`: the matched prefix is replaced (Gateway API `ReplacePrefixMatch`). `regex`: `value` with `$1`… or `\1`…  of the pattern. */
export type PathRewrite =
  | { readonly type: 'full'; readonly value: string }
  | { readonly type: 'prefix'; readonly value: string }
  | {
      readonly type: 'regex';
      readonly pattern: string;
      readonly value: string;
      readonly ignoreCase?: boolean;
    };

export interface RetryPolicy {
  /** Tries after the first; 0 = none. */
  readonly retries: number;
  readonly on: readonly RetryOn[];
  /** For `retriable-status-codes`. */
  readonly statuses?: readonly number[];
  /** 0 = none. */
  readonly perTryTimeoutMs: number;
  /** Absent: at once for what was never sent, else Envoy's 25 ms to 250 ms. */
  readonly backOff?: { readonly baseMs: number; readonly maxMs: number };
}

/**
 * What is done with a request besides sending it on, in the order in which it is written here. Absent = not done.
 */
export interface RoutePolicies {
  /** By the client's address; 403. `deny` wins; an `allow` that is there must contain it. CIDR ranges. */
  readonly access?: { readonly allow?: readonly string[]; readonly deny?: readonly string[] };
  readonly rateLimits?: readonly RateLimit[];
  readonly connectionLimit?: {
    readonly max: number;
    readonly by: 'source-address' | 'route';
    readonly status: number;
  };
  readonly cors?: CorsPolicy;
  readonly basicAuth?: BasicAuth;
  readonly externalAuth?: ExternalAuth;
  /** `any`: one of access, basicAuth and externalAuth is enough. Default `all`. */
  readonly satisfy?: 'all' | 'any';
  /** 413 above it. Absent: unlimited. */
  readonly maxBodyBytes?: number;
  readonly fault?: FaultPolicy;
  readonly rewrite?: {
    readonly path?: PathRewrite;
    /** The `Host` that the upstream sees. */
    readonly host?: string;
  };
  readonly requestHeaders?: HeaderChanges;
  readonly mirrors?: readonly {
    readonly cluster: string;
    readonly percent: number;
    /** The copy's `Host`; absent: the original's with `-shadow`. */
    readonly host?: string;
  }[];
  readonly responseHeaders?: HeaderChanges;
  /** Answers instead of an upstream that cannot, or that answered one of `statuses`. */
  readonly fallback?: {
    readonly statuses: readonly number[];
    readonly choices: readonly FallbackChoice[];
  };
  /** Whether a body is collected before it is sent on. Absent: streamed, both ways. */
  readonly bufferRequest?: boolean;
}

export type FallbackChoice =
  | {
      readonly type: 'cluster';
      readonly cluster: string;
      /** Sent to it besides the original's, as error back-ends expect: `X-Code`, `X-Original-URI` … */
      readonly headers?: readonly HeaderValue[];
      /** The status that the client sees: the original's, or what the choice answers. Default `choice`. */
      readonly status?: 'original' | 'choice';
    }
  | {
      readonly type: 'response';
      readonly status: number;
      readonly body: string;
      readonly contentType: string;
    };

/** A token bucket of each worker's own: `requests` each `perMs`, `burst` at once. */
export interface RateLimit {
  readonly requests: number;
  readonly perMs: number;
  readonly burst: number;
  /** One bucket for all, or one for each client address or value of a header. */
  readonly by:
    | { readonly type: 'route' | 'source-address' }
    | { readonly type: 'header'; readonly name: string };
  /** Addresses that are not limited. CIDR ranges. */
  readonly exempt?: readonly string[];
  readonly status: number;
}

/** Fetch standard, CORS protocol. */
export interface CorsPolicy {
  readonly origins: readonly TextMatch[];
  readonly methods: readonly string[];
  readonly headers: readonly string[];
  readonly exposeHeaders?: readonly string[];
  readonly credentials?: boolean;
  readonly maxAgeS?: number;
}

/** RFC 7617. Verified against htpasswd lines: `{SHA}`, `$apr1$`, `$2y$`, crypt is refused. */
export interface BasicAuth {
  readonly realm: string;
  /** `user:hash` lines. A secret: never shown in a dump. */
  readonly users: readonly string[];
}

/** A subrequest decides: 2xx lets through, 401 and 403 are passed on, anything else is 500. */
export interface ExternalAuth {
  readonly url: string;
  /** Who is asked; `url` then only says what. Absent: where `url` leads, or the cluster of its host's route in the same table. */
  readonly cluster?: string;
  readonly method: string;
  /** Copied from its response to the request. */
  readonly responseHeaders: readonly string[];
  /** Where a 401 is redirected to instead; `rd` is appended. */
  readonly signIn?: string;
  readonly timeoutMs: number;
}

export interface FaultPolicy {
  readonly delay?: { readonly percent: number; readonly ms: number };
  readonly abort?: { readonly percent: number; readonly status: number; readonly grpcStatus?: number };
}

import type { Ingress } from '../../../../rules/kubernetes.ts';
import type { RuleOf } from '../../../../rules/rule.ts';
import type { TlsAction } from '../../../listener.ts';
import type { RetryPolicy, RouteAction, RoutePolicies, StickyCookie } from '../../../route.ts';
import type { ClusterSettings, PlanContext } from '../../contract.ts';
import type { Canary } from '../path-rule.ts';
import type { AnnotationReader } from './reader.ts';

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** What the annotations say so far; each group of them adds its own. */
export interface AnnotationDraft {
  useRegex: boolean;
  rewriteTarget?: string;
  sslRedirect: boolean;
  forceSslRedirect: boolean;
  appRoot?: string;
  redirect?: Extract<RouteAction, { type: 'redirect' }>;
  /** A host `www.x` or `x` leads to the other. */
  wwwRedirect: boolean;
  aliases: readonly string[];
  idleTimeoutMs?: number;
  retry?: RetryPolicy;
  policies: Writable<RoutePolicies>;
  sticky?: StickyCookie;
  /** Without `session-cookie-path` the cookie is for the route's own path. */
  stickyAtPath: boolean;
  balance: ClusterSettings;
  transport: ClusterSettings;
  canary?: Canary;
  /** TLS goes through as it is; the routes are not made. */
  passthrough: boolean;
  clientAuth?: NonNullable<Extract<TlsAction, { type: 'terminate' }>['clientAuth']>;
}

/** One group of annotations. */
export type AnnotationGroup = (
  read: AnnotationReader,
  draft: AnnotationDraft,
  around: { readonly rule: RuleOf<Ingress>; readonly context: PlanContext },
) => void;

export function emptyDraft(): AnnotationDraft {
  return {
    useRegex: false,
    sslRedirect: true,
    forceSslRedirect: false,
    wwwRedirect: false,
    aliases: [],
    policies: {},
    stickyAtPath: false,
    balance: {},
    transport: {},
    passthrough: false,
  };
}

import type {
  HeaderChanges,
  PathMatch,
  Route,
  RouteAction,
  RouteMatch,
  RoutePolicies,
  WeightedTarget,
} from '../../route.ts';
import { type ClusterVariant, variantName } from '../cluster-table.ts';
import { decisionsOf } from './canary-decisions.ts';
import type { IngressPathRule } from './path-rule.ts';

/** What all Ingresses of a host say together. */
export interface HostFacts {
  /** Its paths are case-insensitive expressions. */
  readonly regex: boolean;
  /** It has TLS. */
  readonly tls: boolean;
}

/**
 * The routes of one path, in order: to HTTPS, to the application's root, what a canary's header and cookie decide, the rest.
 *
 * @param wanted gets the clusters that are asked for
 */
export function routesOf(
  main: IngressPathRule,
  canary: IngressPathRule | undefined,
  host: HostFacts,
  wanted: Map<string, ClusterVariant>,
): Route[] {
  const { behaviour, name } = main;
  const path = pathMatchOf(main, host);
  const routes: Route[] = [];
  const add = (suffix: string, match: Omit<RouteMatch, 'path'>, action: RouteAction, at = path): void => {
    routes.push(routeOf(main, `${name}${suffix}`, { path: at, ...match }, action, host));
  };
  // nginx's `return` comes before everything else.
  if (behaviour.redirect !== undefined) {
    add('', {}, behaviour.redirect);
    return routes;
  }
  if (onlyHttps(main, host)) {
    add('/https', { scheme: 'http' }, toHttps(behaviour.httpsPort));
  }
  if (behaviour.appRoot !== undefined && matchesRoot(path)) {
    const root: PathMatch = { type: 'exact', value: '/' };
    const rewrite = { type: 'full' as const, value: behaviour.appRoot };
    add('/app-root', {}, { type: 'redirect', status: 302, path: rewrite }, root);
  }
  if (behaviour.denied) {
    add('', {}, { type: 'direct', status: 503, body: '', contentType: 'text/plain' });
    return routes;
  }
  const stable = targetOf(main, main, wanted);
  if (canary?.canary === undefined) {
    add('', {}, forward(main, host, [{ ...stable, weight: 1 }]));
    return routes;
  }
  const to = targetOf(canary, main, wanted);
  for (const { suffix, match, canary: chosen } of decisionsOf(canary.canary)) {
    const action = forward(main, host, [{ ...(chosen ? to : stable), weight: 1 }]);
    add(suffix, match, action);
  }
  const { weight, total, legacyAffinity } = canary.canary;
  const share = Math.min(Math.max(weight, 0), total);
  const targets =
    share === 0
      ? [{ ...stable, weight: 1 }]
      : [
          { ...stable, weight: total - share },
          { ...to, weight: share },
        ];
  add('', {}, forward(main, host, targets, legacyAffinity && share > 0));
  return routes;
}

function onlyHttps({ behaviour }: IngressPathRule, host: HostFacts): boolean {
  return behaviour.forceSslRedirect || (behaviour.sslRedirect && host.tls);
}

function forward(
  main: IngressPathRule,
  host: HostFacts,
  targets: readonly WeightedTarget[],
  withoutSticky = false,
): RouteAction {
  const { sticky, stickyAtPath, regex } = main.behaviour;
  if (sticky === undefined || withoutSticky) return { type: 'forward', targets };
  const path = stickyAtPath && !regex && main.pathType !== 'default' ? { path: main.value } : {};
  const secure = sticky.secure ?? onlyHttps(main, host);
  return { type: 'forward', targets, sticky: { ...sticky, ...path, ...(secure ? { secure } : {}) } };
}

/** A canary is spoken to as its main is, and chooses among its own endpoints by itself. */
function targetOf(
  of: IngressPathRule,
  main: IngressPathRule,
  wanted: Map<string, ClusterVariant>,
): Omit<WeightedTarget, 'weight'> {
  if ('status' in of.backend) return { status: of.backend.status };
  const settings = { ...main.behaviour.transport, ...of.behaviour.balance };
  const variant = {
    base: of.backend.cluster,
    ...(Object.keys(settings).length === 0 ? {} : { settings }),
  };
  const cluster = variantName(variant);
  if (cluster !== variant.base) wanted.set(cluster, variant);
  return { cluster };
}

function routeOf(
  main: IngressPathRule,
  name: string,
  match: RouteMatch,
  action: RouteAction,
  host: HostFacts,
): Route {
  const { timeoutMs, idleTimeoutMs, retry } = main.behaviour;
  const policies = action.type === 'forward' ? forwardPolicies(main, match.path, host) : undefined;
  return Object.freeze({
    name,
    match,
    action,
    timeoutMs,
    ...(idleTimeoutMs === undefined ? {} : { idleTimeoutMs }),
    retry,
    ...(policies === undefined || Object.keys(policies).length === 0 ? {} : { policies }),
  });
}

function forwardPolicies(main: IngressPathRule, path: PathMatch, host: HostFacts): RoutePolicies {
  const { policies, rewriteTarget } = main.behaviour;
  const asked = policies.rewrite?.host ?? ('host' in main.backend ? main.backend.host : undefined);
  const rewrite = {
    ...(rewriteTarget === undefined ? {} : { path: rewriteOf(main, path, rewriteTarget) }),
    ...(asked === undefined ? {} : { host: asked }),
  };
  return {
    ...policies,
    ...(policies.fallback === undefined ? {} : { fallback: named(policies.fallback, main) }),
    ...(Object.keys(rewrite).length === 0 ? {} : { rewrite }),
    ...(onlyHttps(main, host) ? { responseHeaders: withHsts(policies.responseHeaders) } : {}),
  };
}

/** Error back-ends are told whose errors they are. */
function named(
  { statuses, choices }: NonNullable<RoutePolicies['fallback']>,
  { backend }: IngressPathRule,
): NonNullable<RoutePolicies['fallback']> {
  if (!('cluster' in backend)) return { statuses, choices };
  const { service, port } = backend;
  const more = [
    { name: 'x-service-name', value: service },
    { name: 'x-service-port', value: port },
  ];
  const told = choices.map((choice) =>
    choice.type === 'cluster' ? { ...choice, headers: [...(choice.headers ?? []), ...more] } : choice,
  );
  return { statuses, choices: told };
}

/** ingress-nginx's default, for what is only reached by HTTPS (RFC 6797). */
const hsts = Object.freeze({
  name: 'strict-transport-security',
  value: 'max-age=31536000; includeSubDomains',
});

function withHsts(changes: HeaderChanges = {}): HeaderChanges {
  const set = changes.set ?? [];
  return set.some(({ name }) => name === hsts.name) ? changes : { ...changes, set: [...set, hsts] };
}

/** nginx's `rewrite` puts the target in place of the whole path. */
function rewriteOf(main: IngressPathRule, path: PathMatch, target: string) {
  if (main.pathType === 'default' || path.type !== 'regex') return { type: 'full' as const, value: target };
  return {
    type: 'regex' as const,
    pattern: `^(?:${main.value}).*$`,
    value: target,
    ignoreCase: true,
  };
}

function toHttps(port: number): RouteAction {
  return { type: 'redirect', status: 308, scheme: 'https', port };
}

function matchesRoot({ type, value }: PathMatch): boolean {
  return type === 'regex' ? value.startsWith('/') : value === '/';
}

function pathMatchOf({ pathType, value }: IngressPathRule, host: HostFacts): PathMatch {
  if (pathType === 'default') return { type: 'prefix', value: '/' };
  if (host.regex) return { type: 'regex', value: `(?:${value}).*`, ignoreCase: true };
  if (pathType === 'Exact') return { type: 'exact', value };
  return { type: pathType === 'Prefix' ? 'segments' : 'prefix', value };
}

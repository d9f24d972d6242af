import type { Diagnostic } from '../../model.ts';
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
import type { PlainRoute } from '../contract.ts';
import { type Rank, rankBySpecificity } from '../rank.ts';
import type { Owned } from '../ranked.ts';
import type { Canary, IngressPathRule } from './path-rule.ts';
import { regexProblem } from './regex.ts';

type OwnedPath = Owned<IngressPathRule>;

/**
 * The routes of the Ingress paths of one host, given in order of rank. As ingress-nginx does it: a canary belongs to the path with the same
 * text and type; one Ingress with a regex makes case-insensitive regexes of all; one with TLS sends all to HTTPS.
 *
 * @param found gets what is wrong
 * @param wanted gets the clusters that are asked for
 */
export function ingressRoutes(
  paths: readonly OwnedPath[],
  found: Diagnostic[],
  wanted: Map<string, ClusterVariant>,
): Owned<PlainRoute>[] {
  const mains = paths.filter(({ item }) => item.canary === undefined);
  const canaries = canariesOf(paths, mains, found);
  const host: HostFacts = {
    regex: mains.some(({ item }) => item.behaviour.regex),
    tls: mains.some(({ item }) => item.behaviour.tls),
  };
  const usable = host.regex ? mains.filter((owned) => isExpression(owned, found)) : mains;
  return usable.flatMap(({ subject, item }) =>
    routesOf(item, canaries.get(identityOf(item))?.item, host, wanted).map((route, index) => ({
      subject,
      item: {
        type: 'route' as const,
        table: item.table,
        host: item.host,
        rank: [...rankOf(item, host), index],
        route,
        path: item.path,
      },
    })),
  );
}

function isExpression({ subject, item }: OwnedPath, found: Diagnostic[]): boolean {
  const problem = item.pathType === 'default' ? undefined : regexProblem(item.value);
  if (problem === undefined) return true;
  const message = `the paths of host ${item.host} are expressions, and ${problem}: the path is left out`;
  found.push({ severity: 'error', code: 'regex-invalid', subject, message, path: item.path });
  return false;
}

interface HostFacts {
  readonly regex: boolean;
  readonly tls: boolean;
}

/** One canary for each path: the first. */
function canariesOf(
  paths: readonly OwnedPath[],
  mains: readonly OwnedPath[],
  found: Diagnostic[],
): ReadonlyMap<string, OwnedPath> {
  const canaries = new Map<string, OwnedPath>();
  const known = new Set(mains.map(({ item }) => identityOf(item)));
  for (const owned of paths) {
    const { subject, item } = owned;
    if (item.canary === undefined) continue;
    const id = identityOf(item);
    const holder = canaries.get(id);
    const problem = !known.has(id)
      ? `it is a canary, but no other Ingress has the path ${item.value} (${item.pathType}) of host ${item.host}: it gets nothing`
      : holder === undefined
        ? undefined
        : `path ${item.value} of host ${item.host} has a canary already, in ${holder.subject}: this one gets nothing`;
    if (problem === undefined) canaries.set(id, owned);
    else {
      const code = holder === undefined ? 'canary-without-main' : 'canary-conflict';
      found.push({ severity: 'warning', code, subject, message: problem, path: item.path });
    }
  }
  return canaries;
}

function identityOf({ pathType, value }: IngressPathRule): string {
  return `${pathType} ${value}`;
}

/** Regexes by length alone, as ingress-nginx sorts its locations. */
function rankOf(item: IngressPathRule, host: HostFacts): Rank {
  if (!host.regex || item.pathType === 'default') return item.rank;
  return rankBySpecificity({ exact: false, length: item.value.length }, 'ingress', item.age, item.position);
}

function routesOf(
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
  if (behaviour.forceSslRedirect || (behaviour.sslRedirect && host.tls)) {
    add('/https', { scheme: 'http' }, toHttps(behaviour.httpsPort));
  }
  if (behaviour.appRoot !== undefined && matchesRoot(path)) {
    const root: PathMatch = { type: 'exact', value: '/' };
    const rewrite = { type: 'full' as const, value: behaviour.appRoot };
    add('/app-root', {}, { type: 'redirect', status: 302, path: rewrite }, root);
  }
  if (behaviour.redirect !== undefined) {
    add('', {}, behaviour.redirect);
    return routes;
  }
  if (behaviour.denied) {
    add('', {}, { type: 'direct', status: 503, body: '', contentType: 'text/plain' });
    return routes;
  }
  const stable = targetOf(main, main, wanted);
  if (canary?.canary === undefined) {
    add('', {}, forward(main, [{ ...stable, weight: 1 }]));
    return routes;
  }
  const to = targetOf(canary, main, wanted);
  for (const { suffix, match, canary: chosen } of decisionsOf(canary.canary)) {
    const action = forward(main, [{ ...(chosen ? to : stable), weight: 1 }]);
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
  add('', {}, forward(main, targets, legacyAffinity && share > 0));
  return routes;
}

/** What decides before the weight does, in order. */
function decisionsOf({
  header,
  cookie,
}: Canary): { suffix: string; match: Omit<RouteMatch, 'path'>; canary: boolean }[] {
  const decisions: { suffix: string; match: Omit<RouteMatch, 'path'>; canary: boolean }[] = [];
  const decide = (suffix: string, match: Omit<RouteMatch, 'path'>, canary: boolean): void => {
    decisions.push({ suffix, match, canary });
  };
  if (header !== undefined) {
    const { name, value, pattern } = header;
    if (value !== undefined) {
      decide('/canary-header', { headers: [{ name, type: 'exact', value }] }, true);
    } else if (pattern !== undefined) {
      // ingress-nginx looks for it anywhere in the value.
      const anywhere = `.*(?:${pattern}).*`;
      decide('/canary-header', { headers: [{ name, type: 'regex', value: anywhere }] }, true);
    } else {
      decide('/canary-header', { headers: [{ name, type: 'exact', value: 'always' }] }, true);
      decide('/canary-header-never', { headers: [{ name, type: 'exact', value: 'never' }] }, false);
    }
  }
  if (cookie !== undefined) {
    decide('/canary-cookie', { cookies: [{ name: cookie, type: 'exact', value: 'always' }] }, true);
    decide('/canary-cookie-never', { cookies: [{ name: cookie, type: 'exact', value: 'never' }] }, false);
  }
  return decisions;
}

function forward(
  main: IngressPathRule,
  targets: readonly WeightedTarget[],
  withoutSticky = false,
): RouteAction {
  const { sticky, stickyAtPath, regex } = main.behaviour;
  if (sticky === undefined || withoutSticky) return { type: 'forward', targets };
  const path = stickyAtPath && !regex && main.pathType !== 'default' ? { path: main.value } : {};
  return { type: 'forward', targets, sticky: { ...sticky, ...path } };
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
  const { policies, rewriteTarget, sslRedirect, forceSslRedirect } = main.behaviour;
  const asked = policies.rewrite?.host ?? ('host' in main.backend ? main.backend.host : undefined);
  const rewrite = {
    ...(rewriteTarget === undefined ? {} : { path: rewriteOf(main, path, rewriteTarget) }),
    ...(asked === undefined ? {} : { host: asked }),
  };
  const secure = forceSslRedirect || (sslRedirect && host.tls);
  return {
    ...policies,
    ...(Object.keys(rewrite).length === 0 ? {} : { rewrite }),
    ...(secure ? { responseHeaders: withHsts(policies.responseHeaders) } : {}),
  };
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

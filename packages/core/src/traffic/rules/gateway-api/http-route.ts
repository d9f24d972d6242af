import { parseDurationMs } from '../../../base/duration.ts';
import type { HTTPRoute, HTTPRouteMatch, HTTPRouteRule } from '../../../rules/gateway-api.ts';
import { retryDefaults, routeTimeoutMs } from '../../defaults.ts';
import type {
  NamedMatch,
  PathMatch,
  RetryPolicy,
  Route,
  RouteAction,
  RouteMatch,
  RoutePolicies,
  StickyCookie,
  WeightedTarget,
} from '../../route.ts';
import type { ClusterSettings, PlainRoute, PlanContext, Translator } from '../contract.ts';
import { type Age, ageOf, rankBySpecificity, type Specificity } from '../rank.ts';
import { clusterOfBackend, type Referrer, targetOf } from './backends.ts';
import { backendFilters, type Filtered, readFilters } from './filters.ts';
import type { Opening } from './listeners.ts';
import { gatewayApi } from './names.ts';
import { attachmentsOf } from './parents.ts';
import { type Placement, placementsOf } from './placements.ts';

export const httpRouteTranslator: Translator<HTTPRoute> = {
  apiVersion: gatewayApi,
  kind: 'HTTPRoute',
  translate({ namespace, name, manifest }, context) {
    const from: Referrer = { kind: 'HTTPRoute', namespace };
    const placements = placedAt(manifest.spec, from, context);
    const age = ageOf({ namespace, name, manifest });
    let position = 0;
    const routes = (manifest.spec.rules ?? [{}]).flatMap((rule, index) => {
      const path = `spec.rules[${index}]`;
      const made = forwardingOf(rule, from, context, path);
      const matches = rule.matches?.length ? rule.matches : [{}];
      return matches.flatMap((match, at) =>
        routesAt(placements, {
          ...{ match: matchOf(match), specificity: specificityOf(match), made, age, position: position++ },
          ...{ name: `${context.subject}/${index}/${at}`, path: `${path}.matches[${at}]` },
        }),
      );
    });
    return { routes };
  },
};

/** Where a route with host names is; that no listener shares one with it is reported. */
export function placedAt(
  spec: Pick<HTTPRoute['spec'], 'parentRefs' | 'hostnames'>,
  from: Referrer,
  context: PlanContext,
): Placement[] {
  const openings = attachmentsOf(spec.parentRefs, from, context);
  const placements = placementsOf(openings, spec.hostnames);
  if (placements.length === 0 && openings.length > 0) {
    const message = `none of its host names is one of the listener's (${openings.map(({ hostname }) => hostname ?? '*').join(', ')})`;
    context.report('error', 'no-matching-listener-hostname', message, 'spec.hostnames');
  }
  return placements;
}

/** What a rule does with what it matches. */
export interface Forwarding {
  action(opening: Opening): RouteAction;
  readonly policies: RoutePolicies;
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
}

/** @param settings of the clusters, where the route speaks a protocol of its own */
export function forwardingOf(
  rule: HTTPRouteRule,
  from: Referrer,
  context: PlanContext,
  path: string,
  settings?: ClusterSettings,
): Forwarding {
  const filtered = readFilters(rule.filters, from, context, path);
  const request = durationMs(rule.timeouts?.request) ?? routeTimeoutMs;
  const perTry = durationMs(rule.timeouts?.backendRequest) ?? 0;
  const action = actionOf(rule, filtered, from, context, path, settings);
  return {
    action,
    policies: filtered.policies,
    timeoutMs: request,
    retry: retryOf(rule.retry, perTry),
  };
}

function actionOf(
  rule: HTTPRouteRule,
  { broken, redirect }: Filtered,
  from: Referrer,
  context: PlanContext,
  path: string,
  settings: ClusterSettings | undefined,
): Forwarding['action'] {
  if (broken) return () => direct(500, 'a filter of this route is not known\n');
  if (redirect !== undefined) return redirect;
  const targets = (rule.backendRefs ?? []).map((ref, index): WeightedTarget => {
    const where = `${path}.backendRefs[${index}]`;
    const changes = backendFilters(ref.filters, context, where);
    const cluster = clusterOfBackend(ref, from, context, where, settings);
    return { ...targetOf(ref, changes === undefined ? undefined : cluster), ...changes };
  });
  if (targets.length === 0) {
    context.report('warning', 'no-backend', 'it has no backend, so that its requests are answered 404', path);
    return () => direct(404, 'no backend\n');
  }
  if (targets.every(({ weight }) => weight === 0)) return () => direct(500, 'every backend has weight 0\n');
  const sticky = stickyOf(rule.sessionPersistence, context, path);
  return () => ({ type: 'forward', targets, ...(sticky === undefined ? {} : { sticky }) });
}

function direct(status: number, body: string): RouteAction {
  return { type: 'direct', status, body, contentType: 'text/plain; charset=utf-8' };
}

function stickyOf(
  asked: HTTPRouteRule['sessionPersistence'],
  context: PlanContext,
  path: string,
): StickyCookie | undefined {
  if (asked === undefined) return undefined;
  if (asked.type === 'Header') {
    const message = 'sessions are kept by a cookie only here: leave `type` out';
    context.report('warning', 'unsupported-field', message, `${path}.sessionPersistence.type`);
    return undefined;
  }
  const lasting = asked.cookieConfig?.lifetimeType === 'Permanent';
  const maxAgeMs = lasting ? durationMs(asked.absoluteTimeout) : undefined;
  return {
    name: asked.sessionName ?? 'portolan-session',
    httpOnly: true,
    ...(maxAgeMs === undefined ? {} : { maxAgeS: Math.ceil(maxAgeMs / 1_000) }),
  };
}

function retryOf(retry: HTTPRouteRule['retry'], perTryTimeoutMs: number): RetryPolicy {
  if (retry === undefined) return { ...retryDefaults, perTryTimeoutMs };
  const { attempts = 1, codes = [], backoff } = retry;
  const baseMs = durationMs(backoff);
  return {
    retries: attempts,
    on: [...retryDefaults.on, ...(codes.length === 0 ? [] : (['retriable-status-codes'] as const))],
    ...(codes.length === 0 ? {} : { statuses: codes }),
    perTryTimeoutMs,
    ...(baseMs === undefined ? {} : { backOff: { baseMs, maxMs: baseMs * 10 } }),
  };
}

function durationMs(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseDurationMs(text);
}

/** One match of one rule. */
export interface Matched {
  readonly match: RouteMatch;
  readonly specificity: Specificity;
  readonly made: Forwarding;
  readonly age: Age;
  readonly position: number;
  readonly name: string;
  readonly path: string;
}

/** It, at each place. */
export function routesAt(placements: readonly Placement[], matched: Matched): PlainRoute[] {
  const { match, specificity, made, age, position, name, path } = matched;
  const { policies, timeoutMs, retry } = made;
  const rank = rankBySpecificity(specificity, 'gateway-api', age, position);
  return placements.map(({ table, host, scheme, opening }) => {
    const route: Route = {
      name,
      match: scheme === undefined ? match : { ...match, scheme },
      action: made.action(opening),
      timeoutMs,
      retry,
      ...(Object.keys(policies).length === 0 ? {} : { policies }),
    };
    return { type: 'route', table, host, rank, route, path };
  });
}

function matchOf({ path, headers, queryParams, method }: HTTPRouteMatch): RouteMatch {
  return {
    path: pathOf(path),
    ...(method === undefined ? {} : { methods: [method] }),
    ...(headers?.length ? { headers: headers.map((one) => valueMatch(one, one.name.toLowerCase())) } : {}),
    ...(queryParams?.length ? { query: queryParams.map((one) => valueMatch(one, one.name)) } : {}),
  };
}

function pathOf({ type = 'PathPrefix', value = '/' }: NonNullable<HTTPRouteMatch['path']> = {}): PathMatch {
  switch (type) {
    case 'Exact':
      return { type: 'exact', value };
    case 'PathPrefix':
      return { type: 'segments', value };
    case 'RegularExpression':
      return { type: 'regex', value };
  }
}

export function valueMatch(
  { type = 'Exact', value }: { readonly type?: 'Exact' | 'RegularExpression'; readonly value: string },
  name: string,
): NamedMatch {
  return { name, type: type === 'Exact' ? 'exact' : 'regex', value };
}

/** Of two headers or parameters of one name only the first counts, as the API has it; so too for who is more specific. */
function specificityOf({ path, headers = [], queryParams = [], method }: HTTPRouteMatch): Specificity {
  const value = path?.value ?? '/';
  return {
    exact: path?.type === 'Exact',
    length: value.length > 1 && value.endsWith('/') ? value.length - 1 : value.length,
    method: method !== undefined,
    headers: headers.length,
    query: queryParams.length,
  };
}

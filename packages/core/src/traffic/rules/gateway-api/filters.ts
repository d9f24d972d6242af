import type { HeaderFilter, HTTPRouteFilter, PathModifier } from '../../../rules/gateway-api.ts';
import type { HeaderChanges, PathRewrite, RouteAction, RoutePolicies, TextMatch } from '../../route.ts';
import type { PlanContext } from '../contract.ts';
import { clusterOfBackend, type Referrer } from './backends.ts';
import type { Opening } from './listeners.ts';

/** What the filters of a rule, or of one of its backends, come to. */
export interface Filtered {
  readonly policies: RoutePolicies;
  /** Made for each door: where a redirect leads depends on it. */
  readonly redirect: ((opening: Opening) => RouteAction) | undefined;
  /** A filter that is not understood must not be passed over: requests are answered 500. */
  readonly broken: boolean;
}

export function readFilters(
  filters: readonly HTTPRouteFilter[] | undefined,
  from: Referrer,
  context: PlanContext,
  path: string,
): Filtered {
  const policies: { -readonly [K in keyof RoutePolicies]: RoutePolicies[K] } = {};
  let redirect: Filtered['redirect'];
  let broken = false;
  for (const [index, filter] of (filters ?? []).entries()) {
    const where = `${path}.filters[${index}]`;
    switch (filter.type) {
      case 'RequestHeaderModifier':
        policies.requestHeaders = headerChanges(filter.requestHeaderModifier);
        break;
      case 'ResponseHeaderModifier':
        policies.responseHeaders = headerChanges(filter.responseHeaderModifier);
        break;
      case 'RequestRedirect': {
        const asked = filter.requestRedirect ?? {};
        redirect = (opening) => redirectOf(asked, opening, context);
        break;
      }
      case 'URLRewrite': {
        const { hostname, path: to } = filter.urlRewrite ?? {};
        policies.rewrite = {
          ...(hostname === undefined ? {} : { host: hostname }),
          ...(to === undefined ? {} : { path: pathRewrite(to) }),
        };
        break;
      }
      case 'RequestMirror': {
        const { backendRef, percent, fraction } = filter.requestMirror ?? {};
        if (backendRef === undefined) break;
        const cluster = clusterOfBackend(backendRef, from, context, `${where}.requestMirror.backendRef`);
        if (cluster === undefined) break;
        const share = fraction === undefined ? (percent ?? 100) : shareOf(fraction);
        policies.mirrors = [...(policies.mirrors ?? []), { cluster, percent: share }];
        break;
      }
      case 'CORS': {
        const asked = filter.cors ?? {};
        policies.cors = {
          origins: (asked.allowOrigins ?? []).map(originMatch),
          methods: asked.allowMethods ?? [],
          headers: asked.allowHeaders ?? [],
          ...(asked.exposeHeaders === undefined ? {} : { exposeHeaders: asked.exposeHeaders }),
          ...(asked.allowCredentials === undefined ? {} : { credentials: asked.allowCredentials }),
          maxAgeS: asked.maxAge ?? 5,
        };
        break;
      }
      default: {
        const message = `a filter of type ${filter.type} is not known here, and must not be passed over: what it is for is answered 500`;
        context.report('error', 'unsupported-filter', message, where);
        broken = true;
      }
    }
  }
  return { policies, redirect, broken };
}

/** Of a backend's own filters only changes of headers are known. */
export function backendFilters(
  filters: readonly HTTPRouteFilter[] | undefined,
  context: PlanContext,
  path: string,
): { readonly requestHeaders?: HeaderChanges; readonly responseHeaders?: HeaderChanges } | undefined {
  let changes: { requestHeaders?: HeaderChanges; responseHeaders?: HeaderChanges } = {};
  for (const [index, filter] of (filters ?? []).entries()) {
    if (filter.type === 'RequestHeaderModifier') {
      changes = { ...changes, requestHeaders: headerChanges(filter.requestHeaderModifier) };
    } else if (filter.type === 'ResponseHeaderModifier') {
      changes = { ...changes, responseHeaders: headerChanges(filter.responseHeaderModifier) };
    } else {
      const message = `a filter of type ${filter.type} of one backend is not known here: its share is answered 500`;
      context.report('error', 'unsupported-filter', message, `${path}.filters[${index}]`);
      return undefined;
    }
  }
  return changes;
}

function headerChanges({ set, add, remove }: HeaderFilter = {}): HeaderChanges {
  const lower = ({ name, value }: { readonly name: string; readonly value: string }) => ({
    name: name.toLowerCase(),
    value,
  });
  return {
    ...(remove === undefined ? {} : { remove: remove.map((name) => name.toLowerCase()) }),
    ...(set === undefined ? {} : { set: set.map(lower) }),
    ...(add === undefined ? {} : { add: add.map(lower) }),
  };
}

function pathRewrite(modifier: PathModifier): PathRewrite {
  return modifier.type === 'ReplaceFullPath'
    ? { type: 'full', value: modifier.replaceFullPath }
    : { type: 'prefix', value: modifier.replacePrefixMatch };
}

function shareOf({
  numerator,
  denominator = 100,
}: {
  readonly numerator: number;
  readonly denominator?: number;
}): number {
  return denominator <= 0 ? 0 : Math.min(100, (numerator * 100) / denominator);
}

/** `*` everywhere, `https://*.example.com` any name below. */
function originMatch(origin: string): TextMatch {
  if (origin === '*') return { type: 'present', value: '' };
  if (!origin.includes('*')) return { type: 'exact', value: origin };
  const pattern = origin
    .split('*')
    .map((part) => part.replaceAll(/[.+?^${}()|[\]\\/-]/g, '\\$&'))
    .join('[^/]+');
  return { type: 'regex', value: pattern };
}

type Redirect = NonNullable<HTTPRouteFilter['requestRedirect']>;

/** The port: the one that is named; else that of the named scheme; else the listener's. */
function redirectOf(asked: Redirect, opening: Opening, { settings }: PlanContext): RouteAction {
  const { scheme, hostname, path, statusCode = 302 } = asked;
  const onEdge = opening.scheme !== undefined;
  const ofScheme =
    scheme === undefined
      ? undefined
      : scheme === 'https'
        ? onEdge
          ? settings.httpsPort
          : 443
        : onEdge
          ? settings.httpPort
          : 80;
  const port = asked.port ?? ofScheme;
  return {
    type: 'redirect',
    status: statusCode,
    ...(scheme === undefined ? {} : { scheme }),
    ...(hostname === undefined ? {} : { host: hostname }),
    ...(port === undefined ? {} : { port }),
    ...(path === undefined ? {} : { path: pathRewrite(path) }),
  };
}

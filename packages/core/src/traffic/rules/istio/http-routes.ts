import type { IstioHttpMatch, IstioHttpRoute, VirtualService } from '../../../rules/istio.ts';
import { routeTimeoutMs } from '../../defaults.ts';
import type { RetryPolicy, RouteAction, RouteMatch, RoutePolicies } from '../../route.ts';
import type { PlanContext } from '../contract.ts';
import { actionOf } from './http-action.ts';
import { durationMs, policiesOf, retryOf } from './http-policies.ts';
import { istioApi } from './names.ts';
import { bothMatches, routeMatch } from './text-matches.ts';

/** A route and one of its matches, before it is known on which hosts. */
export interface WrittenRoute {
  readonly match: RouteMatch;
  /** Only at this port; undefined: at any. */
  readonly port: number | undefined;
  /** Only at these gateways; undefined: at all of the rule's. */
  readonly gateways: readonly string[] | undefined;
  readonly action: RouteAction;
  readonly policies: RoutePolicies;
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  /** `spec.http[0].match[1]`, and `0/1`. */
  readonly path: string;
  readonly name: string;
}

type Rule = { readonly namespace: string; readonly manifest: VirtualService };

/** In the order in which they are written; what is delegated stands where it is delegated. */
export function writtenRoutes(rule: Rule, context: PlanContext): WrittenRoute[] {
  return (rule.manifest.spec.http ?? []).flatMap((route, index) => {
    const path = `spec.http[${index}]`;
    if (route.delegate !== undefined) return delegated(route, rule.namespace, context, path, `${index}`);
    return routesOf(route, route.match ?? [], rule.namespace, context, path, `${index}`);
  });
}

function routesOf(
  route: IstioHttpRoute,
  matches: readonly IstioHttpMatch[],
  namespace: string,
  context: PlanContext,
  path: string,
  name: string,
): WrittenRoute[] {
  const action = actionOf(route, namespace, context, path);
  if (action === undefined) return [];
  const timeoutMs = durationMs(route.timeout) ?? routeTimeoutMs;
  const retry = retryOf(route.retries, context, path);
  const all: readonly (IstioHttpMatch | undefined)[] = matches.length === 0 ? [undefined] : matches;
  return all.flatMap((match, at): WrittenRoute[] => {
    const where = match === undefined ? path : `${path}.match[${at}]`;
    if (match?.sourceLabels !== undefined || match?.sourceNamespace !== undefined) {
      const message = 'who asks is not known at a gateway: a match by source holds for nobody here';
      context.report('info', 'source-match', message, where);
      return [];
    }
    return [
      {
        match: routeMatch(match),
        port: match?.port,
        gateways: match?.gateways,
        action,
        policies: policiesOf(route, match, namespace, context, path),
        timeoutMs,
        retry,
        path: where,
        name: `${name}/${at}`,
      },
    ];
  });
}

/** One level deep, as in Istio: a rule without hosts, whose matches hold besides those of who delegates. */
function delegated(
  route: IstioHttpRoute,
  namespace: string,
  context: PlanContext,
  path: string,
  name: string,
): WrittenRoute[] {
  const { name: to = '', namespace: inNamespace = namespace } = route.delegate ?? {};
  const rule = context.rule<VirtualService>(istioApi, 'VirtualService', inNamespace, to);
  const problem =
    rule === undefined
      ? `there is no VirtualService ${to} in namespace ${inNamespace}`
      : rule.manifest.spec.hosts?.length
        ? `VirtualService ${to} has hosts of its own, and only one without can be delegated to`
        : undefined;
  if (rule === undefined || problem !== undefined) {
    context.report('error', 'delegate-missing', `${problem}: the route is left out`, `${path}.delegate`);
    return [];
  }
  const outer = route.match?.length ? route.match : [{}];
  return (rule.manifest.spec.http ?? []).flatMap((inner, index) => {
    if (inner.delegate !== undefined) {
      const message = `VirtualService ${to} delegates in its turn, which is not followed`;
      context.report('warning', 'delegate-nested', message, `${path}.delegate`);
      return [];
    }
    const matches = outer.flatMap((one) =>
      (inner.match?.length ? inner.match : [{}]).flatMap((other) => bothMatches(one, other) ?? []),
    );
    if (matches.length === 0) {
      const message = `route ${index} of VirtualService ${to} matches nothing that is delegated to it`;
      context.report('warning', 'delegate-conflict', message, `${path}.delegate`);
      return [];
    }
    return routesOf(inner, matches, rule.namespace, context, path, `${name}/${to}/${index}`);
  });
}

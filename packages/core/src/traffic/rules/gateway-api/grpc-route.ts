import type { GRPCRoute, GRPCRouteMatch } from '../../../rules/gateway-api.ts';
import type { PathMatch, RouteMatch } from '../../route.ts';
import type { ClusterSettings, Translator } from '../contract.ts';
import { ageOf, type Specificity } from '../rank.ts';
import type { Referrer } from './backends.ts';
import { forwardingOf, placedAt, routesAt, valueMatch } from './http-route.ts';
import { gatewayApi } from './names.ts';

/** gRPC is HTTP/2 whatever the port's protocol says. */
const http2: ClusterSettings = Object.freeze({ protocol: 'http2' });

export const grpcRouteTranslator: Translator<GRPCRoute> = {
  apiVersion: gatewayApi,
  kind: 'GRPCRoute',
  translate({ namespace, name, manifest }, context) {
    const from: Referrer = { kind: 'GRPCRoute', namespace };
    const placements = placedAt(manifest.spec, from, context);
    const age = ageOf({ namespace, name, manifest });
    let position = 0;
    const routes = (manifest.spec.rules ?? [{}]).flatMap((rule, index) => {
      const path = `spec.rules[${index}]`;
      const { filters, backendRefs, sessionPersistence } = rule;
      const asHttp = {
        ...(filters === undefined ? {} : { filters }),
        ...(backendRefs === undefined ? {} : { backendRefs }),
        ...(sessionPersistence === undefined ? {} : { sessionPersistence }),
      };
      const made = forwardingOf(asHttp, from, context, path, http2);
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

/** A call is `POST /<service>/<method>`. */
function matchOf({ method, headers }: GRPCRouteMatch): RouteMatch {
  return {
    path: pathOf(method),
    ...(headers?.length ? { headers: headers.map((one) => valueMatch(one, one.name.toLowerCase())) } : {}),
  };
}

function pathOf(method: GRPCRouteMatch['method']): PathMatch {
  const { type = 'Exact', service, method: call } = method ?? {};
  if (type === 'RegularExpression') {
    return { type: 'regex', value: `/(?:${service ?? '[^/]+'})/(?:${call ?? '[^/]+'})` };
  }
  if (service !== undefined && call !== undefined) return { type: 'exact', value: `/${service}/${call}` };
  if (service !== undefined) return { type: 'prefix', value: `/${service}/` };
  if (call === undefined) return { type: 'prefix', value: '/' };
  return { type: 'regex', value: `/[^/]+/${call.replaceAll(/[^A-Za-z0-9_]/g, '\\$&')}` };
}

/** The longer service, then the longer method, then more headers. */
function specificityOf({ method, headers = [] }: GRPCRouteMatch): Specificity {
  const { service = '', method: call = '' } = method ?? {};
  return {
    exact: service !== '' && call !== '' && method?.type !== 'RegularExpression',
    length: service.length * 1_000 + call.length,
    headers: headers.length,
  };
}

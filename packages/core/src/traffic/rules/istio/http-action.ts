import { textFromBase64 } from '../../../base/base64-text.ts';
import type { IstioHttpRoute } from '../../../rules/istio.ts';
import type { RouteAction, WeightedTarget } from '../../route.ts';
import type { PlanContext } from '../contract.ts';
import { destinationTarget } from './destinations.ts';
import { headerChanges } from './http-policies.ts';

/** Where a route leads. Undefined: it says nothing, which is reported. */
export function actionOf(
  route: IstioHttpRoute,
  namespace: string,
  context: PlanContext,
  path: string,
): RouteAction | undefined {
  if (route.redirect !== undefined) return redirectOf(route.redirect);
  if (route.directResponse !== undefined) {
    const { status, body } = route.directResponse;
    const text = body?.string ?? textFromBase64(body?.bytes ?? '') ?? '';
    return { type: 'direct', status, body: text, contentType: 'text/plain; charset=utf-8' };
  }
  const destinations = route.route ?? [];
  const targets = destinations.map(({ destination, weight, headers }, index): WeightedTarget => {
    const where = `${path}.route[${index}].destination`;
    const share = destinations.length === 1 ? 1 : (weight ?? 0);
    const request = headerChanges(headers?.request);
    const response = headerChanges(headers?.response);
    return {
      ...destinationTarget(destination, share, namespace, context, where),
      ...(request === undefined ? {} : { requestHeaders: request }),
      ...(response === undefined ? {} : { responseHeaders: response }),
    };
  });
  if (targets.some(({ weight }) => weight > 0)) return { type: 'forward', targets };
  const message =
    targets.length === 0
      ? 'it has no route, redirect, directResponse or delegate: it is left out'
      : 'every weight is 0, so that nobody would be asked: it is left out';
  context.report('error', 'route-empty', message, path);
  return undefined;
}

function redirectOf(redirect: NonNullable<IstioHttpRoute['redirect']>): RouteAction {
  const { uri, prefixRewrite, authority, scheme, port, derivePort, redirectCode = 301 } = redirect;
  const asScheme = scheme === 'http' || scheme === 'https' ? scheme : undefined;
  const byProtocol = derivePort === 'FROM_PROTOCOL_DEFAULT' && asScheme !== undefined;
  const number = port ?? (byProtocol ? (asScheme === 'https' ? 443 : 80) : undefined);
  return {
    type: 'redirect',
    status: redirectCode,
    ...(asScheme === undefined ? {} : { scheme: asScheme }),
    ...(authority === undefined ? {} : { host: authority }),
    ...(number === undefined ? {} : { port: number }),
    ...(prefixRewrite !== undefined
      ? { path: { type: 'prefix', value: prefixRewrite } }
      : uri === undefined
        ? {}
        : { path: { type: 'full', value: uri } }),
  };
}

import type { CatalogReader } from '@portolan/core/catalog/reader.ts';
import type { GatewayListener, GatewayResource, ParentRef } from '@portolan/core/rules/gateway-api.ts';
import type { RuleOf } from '@portolan/core/rules/rule.ts';
import type { Diagnostic } from '@portolan/core/traffic/model.ts';
import { subjectOfRule } from '@portolan/core/traffic/rules/contract.ts';
import { hostsOf } from '@portolan/core/traffic/rules/gateway-api/hostnames.ts';
import { gatewayApi } from '@portolan/core/traffic/rules/gateway-api/names.ts';
import { kindsOf, takesKind, takesNamespace } from '@portolan/core/traffic/rules/gateway-api/parents.ts';

const routeKinds = ['HTTPRoute', 'GRPCRoute', 'TLSRoute', 'TCPRoute', 'UDPRoute'] as const;

interface Attached {
  readonly kind: string;
  readonly namespace: string;
  readonly parent: ParentRef;
  readonly hostnames: readonly string[] | undefined;
}

/** Routes by the Gateway that they name, each as often as it names it. Made once for an answer that shows many Gateways. */
export type RoutesByGateway = ReadonlyMap<string, readonly Attached[]>;

/** Without those whose reference to the Gateway itself is wrong. */
export function routesByGateway(
  catalog: Pick<CatalogReader, 'rules'>,
  diagnosticsOf: (subject: string) => readonly Diagnostic[],
): RoutesByGateway {
  const found = new Map<string, Attached[]>();
  for (const kind of routeKinds) {
    for (const { record } of catalog.rules(gatewayApi, kind)) {
      const { spec } = record.manifest as unknown as {
        readonly spec: { readonly parentRefs?: readonly ParentRef[]; readonly hostnames?: readonly string[] };
      };
      const problems = diagnosticsOf(subjectOfRule(record)).filter(({ severity }) => severity === 'error');
      for (const [index, parent] of (spec.parentRefs ?? []).entries()) {
        const path = `spec.parentRefs[${index}]`;
        if ((parent.kind ?? 'Gateway') !== 'Gateway' || problems.some((one) => one.path?.startsWith(path)))
          continue;
        const key = `${parent.namespace ?? record.namespace}/${parent.name}`;
        const list = found.get(key) ?? [];
        found.set(key, list);
        list.push({ kind, namespace: record.namespace, parent, hostnames: spec.hostnames });
      }
    }
  }
  return found;
}

/** `status.listeners[]` of Gateway API, besides the conditions. */
export function attachmentsAt(
  gateway: RuleOf<GatewayResource>,
  listener: GatewayListener,
  routes: RoutesByGateway,
): { readonly attachedRoutes: number; readonly supportedKinds: readonly { group: string; kind: string }[] } {
  const protocol = listener.protocol as keyof typeof kindsOf;
  if (!Object.hasOwn(kindsOf, protocol)) return { attachedRoutes: 0, supportedKinds: [] };
  const passthrough = protocol === 'TLS' && listener.tls?.mode === 'Passthrough';
  const door = { protocol, passthrough, listener };
  const all = routes.get(`${gateway.namespace}/${gateway.name}`) ?? [];
  const attached = all.filter(
    ({ kind, namespace, parent, hostnames }) =>
      (parent.sectionName === undefined || parent.sectionName === listener.name) &&
      (parent.port === undefined || parent.port === listener.port) &&
      takesKind(door, kind) &&
      takesNamespace(door, gateway.namespace, namespace) &&
      hostsOf(listener.hostname, hostnames).length > 0,
  );
  const supported = routeKinds.filter((kind) => takesKind(door, kind));
  return {
    attachedRoutes: attached.length,
    supportedKinds: supported.map((kind) => ({ group: 'gateway.networking.k8s.io', kind })),
  };
}

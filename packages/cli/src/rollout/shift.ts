import type { HTTPRoute } from '@portolan/core/rules/gateway-api.ts';
import type { DestinationRule, IstioHttpDestination, VirtualService } from '@portolan/core/rules/istio.ts';

/** Two versions of a service, by the name that a rule knows them by. */
export interface Versions {
  readonly namespace: string;
  readonly service: string;
  readonly from: string;
  readonly to: string;
}

/** A manifest in which `percent` of what `from` and `to` get together goes to `to`. Undefined: it knows no `from`. */
export function shiftedVirtualService(
  rule: VirtualService,
  versions: Versions,
  percent: number,
): VirtualService | undefined {
  let touched = false;
  const http = rule.spec.http?.map((route) => {
    const destinations = route.route ?? [];
    const old = destinations.find((one) => isMeant(one, versions, versions.from));
    if (old === undefined) return route;
    touched = true;
    const fresh = destinations.find((one) => isMeant(one, versions, versions.to));
    const share = destinations.length === 1 ? 100 : (old.weight ?? 0) + (fresh?.weight ?? 0);
    const toWeight = Math.round((share * percent) / 100);
    const shifted: IstioHttpDestination[] = destinations
      .filter((one) => one !== fresh)
      .map((one) => (one === old ? { ...one, weight: share - toWeight } : one));
    const added = fresh ?? { ...old, destination: { ...old.destination, subset: versions.to } };
    return { ...route, route: [...shifted, { ...added, weight: toWeight }] };
  });
  return touched && http !== undefined ? { ...rule, spec: { ...rule.spec, http } } : undefined;
}

function isMeant(
  { destination }: IstioHttpDestination,
  { service, namespace }: Versions,
  subset: string,
): boolean {
  const { host } = destination;
  const named =
    host === service || host === `${service}.${namespace}` || host.startsWith(`${service}.${namespace}.svc`);
  return named && destination.subset === subset;
}

/** The same where versions are services of their own. */
export function shiftedHttpRoute(
  route: HTTPRoute,
  versions: Versions,
  percent: number,
): HTTPRoute | undefined {
  let touched = false;
  const rules = route.spec.rules?.map((rule) => {
    const refs = rule.backendRefs ?? [];
    const old = refs.find(({ name }) => name === versions.from);
    if (old === undefined) return rule;
    touched = true;
    const fresh = refs.find(({ name }) => name === versions.to);
    const share =
      refs.length === 1 ? 100 : (old.weight ?? 1) + (fresh?.weight ?? (fresh === undefined ? 0 : 1));
    // A sum of 1 or 2 cannot be parted: Gateway API's weights mean nothing but their ratio.
    const scale = refs.length <= 2 && share < 100 ? 100 / Math.max(share, 1) : 1;
    const whole = Math.round(share * scale);
    const toWeight = Math.round((whole * percent) / 100);
    const others = refs.filter((one) => one !== fresh);
    return {
      ...rule,
      backendRefs: [
        ...others.map((one) => (one === old ? { ...one, weight: whole - toWeight } : one)),
        { ...(fresh ?? { ...old, name: versions.to }), weight: toWeight },
      ],
    };
  });
  return touched && rules !== undefined ? { ...route, spec: { ...route.spec, rules } } : undefined;
}

/** Which subsets of the service a rule sends requests to now: those with a share. */
export function subsetsIn(rule: VirtualService, versions: Omit<Versions, 'from' | 'to'>): readonly string[] {
  const found = new Set<string>();
  for (const { route = [] } of rule.spec.http ?? []) {
    for (const one of route) {
      const { subset } = one.destination;
      const hasShare = route.length === 1 || (one.weight ?? 0) > 0;
      if (subset !== undefined && hasShare && isMeant(one, { ...versions, from: '', to: '' }, subset))
        found.add(subset);
    }
  }
  return [...found];
}

/** A rule that sends everything to `from`, for a service that has none. */
export function firstVirtualService({ namespace, service, from }: Versions): VirtualService {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: service, namespace },
    spec: { hosts: [service], http: [{ route: [{ destination: { host: service, subset: from } }] }] },
  };
}

/** A DestinationRule that has both versions as subsets, by the label `version`; undefined: it has them already. */
export function withSubsets(
  rule: DestinationRule | undefined,
  { namespace, service, from, to }: Versions,
): DestinationRule | undefined {
  const subsets = rule?.spec.subsets ?? [];
  const missing = [from, to].filter((name) => !subsets.some((one) => one.name === name));
  if (missing.length === 0) return undefined;
  const added = missing.map((name) => ({ name, labels: { version: name } }));
  if (rule !== undefined) return { ...rule, spec: { ...rule.spec, subsets: [...subsets, ...added] } };
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name: service, namespace },
    spec: { host: service, subsets: added },
  };
}

import type { BackendRef } from '../../../rules/gateway-api.ts';
import type { WeightedTarget } from '../../route.ts';
import type { ClusterSettings, PlanContext } from '../contract.ts';
import { isGranted } from './grants.ts';
import { gatewayGroup } from './names.ts';

export interface Referrer {
  readonly kind: string;
  readonly namespace: string;
}

/** The cluster that is meant, or nothing, which is reported: its share is answered 500. */
export function clusterOfBackend(
  ref: BackendRef,
  from: Referrer,
  context: PlanContext,
  path: string,
  settings?: ClusterSettings,
): string | undefined {
  const { group = '', kind = 'Service', name, port } = ref;
  if (group !== '' || kind !== 'Service') {
    const message = `a ${kind} cannot be sent requests: name a Service, or a service that is registered`;
    context.report('error', 'invalid-kind', message, `${path}.kind`);
    return undefined;
  }
  const namespace = ref.namespace ?? from.namespace;
  const reference = { fromGroup: gatewayGroup, fromKind: from.kind, fromNamespace: from.namespace };
  const granted = isGranted(context, {
    ...reference,
    ...{ toGroup: '', toKind: 'Service', toNamespace: namespace, toName: name },
  });
  if (!granted) {
    const message = `no ReferenceGrant in namespace ${namespace} lets ${from.kind}s of ${from.namespace} refer to Service ${name}`;
    context.report('error', 'ref-not-permitted', message, path);
    return undefined;
  }
  const found = context.backendPort(namespace, name, { number: port ?? onlyPort(namespace, name, context) });
  if ('problem' in found) {
    context.report('error', 'backend-not-found', found.message, path);
    return undefined;
  }
  return context.cluster(found.cluster, settings === undefined ? {} : { settings });
}

/** A port has to be said; where a Service has one only, everybody knows which. */
function onlyPort(namespace: string, name: string, context: PlanContext): number {
  const ports = context.backend(namespace, name)?.ports ?? [];
  return ports.length === 1 ? (ports[0]?.port ?? 0) : 0;
}

/** The share of one reference; a broken one keeps its share, which is answered `status` (connections: closed). */
export function targetOf(ref: BackendRef, cluster: string | undefined, status = 500): WeightedTarget {
  const weight = ref.weight ?? 1;
  return cluster === undefined ? { weight, status } : { weight, cluster };
}

import type { DestinationRule, IstioDestination, ServiceEntry } from '../../../rules/istio.ts';
import type { RuleOf } from '../../../rules/rule.ts';
import type { WeightedTarget } from '../../route.ts';
import type { PlanContext } from '../contract.ts';
import { istioApi } from './names.ts';
import { externalCluster } from './service-entry.ts';
import { type ServiceName, serviceOfHost } from './service-host.ts';

/** What Envoy answers for a cluster that it does not know. */
const missingStatus = 503;

/** A destination's share: its cluster, or 503 for what is not there, which is reported. */
export function destinationTarget(
  destination: IstioDestination,
  weight: number,
  namespace: string,
  context: PlanContext,
  path: string,
): WeightedTarget {
  const cluster = clusterOf(destination, namespace, context, path);
  return cluster === undefined ? { weight, status: missingStatus } : { weight, cluster };
}

export function clusterOf(
  destination: IstioDestination,
  namespace: string,
  context: PlanContext,
  path: string,
): string | undefined {
  const { host, subset, port } = destination;
  const entry = serviceEntryOf(host, context);
  if (entry !== undefined) return externalCluster(entry, destination, context, path);
  const service = serviceOfHost(host, namespace, context);
  if (service === undefined) {
    const message = `"${host}" is no service that is known, and no ServiceEntry names it; its requests are answered ${missingStatus}`;
    context.report('error', 'service-missing', message, `${path}.host`);
    return undefined;
  }
  const number = port?.number ?? defaultPort(service, context);
  const found = context.backendPort(service.namespace, service.name, { number });
  if ('problem' in found) {
    const code = found.problem === 'no-service' ? 'service-missing' : 'service-port-missing';
    const message = `${found.message}; its requests are answered ${missingStatus}`;
    context.report('error', code, message, found.problem === 'no-service' ? `${path}.host` : `${path}.port`);
    return undefined;
  }
  if (subset === undefined) return found.cluster;
  checkSubset(service, subset, context, path);
  return context.cluster(found.cluster, { subset });
}

function serviceEntryOf(host: string, context: PlanContext): RuleOf<ServiceEntry> | undefined {
  if (!host.includes('.')) return undefined;
  const name = host.toLowerCase();
  return context
    .rules<ServiceEntry>(istioApi, 'ServiceEntry')
    .find(({ manifest }) => manifest.spec.hosts.some((one) => one.toLowerCase() === name));
}

/** The only one there is, else the first: Istio takes that of the request, which every client here sends to the gateway's. */
function defaultPort({ namespace, name }: ServiceName, context: PlanContext): number {
  return context.backend(namespace, name)?.ports[0]?.port ?? 0;
}

function checkSubset(service: ServiceName, subset: string, context: PlanContext, path: string): void {
  const names: string[] = [];
  for (const { namespace, manifest } of context.rules<DestinationRule>(istioApi, 'DestinationRule')) {
    const of = serviceOfHost(manifest.spec.host, namespace, context);
    if (of?.name !== service.name || of.namespace !== service.namespace) continue;
    names.push(...(manifest.spec.subsets ?? []).map(({ name }) => name));
  }
  if (names.includes(subset)) return;
  const there = names.length === 0 ? 'no DestinationRule of it has any' : `there are ${names.join(', ')}`;
  const message = `service ${service.name} has no subset ${subset} (${there}); its requests are answered ${missingStatus}`;
  context.report('error', 'subset-missing', message, `${path}.subset`);
}

import type { CatalogReader } from '@portolan/core/catalog/reader.ts';
import type { AnyManifest, Rule, RuleOf } from '@portolan/core/rules/rule.ts';
import type { Diagnostic, TrafficModel } from '@portolan/core/traffic/model.ts';
import { type PlanContext, subjectOfRule } from '@portolan/core/traffic/rules/contract.ts';
import { gatewayApi } from '@portolan/core/traffic/rules/gateway-api/names.ts';
import { isOurs } from '@portolan/core/traffic/rules/ingress/class.ts';

/** Where a resource is reached from outside, in the words of Kubernetes' `status`; and the ports that a Service was given. */
export interface AddressStatus {
  readonly loadBalancer?: { readonly ingress: readonly { readonly ip: string }[] };
  readonly addresses?: readonly { readonly type: 'IPAddress'; readonly value: string }[];
}

/** A node port, as `spec.ports[].nodePort` would say it: who names none is given one, which the manifest does not know. */
export interface NodePort {
  readonly port: number;
  readonly protocol: 'TCP' | 'UDP';
  readonly nodePort: number;
}

/**
 * @param address by which others reach the gateway of this server; undefined: it has none
 * @param pooled LoadBalancers have addresses of their own
 */
export function addressStatus(
  rule: Rule,
  diagnostics: readonly Diagnostic[],
  catalog: Pick<CatalogReader, 'rule'>,
  address: string | undefined,
  pooled = false,
): AddressStatus {
  if (address === undefined) return {};
  const served = { loadBalancer: { ingress: [{ ip: address }] } };
  switch (rule.ruleKind) {
    case 'Ingress':
      return isOurs(rule, { rule: ruleIn(catalog), report: () => undefined }) ? served : {};
    case 'Service':
      return rule.manifest.spec.type === 'LoadBalancer'
        ? {
            loadBalancer: {
              ingress: [{ ip: (pooled ? rule.manifest.spec.loadBalancerIP : undefined) ?? address }],
            },
          }
        : {};
    case 'Gateway':
      return rule.apiVersion !== gatewayApi || diagnostics.some(({ code }) => code === 'class-unknown')
        ? {}
        : { addresses: [{ type: 'IPAddress', value: address }] };
    default:
      return {};
  }
}

function ruleIn(catalog: Pick<CatalogReader, 'rule'>): PlanContext['rule'] {
  return <M extends AnyManifest>(apiVersion: string, kind: string, namespace: string, name: string) =>
    catalog.rule(apiVersion, kind, namespace, name)?.record as unknown as RuleOf<M> | undefined;
}

/** In the order of the Service's ports. */
export function nodePortsOf(rule: Rule, { listeners }: Pick<TrafficModel, 'listeners'>): readonly NodePort[] {
  if (rule.ruleKind !== 'Service') return [];
  const subject = subjectOfRule(rule);
  return (rule.manifest.spec.ports ?? []).flatMap(({ port, protocol = 'TCP' }): NodePort[] => {
    if (protocol === 'SCTP') return [];
    const listener = listeners.get(`${subject}/node-port/${protocol === 'UDP' ? `${port}/udp` : port}`);
    if (listener === undefined || typeof listener.bind === 'string') return [];
    return [{ port, protocol, nodePort: listener.bind.port }];
  });
}

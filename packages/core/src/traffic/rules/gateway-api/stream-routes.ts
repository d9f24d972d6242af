import type {
  GatewayResource,
  StreamRouteRule,
  TCPRoute,
  TLSRoute,
  UDPRoute,
} from '../../../rules/gateway-api.ts';
import type { TlsAction } from '../../listener.ts';
import type { WeightedTarget } from '../../route.ts';
import type { ListenerContribution, PlanContext, TlsContribution, Translator } from '../contract.ts';
import { terminateTcp } from '../edge-certificates.ts';
import { ageOf, rankByAge } from '../rank.ts';
import { clusterOfBackend, type Referrer, targetOf } from './backends.ts';
import { certificatesOf } from './gateway.ts';
import { hostsOf } from './hostnames.ts';
import type { Opening } from './listeners.ts';
import { gatewayApi } from './names.ts';
import { attachmentsOf } from './parents.ts';

/** Connections of a port. Of several routes on one port the oldest has it. */
export const tcpRouteTranslator: Translator<TCPRoute> = {
  apiVersion: gatewayApi,
  kind: 'TCPRoute',
  translate(rule, context) {
    const { namespace, manifest } = rule;
    const from = { kind: 'TCPRoute', namespace };
    const openings = attachmentsOf(manifest.spec.parentRefs, from, context);
    const targets = targetsOf(manifest.spec.rules, from, context);
    const rank = rankByAge(ageOf(rule));
    const tcp = openings.filter(({ protocol }) => protocol === 'TCP');
    const listeners = tcp.flatMap((opening): ListenerContribution[] => {
      const { bind, port } = opening;
      if (typeof bind === 'string') return [];
      const listener = { name: `gateway-tcp-${port}`, protocol: 'tcp' as const, bind, targets };
      return [{ listener, rank, path: 'spec.parentRefs' }];
    });
    const tlsHosts = openings
      .filter(({ protocol }) => protocol === 'TLS')
      .flatMap((opening) => terminated(opening, opening.hostname ?? '*', rule, targets, context));
    return { listeners, tlsHosts };
  },
};

export const udpRouteTranslator: Translator<UDPRoute> = {
  apiVersion: gatewayApi,
  kind: 'UDPRoute',
  translate(rule, context) {
    const { namespace, manifest } = rule;
    const from = { kind: 'UDPRoute', namespace };
    const openings = attachmentsOf(manifest.spec.parentRefs, from, context);
    const targets = targetsOf(manifest.spec.rules, from, context);
    const rank = rankByAge(ageOf(rule));
    const listeners = openings.flatMap(({ bind, port }): ListenerContribution[] => {
      if (typeof bind === 'string') return [];
      const listener = { name: `gateway-udp-${port}`, protocol: 'udp' as const, bind, targets };
      return [{ listener, rank, path: 'spec.parentRefs' }];
    });
    return { listeners };
  },
};

/** TLS connections by server name: passed through, or ended here where the listener says so. */
export const tlsRouteTranslator: Translator<TLSRoute> = {
  apiVersion: gatewayApi,
  kind: 'TLSRoute',
  translate(rule, context) {
    const { namespace, manifest } = rule;
    const { parentRefs, hostnames, rules } = manifest.spec;
    const from = { kind: 'TLSRoute', namespace };
    const openings = attachmentsOf(parentRefs, from, context);
    const targets = targetsOf(rules, from, context);
    const rank = rankByAge(ageOf(rule));
    const tlsHosts = openings.flatMap((opening): TlsContribution[] => {
      const names = hostsOf(opening.hostname, hostnames);
      if (names.length === 0) {
        const message = `none of its host names is one of listener ${opening.name} (${opening.hostname ?? '*'})`;
        context.report('error', 'no-matching-listener-hostname', message, 'spec.hostnames');
      }
      if (!opening.passthrough) {
        return names.flatMap((name) => terminated(opening, name, rule, targets, context));
      }
      const action: TlsAction = { type: 'passthrough', targets };
      const { table } = opening;
      return names.map((serverName) => ({ table, serverName, rank, action, path: 'spec.hostnames' }));
    });
    return { tlsHosts };
  },
};

function terminated(
  opening: Opening,
  serverName: string,
  rule: Parameters<typeof ageOf>[0],
  targets: readonly WeightedTarget[],
  context: PlanContext,
): TlsContribution[] {
  const owner = gatewayOf(opening, rule.namespace, context);
  const certificates = certificatesOf(opening, { namespace: owner }, context);
  if (certificates.length === 0) return [];
  const action = terminateTcp(certificates, targets);
  return [
    { table: opening.table, serverName, rank: rankByAge(ageOf(rule)), action, path: 'spec.parentRefs' },
  ];
}

/** The namespace of the Gateway that an opening is of: its Secrets are meant. */
function gatewayOf({ listener }: Opening, fallback: string, context: PlanContext): string {
  const gateways = context.rules<GatewayResource>(gatewayApi, 'Gateway');
  const owner = gateways.find(
    ({ manifest }) => listener !== undefined && manifest.spec.listeners?.includes(listener),
  );
  return owner?.namespace ?? fallback;
}

/** Only the first rule of such a route has a meaning: there is nothing by which to tell two apart. */
function targetsOf(
  rules: readonly StreamRouteRule[] | undefined,
  from: Referrer,
  context: PlanContext,
): readonly WeightedTarget[] {
  const [first, ...others] = rules ?? [];
  if (others.length > 0) {
    const message = 'only its first rule is in force: nothing tells connections of the others apart';
    context.report('warning', 'rule-ignored', message, 'spec.rules[1]');
  }
  return (first?.backendRefs ?? []).map((ref, index) => {
    const cluster = clusterOfBackend(ref, from, context, `spec.rules[0].backendRefs[${index}]`);
    return targetOf(ref, cluster);
  });
}

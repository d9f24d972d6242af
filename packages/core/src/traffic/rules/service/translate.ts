import type { Service, ServicePort } from '../../../rules/kubernetes.ts';
import type { RuleOf } from '../../../rules/rule.ts';
import type { WeightedTarget } from '../../route.ts';
import type {
  BackendPort,
  ListenerContribution,
  NodePortWish,
  PlanContext,
  Translator,
} from '../contract.ts';
import { ageOf, type Rank, rankByAge } from '../rank.ts';

/**
 * core/v1 Service: its doors. (Its clusters are there without anybody's asking: `backends.ts`.) NodePort and LoadBalancer open a port of
 * 30000–32767 each; LoadBalancer also opens its own ports at the gateway; every Service that has a virtual address opens them there.
 */
export const serviceTranslator: Translator<Service> = {
  apiVersion: 'v1',
  kind: 'Service',
  translate(rule, context) {
    const { spec } = rule.manifest;
    const type = spec.type ?? 'ClusterIP';
    if (type === 'ExternalName') return {};
    const listeners: ListenerContribution[] = [];
    const nodePorts: NodePortWish[] = [];
    const addresses = addressesOf(rule, context);
    const rank = rankByAge(ageOf(rule));
    const seen = new Set<string>();
    for (const [index, port] of (spec.ports ?? []).entries()) {
      const path = `spec.ports[${index}]`;
      const protocol = port.protocol ?? 'TCP';
      if (seen.has(`${protocol} ${port.port}`)) {
        const message = `port ${port.port}/${protocol} is there twice: the first one holds`;
        context.report('warning', 'port-duplicate', message, path);
        continue;
      }
      seen.add(`${protocol} ${port.port}`);
      const door = doorOf(rule, port, context, path);
      if (door === undefined) continue;
      for (const address of addresses) listeners.push(listenerOf(door, port.port, address, { rank, path }));
      const wantsNodePort =
        type === 'NodePort' || (type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);
      if (!wantsNodePort) continue;
      const wish = nodePortOf(port, context, path);
      const { id, targets, affinityMs } = door;
      nodePorts.push({
        id,
        protocol: door.protocol,
        ...wish,
        targets,
        ...(affinityMs === undefined ? {} : { affinityMs }),
        rank,
        path,
      });
    }
    return { listeners, nodePorts };
  },
};

interface Door {
  readonly id: string;
  readonly name: string;
  readonly protocol: 'tcp' | 'udp';
  readonly targets: readonly WeightedTarget[];
  readonly affinityMs?: number;
}

/** Undefined: nothing can listen there, which is reported. */
function doorOf(
  { namespace, name, manifest: { spec } }: RuleOf<Service>,
  port: ServicePort,
  context: PlanContext,
  path: string,
): Door | undefined {
  const protocol = port.protocol ?? 'TCP';
  if (protocol === 'SCTP') {
    context.report('warning', 'protocol-unsupported', 'SCTP is not spoken: the port is not opened', path);
    return undefined;
  }
  const found = context
    .backend(namespace, name)
    ?.ports.find((one) => one.port === port.port && one.protocol === protocol);
  if (found === undefined) return undefined;
  const seconds = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? defaultAffinitySeconds;
  return {
    id: protocol === 'UDP' ? `${port.port}/udp` : `${port.port}`,
    name: context.subject,
    protocol: protocol === 'UDP' ? 'udp' : 'tcp',
    targets: Object.freeze([Object.freeze({ weight: 1, cluster: plainCluster(found, port, context) })]),
    ...(spec.sessionAffinity === 'ClientIP' ? { affinityMs: seconds * 1_000 } : {}),
  };
}

/** Kubernetes' default for `ClientIP`: three hours. */
const defaultAffinitySeconds = 10_800;

/** What comes through a port is passed on as it is: TLS that the client speaks must not be spoken twice. */
function plainCluster({ cluster }: BackendPort, port: ServicePort, context: PlanContext): string {
  const { appProtocol = '', name = '' } = port;
  const mayHaveTls = /https|wss|grpcs|h2$/.test(`${appProtocol.toLowerCase()} ${name}`);
  return mayHaveTls ? context.cluster(cluster, { settings: { tls: undefined } }) : cluster;
}

/** Where its own ports are opened; undefined is the gateway's address. */
function addressesOf({ manifest }: RuleOf<Service>, context: PlanContext): Set<string | undefined> {
  const addresses = new Set<string | undefined>();
  const { type, clusterIP } = manifest.spec;
  const isVirtual = clusterIP !== undefined && clusterIP !== '' && clusterIP !== 'None';
  if (isVirtual && context.settings.virtualAddresses) addresses.add(clusterIP);
  if (type === 'LoadBalancer' && isBalancedHere(manifest.spec, context)) {
    addresses.add(context.settings.loadBalancerPool ? manifest.spec.loadBalancerIP : undefined);
  }
  return addresses;
}

/** What should keep others out and cannot keeps all out. */
function isBalancedHere(spec: Service['spec'], context: PlanContext): boolean {
  const { loadBalancerClass, loadBalancerSourceRanges = [] } = spec;
  if (loadBalancerClass !== undefined && loadBalancerClass !== 'portolan') {
    const message = `class ${loadBalancerClass} is another's: name portolan, or none, to have its ports opened here`;
    context.report('info', 'class-unknown', message, 'spec.loadBalancerClass');
    return false;
  }
  if (loadBalancerSourceRanges.every((range) => range === '0.0.0.0/0' || range === '::/0')) return true;
  const message =
    'ports are not opened for some addresses only: take the ranges away, or use an Ingress with whitelist-source-range; until then its ports are closed';
  context.report('error', 'source-ranges-unsupported', message, 'spec.loadBalancerSourceRanges');
  return false;
}

function listenerOf(
  { name, id, protocol, targets, affinityMs }: Door,
  port: number,
  address: string | undefined,
  { rank, path }: { rank: Rank; path: string },
): ListenerContribution {
  const base = {
    name: `${name}/${address ?? 'load-balancer'}/${id}`,
    bind: address === undefined ? { port } : { address, port },
    targets,
  };
  const listener =
    protocol === 'udp'
      ? { ...base, protocol, ...(affinityMs === undefined ? {} : { idleMs: affinityMs }) }
      : { ...base, protocol, ...(affinityMs === undefined ? {} : { affinityMs }) };
  return { listener: Object.freeze(listener), rank, path };
}

const minNodePort = 30_000;
const maxNodePort = 32_767;

function nodePortOf({ nodePort = 0 }: ServicePort, context: PlanContext, path: string): { port?: number } {
  if (nodePort === 0) return {};
  if (nodePort >= minNodePort && nodePort <= maxNodePort) return { port: nodePort };
  const message = `node port ${nodePort} is not between ${minNodePort} and ${maxNodePort}: another one is given`;
  context.report('error', 'node-port-range', message, `${path}.nodePort`);
  return {};
}

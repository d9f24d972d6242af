import type { EndpointPort, EndpointSlice, Endpoints, Service, ServicePort } from '../../rules/kubernetes.ts';
import type { RuleOf } from '../../rules/rule.ts';
import { clusterNameOf } from '../derived-names.ts';
import type { ClusterBase } from './cluster-table.ts';
import type { Backend, BackendPort, ClusterSettings, FixedEndpoint } from './contract.ts';
import type { LabelPair } from './instance-labels.ts';
import type { EndpointSource, PortChoice } from './source.ts';

/** A Service manifest, with what says where it is. */
export interface ServiceFacts {
  readonly backend: Backend;
  readonly bases: readonly ClusterBase[];
}

/** What belongs to a Service. */
export interface ServiceParts {
  readonly service: RuleOf<Service>;
  readonly endpoints: RuleOf<Endpoints> | undefined;
  /** In order of name. */
  readonly slices: readonly RuleOf<EndpointSlice>[];
}

/**
 * A cluster for each port. Its endpoints are the instances that the selector matches, and those that Endpoints and EndpointSlices list;
 * without any of them, the instances that are registered under its name. Ports that are there twice are there once.
 */
export function serviceFacts(parts: ServiceParts): ServiceFacts {
  const { namespace, name } = parts.service;
  const { spec } = parts.service.manifest;
  const ports: BackendPort[] = [];
  const bases: ClusterBase[] = [];
  for (const port of spec.ports ?? []) {
    const protocol = port.protocol ?? 'TCP';
    const cluster = portCluster(namespace, name, port.port, protocol);
    if (ports.some((other) => other.cluster === cluster)) continue;
    ports.push({ name: port.name ?? '', port: port.port, protocol, cluster });
    bases.push({
      name: cluster,
      backend: `${namespace}/${name}`,
      port: port.port,
      sources: sourcesOf(parts, port),
      settings: portSettings(port, spec),
    });
  }
  const external = spec.type === 'ExternalName' ? externalNameOf(spec) : undefined;
  return {
    backend: {
      key: `${namespace}/${name}`,
      type: 'service',
      ports,
      headless: spec.clusterIP === 'None',
      ...(external === undefined ? {} : { externalName: external }),
    },
    bases,
  };
}

function externalNameOf({ externalName = '' }: Service['spec']): string {
  return externalName.replace(/\.$/, '').toLowerCase();
}

/** `reviews:9080`, `team/reviews:9080`, `dns:53/udp`. */
export function portCluster(
  namespace: string,
  name: string,
  port: number,
  protocol: 'TCP' | 'UDP' | 'SCTP' = 'TCP',
): string {
  const suffix = protocol === 'TCP' ? '' : `/${protocol.toLowerCase()}`;
  return `${clusterNameOf(namespace, name)}:${port}${suffix}`;
}

function sourcesOf(parts: ServiceParts, port: ServicePort): readonly EndpointSource[] {
  const { namespace, name } = parts.service;
  const { spec } = parts.service.manifest;
  if (spec.type === 'ExternalName') {
    const address = externalNameOf(spec);
    return [{ type: 'fixed', endpoints: address === '' ? [] : [{ address, port: port.port }] }];
  }
  const labels = selectorOf(spec.selector);
  const notReady = spec.publishNotReadyAddresses ?? false;
  const sources: EndpointSource[] = [];
  if (labels.length > 0) {
    sources.push({ type: 'instances', namespace, labels, port: choiceOf(port, spec.ports ?? []), notReady });
  }
  if (parts.endpoints !== undefined || parts.slices.length > 0) {
    sources.push({ type: 'fixed', endpoints: listedEndpoints(parts, port) });
  }
  if (sources.length > 0) return sources;
  const registered: PortChoice = { type: 'registered', otherwise: 0 };
  return [{ type: 'instances', namespace, service: name, labels: [], port: registered, notReady }];
}

function selectorOf(selector: Readonly<Record<string, string>> | undefined): readonly LabelPair[] {
  return Object.entries(selector ?? {}).sort(([left], [right]) => (left < right ? -1 : 1));
}

/**
 * A `targetPort` is what it says. Without one Kubernetes takes `port`; here an instance has said at which port it is, so that the only
 * port of a Service is that one.
 */
function choiceOf(port: ServicePort, all: readonly ServicePort[]): PortChoice {
  const { targetPort } = port;
  if (typeof targetPort === 'number' && targetPort > 0) return { type: 'number', port: targetPort };
  if (typeof targetPort === 'string' && targetPort !== '') {
    const number = Number(targetPort);
    if (Number.isInteger(number) && number > 0) return { type: 'number', port: number };
    return { type: 'name', name: targetPort };
  }
  return all.length === 1
    ? { type: 'registered', otherwise: port.port }
    : { type: 'number', port: port.port };
}

/**
 * New requests go to what is ready; what is ending and still serves keeps the ones that it has, and is asked when nothing is ready
 * (Kubernetes' discovery/v1, and what kube-proxy does).
 */
function listedEndpoints({ service, endpoints, slices }: ServiceParts, port: ServicePort): FixedEndpoint[] {
  const notReady = service.manifest.spec.publishNotReadyAddresses ?? false;
  const ready: FixedEndpoint[] = [];
  const ending: FixedEndpoint[] = [];
  for (const subset of endpoints?.manifest.subsets ?? []) {
    const number = portIn(subset.ports, port);
    if (number === undefined) continue;
    const addresses = [...(subset.addresses ?? []), ...(notReady ? (subset.notReadyAddresses ?? []) : [])];
    for (const { ip, hostname, nodeName } of addresses)
      ready.push({ address: ip, port: number, labels: presentLabels({ hostname, node: nodeName }) });
  }
  for (const { manifest: slice } of slices) {
    const number = portIn(slice.ports, port);
    if (number === undefined) continue;
    for (const endpoint of slice.endpoints ?? []) {
      const [address] = endpoint.addresses;
      if (address === undefined) continue;
      const { ready: isReady = true, serving = isReady, terminating = false } = endpoint.conditions ?? {};
      const { hostname, nodeName, zone } = endpoint;
      const labels = { ...slice.metadata.labels, ...presentLabels({ hostname, node: nodeName, zone }) };
      const made = { address, port: number, labels };
      if ((isReady && !terminating) || (notReady && !terminating)) ready.push(made);
      else if (serving && terminating) ending.push(made);
    }
  }
  if (ready.length === 0) return ending;
  return [...ready, ...ending.map((endpoint) => ({ ...endpoint, draining: true }))];
}

/** The port of the same name; one without a number stands for all. */
function portIn(ports: readonly EndpointPort[] | undefined, wanted: ServicePort): number | undefined {
  const protocol = wanted.protocol ?? 'TCP';
  for (const port of ports ?? []) {
    if ((port.name ?? '') === (wanted.name ?? '') && (port.protocol ?? 'TCP') === protocol)
      return port.port ?? wanted.port;
  }
  return undefined;
}

function presentLabels(values: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const present: Record<string, string> = {};
  for (const [key, value] of Object.entries(values)) if (value !== undefined) present[key] = value;
  return present;
}

/** What the port's protocol and the Service's affinity mean for its cluster. */
function portSettings(port: ServicePort, spec: Service['spec']): ClusterSettings {
  const affinity: ClusterSettings =
    spec.sessionAffinity === 'ClientIP'
      ? { balance: { policy: 'maglev', key: { type: 'source-address' } } }
      : {};
  const zone: ClusterSettings = sameZone.has(spec.trafficDistribution ?? '') ? { zonePreference: true } : {};
  return { ...protocolSettings(protocolOf(port), spec), ...affinity, ...zone };
}

/** `PreferClose` is the old name. */
const sameZone: ReadonlySet<string> = new Set(['PreferSameZone', 'PreferClose']);

/** `appProtocol`, else what the port's name begins with, as Istio has it: `grpc-web` is none of them. */
function protocolOf({ appProtocol, name = '' }: ServicePort): string {
  if (appProtocol !== undefined && appProtocol !== '')
    return appProtocol.toLowerCase().replace(/^kubernetes\.io\//, '');
  if (name === 'grpc-web' || name.startsWith('grpc-web-')) return 'http';
  const dash = name.indexOf('-');
  return dash < 0 ? name : name.slice(0, dash);
}

function protocolSettings(protocol: string, spec: Service['spec']): ClusterSettings {
  const serverName = spec.type === 'ExternalName' ? externalNameOf(spec) : undefined;
  const tls = { ...(serverName === undefined ? {} : { serverName }), verify: false };
  switch (protocol) {
    case 'http2':
    case 'h2c':
    case 'grpc':
      return { protocol: 'http2' };
    case 'https':
      return { protocol: 'auto', tls };
    case 'wss':
      return { protocol: 'http1', tls };
    case 'grpcs':
    case 'h2':
      return { protocol: 'http2', tls };
    default:
      return {};
  }
}

import type { CatalogReader } from '@portolan/core/catalog/reader.ts';
import type { EndpointSlice, Endpoints, Service } from '@portolan/core/rules/kubernetes.ts';
import { clusterNameOf } from '@portolan/core/traffic/derived-names.ts';
import type { Endpoint, TrafficModel } from '@portolan/core/traffic/model.ts';
import { portCluster } from '@portolan/core/traffic/rules/service-ports.ts';
import { hexLabel, parseAddress } from '../address.ts';
import type { ServiceRef } from './lookup.ts';

/** A service as the cluster's names tell it. */
export type ClusterService =
  /** One address for all of it. */
  | { readonly type: 'virtual'; readonly address: string; readonly ports: readonly ClusterPort[] }
  /** An address for each endpoint: headless, or without a manifest. */
  | { readonly type: 'headless'; readonly ports: readonly ClusterPort[] }
  | { readonly type: 'external'; readonly name: string };

export interface ClusterPort {
  /** '' has no SRV record. */
  readonly name: string;
  readonly protocol: string;
  readonly port: number;
  /** Whose endpoints are behind it. */
  readonly cluster: string;
}

/** Where the cluster's services are found. */
export interface ClusterSource {
  readonly catalog: CatalogReader;
  readonly traffic: TrafficModel;
}

/** What a manifest defines; else what is registered under the name, as a headless service. */
export function clusterService(
  { catalog }: ClusterSource,
  { namespace, name }: ServiceRef,
): ClusterService | undefined {
  const manifest = catalog.rule('v1', 'Service', namespace, name)?.record.manifest as Service | undefined;
  if (manifest !== undefined) return asDefined(manifest, namespace, name);
  const folded = catalog.servicesByFoldedName(name, namespace);
  const service = folded.find((one) => one.name === name) ?? folded[0];
  if (service === undefined) return undefined;
  const cluster = clusterNameOf(namespace, service.name);
  const tags = service.tags().filter((tag) => tag === 'http' || tag === 'tcp');
  const names = tags.length === 0 ? [''] : tags;
  return { type: 'headless', ports: names.map((tag) => ({ name: tag, protocol: 'tcp', port: 0, cluster })) };
}

function asDefined({ spec }: Service, namespace: string, name: string): ClusterService {
  if (spec.type === 'ExternalName') return { type: 'external', name: spec.externalName ?? '' };
  const ports = (spec.ports ?? []).map((port) => {
    const protocol = port.protocol ?? 'TCP';
    const cluster = portCluster(namespace, name, port.port, protocol);
    return { name: port.name ?? '', protocol: protocol.toLowerCase(), port: port.port, cluster };
  });
  const { clusterIP = 'None' } = spec;
  return clusterIP === 'None' || clusterIP === ''
    ? { type: 'headless', ports }
    : { type: 'virtual', address: clusterIP, ports };
}

/** Those that get requests and have an address; each address and port once. */
export function endpointsBehind(
  { traffic }: ClusterSource,
  ports: readonly ClusterPort[],
): readonly Endpoint[] {
  const found = new Map<string, Endpoint>();
  for (const { cluster } of ports) {
    for (const endpoint of traffic.clusters.get(cluster)?.endpoints ?? []) {
      if (endpoint.state !== 'healthy' || parseAddress(endpoint.address) === undefined) continue;
      found.set(`${endpoint.address} ${endpoint.port}`, endpoint);
    }
  }
  return [...found.values()];
}

/** The label of an endpoint: what its Endpoints or EndpointSlice call it, else its address in hexadecimal digits. */
export function endpointLabels(source: ClusterSource, service: ServiceRef): (address: string) => string {
  const names = hostnames(source.catalog, service);
  return (address) => {
    const bytes = parseAddress(address);
    return names.get(address) ?? (bytes === undefined ? '' : hexLabel(bytes));
  };
}

const serviceLabel = 'kubernetes.io/service-name';

function hostnames(catalog: CatalogReader, { namespace, name }: ServiceRef): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const { record } of catalog.rules('discovery.k8s.io/v1', 'EndpointSlice', namespace)) {
    const { metadata, endpoints = [] } = record.manifest as unknown as EndpointSlice;
    if (metadata.labels?.[serviceLabel] !== name) continue;
    for (const { addresses, hostname } of endpoints) {
      if (hostname !== undefined) names.set(addresses[0] ?? '', hostname.toLowerCase());
    }
  }
  const listed = catalog.rule('v1', 'Endpoints', namespace, name)?.record.manifest as unknown as
    | Endpoints
    | undefined;
  for (const { addresses = [] } of listed?.subsets ?? []) {
    for (const { ip, hostname } of addresses)
      if (hostname !== undefined) names.set(ip, hostname.toLowerCase());
  }
  return names;
}

/** Whether anything is in a namespace: only then its name is a name. */
export function hasNamespace({ catalog }: ClusterSource, namespace: string): boolean {
  for (const _ of catalog.rules('v1', 'Service', namespace)) return true;
  for (const _ of catalog.services(namespace)) return true;
  return namespace === 'default';
}

/** The Service that has a virtual address. */
export function serviceAt({ catalog }: ClusterSource, address: string): ServiceRef | undefined {
  for (const { record } of catalog.rules('v1', 'Service')) {
    const { spec } = record.manifest as unknown as Service;
    if (spec.clusterIP === address) return { namespace: record.namespace, name: record.name };
  }
  return undefined;
}

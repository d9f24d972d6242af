import type { ClusterZone } from './cluster/translate.ts';
import { type DnsConfig, domainLabels } from './config.ts';
import type { Name } from './message.ts';

/** The settings that answers depend on, ready for use. */
export interface Zone {
  /** Lower case. The first is the main one. */
  readonly domains: readonly Name[];
  /** Lower case. */
  readonly datacenter: string;
  /** Where this server is reached: the address of the name server's name. */
  readonly serverAddress: string;
  readonly onlyPassing: boolean;
  readonly nodeTtlSeconds: number;
  readonly negativeTtlSeconds: number;
  readonly addressLimit: number;
  readonly nodeMetadataAdditional: boolean;
  /** Kubernetes' names; undefined: not served. */
  readonly cluster: ClusterZone | undefined;
  /** Of a service, by its lower-case name. */
  serviceTtlSeconds(foldedName: string): number;
}

export function createZone(config: DnsConfig, datacenter: string, serverAddress: string): Zone {
  const domains = [config.domain, config.altDomain].filter((domain) => domain !== '').map(domainLabels);
  return {
    domains,
    datacenter: datacenter.toLowerCase(),
    serverAddress,
    onlyPassing: config.onlyPassing,
    nodeTtlSeconds: config.nodeTtlSeconds,
    negativeTtlSeconds: config.negativeTtlSeconds,
    addressLimit: config.addressLimit,
    nodeMetadataAdditional: config.nodeMetadataAdditional,
    cluster:
      config.clusterDomain === '' ? undefined : { domain: domainLabels(config.clusterDomain), serverAddress },
    serviceTtlSeconds: ttlTable(config.serviceTtlSeconds),
  };
}

function ttlTable(settings: ReadonlyMap<string, number>): (foldedName: string) => number {
  const exact = new Map<string, number>();
  const prefixes: [prefix: string, ttlSeconds: number][] = [];
  for (const [pattern, ttl] of settings) {
    const folded = pattern.toLowerCase();
    if (folded.endsWith('*')) prefixes.push([folded.slice(0, -1), ttl]);
    else exact.set(folded, ttl);
  }
  prefixes.sort(([left], [right]) => right.length - left.length);
  return (name) => exact.get(name) ?? prefixes.find(([prefix]) => name.startsWith(prefix))?.[1] ?? 0;
}

/** The domain of ours that `name` (lower case) lies in, the longest where both fit. */
export function domainOf(name: Name, zone: Zone): Name | undefined {
  let found: Name | undefined;
  for (const domain of zone.domains) {
    if (domain.length > (found?.length ?? 0) && isWithin(name, domain)) found = domain;
  }
  return found;
}

/** Whether `name` (lower case) is the domain or below it. */
export function isWithin(name: Name, domain: Name): boolean {
  const from = name.length - domain.length;
  return from >= 0 && domain.every((label, index) => label === name[from + index]);
}

import { Fault } from '../base/fault.ts';
import { parseIp } from '../base/ip-address.ts';
import { textHash } from '../base/text-digest.ts';
import type { CatalogReader } from '../catalog/reader.ts';
import type { Service, ServiceSpec } from './kubernetes.ts';

/** Where Services get their virtual addresses: IPv4, `a.b.c.d/n` as numbers. */
export interface ClusterIpRange {
  readonly first: number;
  /** Addresses in it, its first and last one too, which are not given away. */
  readonly size: number;
}

/** `10.96.0.0/12`. Throws `invalid`: no IPv4 range, or one of fewer than 16 addresses. */
export function clusterIpRange(text: string): ClusterIpRange {
  const [address = '', bits = ''] = text.split('/');
  const value = ipv4Number(address);
  const prefix = /^\d{1,2}$/.test(bits) ? Number(bits) : 33;
  if (value === undefined || prefix > 28 || prefix < 8) {
    throw new Fault('invalid', `"${text}" is no IPv4 range from /8 to /28, such as 127.96.0.0/12`);
  }
  const size = 2 ** (32 - prefix);
  return { first: value - (value % size), size };
}

/** Where the addresses of Services come from. */
export interface ServiceAddressRanges {
  readonly clusterIps: ClusterIpRange;
  /** Of LoadBalancers; absent: they are at the gateway's address. */
  readonly loadBalancers?: ClusterIpRange;
}

/**
 * A Service with its addresses, as Kubernetes' API server and a load balancer's controller would have filled them in: the one that is asked
 * for, the one that it had, else one that is free, chosen by its name. Whether it needs one at all is its type's business. Throws `invalid`
 * for an address outside the range, `conflict` for one that another Service has.
 */
export function withServiceAddresses(
  service: Service,
  before: Service | undefined,
  ranges: ServiceAddressRanges,
  catalog: Pick<CatalogReader, 'rules'>,
): Service {
  const { clusterIps, loadBalancers } = ranges;
  const virtual = needsAddress(service.spec)
    ? withAddress(service, before, { field: 'clusterIP', range: clusterIps, catalog })
    : service;
  return loadBalancers !== undefined && isLoadBalancer(service.spec)
    ? withAddress(virtual, before, { field: 'loadBalancerIP', range: loadBalancers, catalog })
    : virtual;
}

interface Wish {
  readonly field: 'clusterIP' | 'loadBalancerIP';
  readonly range: ClusterIpRange;
  readonly catalog: Pick<CatalogReader, 'rules'>;
}

function withAddress(service: Service, before: Service | undefined, wish: Wish): Service {
  const { field, range } = wish;
  const { spec } = service;
  const asked = spec[field] ?? (field === 'clusterIP' ? spec.clusterIPs?.[0] : undefined) ?? '';
  const kept = before?.spec[field] ?? '';
  if (asked !== '' && asked === kept) return filledIn(service, field, asked);
  if (asked !== '') {
    const value = ipv4Number(asked);
    if (value === undefined || !includes(range, value)) {
      throw new Fault(
        'invalid',
        `spec.${field} ${asked} is not one of ${rangeText(range)}, from which addresses are given here: leave it out to get one`,
        { path: `spec.${field}` },
      );
    }
    const holder = takenAddresses(wish, service).get(asked);
    if (holder === undefined) return filledIn(service, field, asked);
    throw new Fault(
      'conflict',
      `spec.${field} ${asked} is Service ${holder}'s: leave it out to get another`,
      {
        path: `spec.${field}`,
      },
    );
  }
  const keptValue = ipv4Number(kept);
  if (keptValue !== undefined && includes(range, keptValue)) return filledIn(service, field, kept);
  return filledIn(service, field, freeAddress(service, wish));
}

function isLoadBalancer({ type, loadBalancerClass = 'portolan' }: ServiceSpec): boolean {
  return type === 'LoadBalancer' && loadBalancerClass === 'portolan';
}

function needsAddress({ type = 'ClusterIP', clusterIP }: ServiceSpec): boolean {
  return type !== 'ExternalName' && clusterIP !== 'None';
}

function filledIn(service: Service, field: Wish['field'], address: string): Service {
  if (service.spec[field] === address) return service;
  const { clusterIPs: _, ...spec } = service.spec;
  return { ...service, spec: { ...spec, [field]: address } };
}

/** Every address of that kind that is taken, by whom; not the Service's own. */
function takenAddresses({ field, catalog }: Wish, own: Service): ReadonlyMap<string, string> {
  const taken = new Map<string, string>();
  for (const { record } of catalog.rules('v1', 'Service')) {
    if (record.name === own.metadata.name && record.namespace === (own.metadata.namespace ?? 'default')) {
      continue;
    }
    const { spec } = record.manifest as unknown as Service;
    const address = spec[field];
    if (address !== undefined) taken.set(address, `${record.namespace}/${record.name}`);
  }
  return taken;
}

/** By its name, so that it is the same again where a registry is set up anew; then whichever comes next. */
function freeAddress(service: Service, wish: Wish): string {
  const { range } = wish;
  const taken = takenAddresses(wish, service);
  const usable = range.size - 2;
  const { namespace = 'default', name } = service.metadata;
  const start = textHash(`${namespace}/${name}`) % usable;
  for (let step = 0; step < usable; step++) {
    const address = textOf(range.first + 1 + ((start + step) % usable));
    if (!taken.has(address)) return address;
  }
  throw new Fault('unavailable', `every address of ${rangeText(range)} is taken: widen the range`);
}

function includes({ first, size }: ClusterIpRange, value: number): boolean {
  return value > first && value < first + size - 1;
}

function ipv4Number(text: string): number | undefined {
  const address = parseIp(text);
  if (address?.family !== 4) return undefined;
  const [high = 0, low = 0] = address.groups.slice(6);
  return high * 65_536 + low;
}

function textOf(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

function rangeText({ first, size }: ClusterIpRange): string {
  return `${textOf(first)}/${32 - Math.log2(size)}`;
}

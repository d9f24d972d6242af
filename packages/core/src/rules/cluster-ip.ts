import { Fault } from '../base/fault.ts';
import { parseIp } from '../base/ip-address.ts';
import type { Json } from '../base/json.ts';
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

/**
 * A Service with its virtual address, as Kubernetes' API server would have filled it in: the one that is asked for, the one that it had,
 * else one that is free, chosen by its name. Whether it needs one at all is its type's business. Throws `invalid` for an address outside
 * the range, `conflict` for one that another Service has.
 */
export function withClusterIp(
  service: Service,
  before: Service | undefined,
  range: ClusterIpRange,
  catalog: Pick<CatalogReader, 'rules'>,
): Service {
  const { spec } = service;
  if (!needsAddress(spec)) return service;
  const asked = spec.clusterIP ?? spec.clusterIPs?.[0] ?? '';
  const kept = before?.spec.clusterIP ?? '';
  if (asked !== '' && asked === kept) return withAddress(service, asked);
  if (asked !== '') {
    const value = ipv4Number(asked);
    if (value === undefined || !includes(range, value)) {
      throw new Fault(
        'invalid',
        `spec.clusterIP ${asked} is not one of ${rangeText(range)}, from which addresses are given here: leave it out to get one`,
        { path: 'spec.clusterIP' },
      );
    }
    const holder = addressesOf(catalog, service).get(asked);
    if (holder === undefined) return withAddress(service, asked);
    throw new Fault(
      'conflict',
      `spec.clusterIP ${asked} is Service ${holder}'s: leave it out to get another`,
      {
        path: 'spec.clusterIP',
      },
    );
  }
  const keptValue = ipv4Number(kept);
  if (keptValue !== undefined && includes(range, keptValue)) return withAddress(service, kept);
  return withAddress(service, freeAddress(service, range, catalog));
}

function needsAddress({ type = 'ClusterIP', clusterIP }: ServiceSpec): boolean {
  return type !== 'ExternalName' && clusterIP !== 'None';
}

function withAddress(service: Service, clusterIP: string): Service {
  if (service.spec.clusterIP === clusterIP) return service;
  const { clusterIPs: _, ...spec } = service.spec;
  return { ...service, spec: { ...spec, clusterIP } };
}

/** Every virtual address that is taken, by whom; not the Service's own. */
function addressesOf(catalog: Pick<CatalogReader, 'rules'>, own: Service): ReadonlyMap<string, string> {
  const taken = new Map<string, string>();
  for (const { record } of catalog.rules('v1', 'Service')) {
    if (record.name === own.metadata.name && record.namespace === (own.metadata.namespace ?? 'default')) {
      continue;
    }
    const { clusterIP } = (record.manifest as { readonly spec?: { readonly clusterIP?: Json } }).spec ?? {};
    if (typeof clusterIP === 'string') taken.set(clusterIP, `${record.namespace}/${record.name}`);
  }
  return taken;
}

/** By its name, so that it is the same again where a registry is set up anew; then whichever comes next. */
function freeAddress(service: Service, range: ClusterIpRange, catalog: Pick<CatalogReader, 'rules'>): string {
  const taken = addressesOf(catalog, service);
  const usable = range.size - 2;
  const { namespace = 'default', name } = service.metadata;
  const start = textHash(`${namespace}/${name}`) % usable;
  for (let step = 0; step < usable; step++) {
    const address = textOf(range.first + 1 + ((start + step) % usable));
    if (!taken.has(address)) return address;
  }
  throw new Fault(
    'unavailable',
    `every address of ${rangeText(range)} is taken: widen the range of cluster IPs`,
  );
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

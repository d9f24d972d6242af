/**
 * What a name below our domain asks for. Labels are in lower case, and without the domain.
 * Forms: Consul's DNS documentation ("DNS: static lookups", "RFC 2782 lookup").
 */
export type Lookup =
  /** The domain itself. */
  | { readonly kind: 'apex' }
  /** The name of the server: the target of NS. */
  | { readonly kind: 'name-server' }
  /** A name that has nothing itself but names below it (an empty non-terminal, RFC 8020 §2). */
  | { readonly kind: 'empty'; readonly datacenter: string | undefined }
  | {
      readonly kind: 'service';
      /** What it may mean, most likely first: service names may hold dots, and so may tags. */
      readonly readings: readonly ServiceReading[];
      readonly datacenter: string | undefined;
    }
  | { readonly kind: 'node'; readonly node: string; readonly datacenter: string | undefined }
  | { readonly kind: 'address'; readonly label: string; readonly datacenter: string | undefined }
  | { readonly kind: 'query'; readonly query: string; readonly datacenter: string | undefined }
  | { readonly kind: 'unknown' };

export interface ServiceReading {
  readonly service: string;
  /** '' = any. */
  readonly tag: string;
  /** The tag may be the name of a transport: then it filters only where a tag of that name is in use. */
  readonly transport: boolean;
}

type LookupKind = 'service' | 'node' | 'addr' | 'query';
/** `default.ns.default.ap.NAME.dc`. */
const maxSuffixLabels = 6;
const lookupKinds: ReadonlySet<string> = new Set<LookupKind>(['service', 'node', 'addr', 'query']);

export function parseLookup(labels: readonly string[]): Lookup {
  if (labels.length === 0) return { kind: 'apex' };
  if (labels.length === 1 && labels[0] === 'ns') return { kind: 'name-server' };
  const kindAt = labels.findLastIndex((label) => lookupKinds.has(label));
  if (kindAt < 0) return withoutKind(labels);
  const suffix = parseSuffix(labels.slice(kindAt + 1));
  if (suffix === undefined) return { kind: 'unknown' };
  const name = labels.slice(0, kindAt);
  if (name.length === 0) return { kind: 'empty', ...suffix };
  switch (labels[kindAt] as LookupKind) {
    case 'service':
      return serviceLookup(name, suffix.datacenter);
    case 'node':
      return { kind: 'node', node: name.join('.'), ...suffix };
    case 'query':
      return { kind: 'query', query: queryName(name), ...suffix };
    case 'addr':
      return name.length === 1 ? { kind: 'address', label: name[0] ?? '', ...suffix } : { kind: 'unknown' };
  }
}

/** `_service._tag[.datacenter]`, or a datacenter's own name. */
function withoutKind(labels: readonly string[]): Lookup {
  const end = labels.findLastIndex((label) => label.startsWith('_')) + 1;
  const suffix = parseSuffix(labels.slice(end));
  if (suffix === undefined) return { kind: 'unknown' };
  return end === 0 ? { kind: 'empty', ...suffix } : serviceLookup(labels.slice(0, end), suffix.datacenter);
}

function serviceLookup(name: readonly string[], datacenter: string | undefined): Lookup {
  const last = name.at(-1) ?? '';
  if (name.length === 1 && last.startsWith('_')) return { kind: 'empty', datacenter };
  if (name.length > 1 && last.startsWith('_') && name[0]?.startsWith('_')) {
    const service = name.slice(0, -1).join('.').slice(1);
    return { kind: 'service', readings: [transportReading(service, last.slice(1))], datacenter };
  }
  const readings = name.map((_, index) => ({
    tag: name.slice(0, index).join('.'),
    service: name.slice(index).join('.'),
    transport: false,
  }));
  return { kind: 'service', readings, datacenter };
}

/** `_name._tcp` means `name`, as for services (RFC 2782). */
function queryName(name: readonly string[]): string {
  const isRfc2782 = name.length > 1 && name[0]?.startsWith('_') && name.at(-1)?.startsWith('_');
  return isRfc2782 ? name.slice(0, -1).join('.').slice(1) : name.join('.');
}

/** Consul takes `_tcp` as "no filter"; `_udp` is what RFC 2782 clients say for a datagram service. */
function transportReading(service: string, tag: string): ServiceReading {
  return { service, tag: tag === 'tcp' ? '' : tag, transport: tag === 'udp' };
}

/**
 * What follows the kind: nothing, a datacenter, or the long form `default.ns.default.ap.NAME.dc`, of whose namespaces and
 * partitions only `default` exists here.
 */
function parseSuffix(labels: readonly string[]): { datacenter: string | undefined } | undefined {
  if (labels.length === 0) return { datacenter: undefined };
  if (labels.length === 1) return { datacenter: labels[0] };
  if (labels.length > maxSuffixLabels || labels.length % 2 === 1) return undefined;
  let datacenter: string | undefined;
  for (let index = 0; index < labels.length; index += 2) {
    const value = labels[index];
    const name = labels[index + 1];
    if (name === 'dc') datacenter = value;
    else if ((name !== 'ns' && name !== 'ap') || value !== 'default') return undefined;
  }
  return { datacenter };
}

import { parseIp } from '@portolan/core/base/ip-address.ts';
import type { CatalogReader } from '@portolan/core/catalog/reader.ts';
import type { ClusterIpRange } from '@portolan/core/rules/cluster-ip.ts';
import type { Service } from '@portolan/core/rules/kubernetes.ts';
import type { Endpoint, TrafficModel } from '@portolan/core/traffic/model.ts';
import { portCluster } from '@portolan/core/traffic/rules/service-ports.ts';

/** Ours alone: it is replaced whole, and taken away at the end. */
export const tableName = 'portolan';
/** Empty, and belongs to no hook: tells that the table is there. */
export const presenceChain = 'presence';

/** A port of a virtual address, and who is behind it. Addresses as numbers: nothing that somebody wrote gets into the rules. */
export interface VirtualPort {
  readonly address: number;
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  readonly endpoints: readonly WeightedEndpoint[];
  /** A source address keeps its endpoint, as long as the endpoints stay as they are. */
  readonly bySource: boolean;
}

export interface WeightedEndpoint {
  readonly address: number;
  readonly port: number;
  readonly weight: number;
}

export interface NftSource {
  readonly catalog: Pick<CatalogReader, 'rules'>;
  readonly traffic: Pick<TrafficModel, 'clusters'>;
}

/** The ports of all Services that have an address in the range, in the order of their names. */
export function virtualPorts({ catalog, traffic }: NftSource, range: ClusterIpRange): VirtualPort[] {
  const found = new Map<string, VirtualPort>();
  for (const { record } of catalog.rules('v1', 'Service')) {
    const { spec } = record.manifest as unknown as Service;
    const address = ipv4(spec.clusterIP ?? '');
    if (address === undefined || !isIn(range, address)) continue;
    for (const { port, protocol = 'TCP' } of spec.ports ?? []) {
      if (protocol !== 'TCP' && protocol !== 'UDP') continue;
      const cluster = traffic.clusters.get(portCluster(record.namespace, record.name, port, protocol));
      const lower = protocol === 'TCP' ? 'tcp' : 'udp';
      const key = `${address} ${lower} ${port}`;
      if (found.has(key)) continue;
      const bySource = spec.sessionAffinity === 'ClientIP';
      const endpoints = reachable(cluster?.endpoints ?? []);
      found.set(key, { address, protocol: lower, port, endpoints, bySource });
    }
  }
  return [...found.values()];
}

/** Who gets connections: the healthy, else those that are asked to leave. Only IPv4 can be reached from an IPv4 address. */
function reachable(endpoints: readonly Endpoint[]): readonly WeightedEndpoint[] {
  for (const state of ['healthy', 'draining'] as const) {
    const fit = endpoints.flatMap((endpoint): WeightedEndpoint[] => {
      const address = ipv4(endpoint.address);
      const weight = Math.round(endpoint.weight);
      if (endpoint.state !== state || address === undefined || weight <= 0) return [];
      return [{ address, port: endpoint.port, weight }];
    });
    if (fit.length > 0) return fit;
  }
  return [];
}

/**
 * One transaction for `nft -f`: the table as it was goes, and this one is there instead. Destinations are changed where packets are made
 * (output) and where they come in (prerouting); what goes to the range and was not changed is refused.
 */
export function rulesetOf(ports: readonly VirtualPort[], range: ClusterIpRange): string {
  const served = [...linesByChain(ports)];
  const elements = served.map(([name, { key }]) => `${key} : goto ${name}`);
  const cidr = `${textOf(range.first)}/${32 - Math.log2(range.size)}`;
  const refuse = [
    `ip daddr ${cidr} meta l4proto tcp reject with tcp reset`,
    `ip daddr ${cidr} reject with icmp type port-unreachable`,
  ];
  const find = 'meta l4proto . ip daddr . th dport vmap @services';
  return [
    `table ip ${tableName} {}`,
    `delete table ip ${tableName}`,
    `table ip ${tableName} {`,
    ...served.flatMap(([name, { rule }]) => chain(name, [rule])),
    ...chain(presenceChain, []),
    '  map services {',
    '    type inet_proto . ipv4_addr . inet_service : verdict',
    ...(elements.length === 0 ? [] : [`    elements = { ${elements.join(',\n      ')} }`]),
    '  }',
    ...chain('prerouting', ['type nat hook prerouting priority dstnat; policy accept;', find]),
    ...chain('output', ['type nat hook output priority -100; policy accept;', find]),
    ...chain('postrouting', [
      'type nat hook postrouting priority srcnat; policy accept;',
      // Answers have to come back this way, also where client and endpoint are neighbours.
      `fib saddr type != local ct status dnat ct original ip daddr ${cidr} masquerade`,
    ]),
    ...['input', 'forward', 'output'].flatMap((hook) =>
      chain(`refuse_${hook}`, [`type filter hook ${hook} priority filter; policy accept;`, ...refuse]),
    ),
    '}',
    '',
  ].join('\n');
}

/**
 * One transaction that makes the rules of `before` those of `after`; '' where nothing changed. Each changed port costs its own chain only:
 * to replace a table of thousands takes the kernel seconds.
 */
export function changesOf(before: readonly VirtualPort[], after: readonly VirtualPort[]): string {
  const [old, next] = [linesByChain(before), linesByChain(after)];
  const lines: string[] = [];
  for (const [name, { key }] of old) {
    if (next.has(name)) continue;
    lines.push(`delete element ip ${tableName} services { ${key} }`);
    lines.push(`flush chain ip ${tableName} ${name}`, `delete chain ip ${tableName} ${name}`);
  }
  for (const [name, { key, rule }] of next) {
    const known = old.get(name);
    if (known?.rule === rule) continue;
    lines.push(`${known === undefined ? 'add' : 'flush'} chain ip ${tableName} ${name}`);
    lines.push(`add rule ip ${tableName} ${name} ${rule}`);
    if (known === undefined) lines.push(`add element ip ${tableName} services { ${key} : goto ${name} }`);
  }
  return lines.map((line) => `${line}\n`).join('');
}

interface ServedPort {
  /** In the map of services. */
  readonly key: string;
  readonly rule: string;
}

/** Without those that nobody serves: they are refused. */
function linesByChain(ports: readonly VirtualPort[]): ReadonlyMap<string, ServedPort> {
  const served = ports.filter(({ endpoints }) => endpoints.length > 0);
  return new Map(
    served.map((one) => {
      const key = `${one.protocol} . ${textOf(one.address)} . ${one.port}`;
      return [chainOf(one), { key, rule: `meta l4proto ${one.protocol} dnat ip to ${choiceOf(one)}` }];
    }),
  );
}

function chain(name: string, lines: readonly string[]): string[] {
  return [`  chain ${name} {`, ...lines.map((line) => `    ${line}`), '  }'];
}

/** Also told apart from the chains of the hooks. */
function chainOf({ protocol, address, port }: VirtualPort): string {
  return `${protocol}_${textOf(address).replaceAll('.', '_')}_${port}`;
}

/** The same source has the same endpoint again, also after a restart. */
const affinitySeed = 0x706f7274;

function choiceOf({ endpoints, bySource }: VirtualPort): string {
  const [first] = endpoints;
  if (first !== undefined && endpoints.length === 1) return `${textOf(first.address)}:${first.port}`;
  const divisor = endpoints.reduce((found, { weight }) => greatestDivisor(found, weight), 0);
  let total = 0;
  const elements = endpoints.map(({ address, port, weight }) => {
    const from = total;
    total += weight / divisor;
    const range = total - from === 1 ? `${from}` : `${from}-${total - 1}`;
    return `${range} : ${textOf(address)} . ${port}`;
  });
  const pick = bySource ? `jhash ip saddr mod ${total} seed ${affinitySeed}` : `numgen random mod ${total}`;
  return `${pick} map { ${elements.join(', ')} }`;
}

function greatestDivisor(left: number, right: number): number {
  return right === 0 ? left : greatestDivisor(right, left % right);
}

function isIn({ first, size }: ClusterIpRange, address: number): boolean {
  return address >= first && address < first + size;
}

/** Undefined: it is none, and nothing else can be put into these rules. */
function ipv4(text: string): number | undefined {
  const address = parseIp(text);
  if (address?.family !== 4) return undefined;
  const [high = 0, low = 0] = address.groups.slice(6);
  return high * 65_536 + low;
}

function textOf(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}

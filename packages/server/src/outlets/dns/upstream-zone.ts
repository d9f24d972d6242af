import { isIpAddress } from '@portolan/core/base/ip-address.ts';
import type { Endpoint, TrafficModel } from '@portolan/core/traffic/model.ts';
import { upstreamDomain, upstreamService } from '../../upstream-names.ts';
import { formatAddress, fromHexLabel, hexLabel, parseAddress } from './address.ts';
import { type Answer, negative, positive } from './answer.ts';
import { limits } from './limits.ts';
import { type Authority, type Name, type Resource, rcode, typeCode } from './message.ts';
import { addressRecord, wants } from './resource-records.ts';

const ttlSeconds = 1;

/** Those that a cluster's requests go to: who drains takes none while there is anybody else. */
function endpointsInUse(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const healthy = endpoints.filter(({ state }) => state === 'healthy');
  return healthy.length > 0 ? healthy : endpoints;
}

export interface UpstreamSource {
  readonly traffic: TrafficModel;
  readonly revision: number;
  /** The name of the cluster with that label. */
  clusterLabelled(label: string): string | undefined;
}

/** The answer about a cluster (`upstream-names.ts`). @param name in lower case, within the domain */
export function upstreamAnswer(source: UpstreamSource, name: Name, type: number): Answer {
  const labels = name.slice(0, name.length - upstreamDomain.length);
  const [first = '', second = '', third = ''] = labels;
  if (labels.length === 1) {
    const bytes = fromHexLabel(first);
    const record = bytes && addressRecord(name, ttlSeconds, formatAddress(bytes));
    if (record !== undefined)
      return wants(type, record) ? positive({ fixed: [record] }) : nothing(source, rcode.noError);
  }
  if (labels.length !== 3 || first !== `_${upstreamService}` || second !== '_tcp') {
    return nothing(source, labels.length === 0 ? rcode.noError : rcode.nameError);
  }
  const clusterName = source.clusterLabelled(third);
  const cluster = clusterName === undefined ? undefined : source.traffic.clusters.get(clusterName);
  if (clusterName === undefined || cluster === undefined) return nothing(source, rcode.nameError);
  if (type !== typeCode.SRV && type !== typeCode.ANY) return nothing(source, rcode.noError);
  const shuffled: Resource[] = [];
  const targets = new Map<string, readonly Resource[]>();
  for (const { address, port, weight } of endpointsInUse(cluster.endpoints).slice(0, limits.maxAnswers)) {
    const bytes = isIpAddress(address) ? parseAddress(address) : undefined;
    if (bytes === undefined) continue;
    const target = [hexLabel(bytes), ...upstreamDomain];
    const location = { priority: 1, weight: Math.max(1, Math.round(weight)), port, target };
    shuffled.push({ name, ttlSeconds, type: 'SRV', ...location });
    const record = addressRecord(target, ttlSeconds, address);
    if (record !== undefined) targets.set(target.join('.'), [record]);
  }
  const dependsOn = { services: [], nodes: [], traffic: [clusterName] };
  return shuffled.length === 0 ? nothing(source, rcode.noError) : positive({ shuffled, targets, dependsOn });
}

function nothing({ revision }: UpstreamSource, code: number): Answer {
  const authority: Resource & Authority = {
    ...{ name: upstreamDomain, ttlSeconds, type: 'SOA' },
    ...{ primary: upstreamDomain, mailbox: ['hostmaster', ...upstreamDomain], serial: revision >>> 0 },
    ...{ refreshSeconds: 60, retrySeconds: 60, expireSeconds: 60, minimumSeconds: ttlSeconds },
  };
  return negative(code, authority);
}

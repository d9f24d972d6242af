import { isIP } from 'node:net';
import type { Cluster } from '@portolan/core/traffic/model.ts';
import type { Bind } from '../../contract.ts';
import { upstreamDomain, upstreamLabel, upstreamService } from '../../upstream-names.ts';
import { upstreamName } from './names.ts';
import { block, type Directive, directive, ms } from './nginx-writer.ts';
import { failureArgs, keepAlive, methodOf } from './translate-upstream.ts';

/** `resolve` of a server in an upstream block, and a `resolver` there, are in the nginx of everybody since then. */
const firstVersion = [1, 27, 3] as const;

/** Whether an nginx of that version (`1.22.1`) can follow DNS. */
export function followsDns(version: string): boolean {
  const parts = /^(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number) ?? [];
  for (const [at, least] of firstVersion.entries()) {
    const part = parts[at] ?? 0;
    if (part !== least) return part > least;
  }
  return true;
}

/** Names of endpoints are told by whoever knows them, not by our DNS: such a cluster is written down. */
export function canFollow({ endpoints }: Cluster): boolean {
  return endpoints.every(({ address }) => isIP(address) !== 0);
}

/** Room for the state of so many endpoints is 64 KB; more of them get more, in steps that are rare. */
const endpointsOfZone = 64;

/**
 * An upstream whose endpoints nginx asks for each second: the text does not change with them. What it knew is kept while the DNS is away,
 * and over a reload.
 */
export function followedUpstream(
  cluster: Cluster,
  resolver: Bind,
  balance: 'round-robin' | 'least-conn',
  place: 'http' | 'stream',
): Directive {
  const name = upstreamName(cluster.name);
  const steps = Math.max(0, Math.ceil(Math.log2(Math.max(1, cluster.endpoints.length) / endpointsOfZone)));
  const host = resolver.address.includes(':') ? `[${resolver.address}]` : resolver.address;
  return block(
    'upstream',
    [name],
    [
      directive('zone', name, `${64 * 2 ** steps}k`),
      directive('resolver', `${host}:${resolver.port}`, 'valid=1s', 'ipv6=on'),
      directive('resolver_timeout', ms(2_000)),
      ...methodOf(cluster, balance),
      directive(
        'server',
        [upstreamLabel(cluster.name), ...upstreamDomain].join('.'),
        `service=${upstreamService}`,
        'resolve',
        ...failureArgs(cluster),
      ),
      ...(place === 'http' ? keepAlive : []),
    ],
  );
}

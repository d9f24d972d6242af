import { textDigest } from '@portolan/core/base/text-digest.ts';

/**
 * Clusters of the traffic model by DNS, for programs that follow DNS and know nothing else (nginx's `resolve`):
 * `_portolan._tcp.<label>.upstreams.portolan.internal` has an SRV record for each endpoint that gets requests. Ours alone: no name that
 * somebody registered is in it.
 */
export const upstreamDomain: readonly string[] = Object.freeze(['upstreams', 'portolan', 'internal']);

/** What nginx's `service=` says. */
export const upstreamService = 'portolan';

/** How a cluster is called in this domain: one label, whatever its name is. */
export function upstreamLabel(cluster: string): string {
  return `c${textDigest(cluster)}`;
}

import { clusterNameOf } from '@portolan/core/traffic/derived-names.ts';
import { listRoutes } from '../actions/get-routes.ts';
import type { Session } from '../session.ts';
import type { Prepared } from './target.ts';

/** Told, of many. */
const maxTold = 5;

/** Routes to the service that another rule makes: an Ingress, say. The rollout does not move them, and whoever starts it should know. */
export async function unmovedRoutes(
  session: Session,
  { before, versions }: Prepared,
): Promise<readonly string[]> {
  const { name, namespace = 'default' } = before.metadata;
  const own = `${before.kind.toLowerCase()}/${namespace}/${name}/`;
  const sends = mentioning(clusterNameOf(versions.namespace, versions.service));
  const others = (await listRoutes(session, undefined)).filter(
    ({ rule, to }) => !rule.startsWith(own) && sends(to),
  );
  const told = others
    .slice(0, maxTold)
    .map(({ hosts, match, rule }) => `${hosts.join(',')} ${match} (${rule})`);
  return others.length > maxTold ? [...told, `and ${others.length - maxTold} more`] : told;
}

/** Whether a route's targets, as the API words them, name a cluster, one of its ports or one of its subsets. */
export function mentioning(cluster: string): (to: string) => boolean {
  return (to) =>
    to
      .split(/[\s,]+/)
      .some(
        (word) => word === cluster || (/^[:#~]/.test(word.slice(cluster.length)) && word.startsWith(cluster)),
      );
}

import { Fault } from '@portolan/core/base/fault.ts';
import { clusterNameOf } from '@portolan/core/traffic/derived-names.ts';
import {
  type ClusterCounter,
  type ClusterReport,
  clusterCounters,
  durationBoundsMs,
} from '@portolan/server/proxy/stats.ts';

/** What a gateway saw of one version, since it was looked at first. */
export interface Figures {
  readonly requests: number;
  /** Status 5xx, or none. */
  readonly failures: number;
  /** The upper bound of the part of the histogram in which the percentile lies. */
  latencyMs(percentile: number): number;
}

/** Added up over the clusters of a version. */
export interface Snapshot {
  readonly counts: Readonly<Record<ClusterCounter, number>>;
  readonly durations: readonly number[];
}

/** Clusters of a version: `reviews#v2`, `reviews:9080#v2`, with settings of their own (`~…`) or without. */
export function isVersionCluster(name: string, namespace: string, service: string, version: string): boolean {
  const base = clusterNameOf(namespace, service);
  if (!name.startsWith(base)) return false;
  const rest = name.slice(base.length).replace(/~[0-9a-f]+$/, '');
  return /^(?::\d+)?#/.test(rest) && rest.slice(rest.indexOf('#') + 1) === version;
}

/** Clusters of a whole service, for routes that know versions as services of their own. */
export function isServiceCluster(name: string, namespace: string, service: string): boolean {
  const base = clusterNameOf(namespace, service);
  return name.startsWith(base) && /^(?::\d+)?$/.test(name.slice(base.length).replace(/~[0-9a-f]+$/, ''));
}

export async function snapshotOf(
  admin: string,
  isMeant: (cluster: string) => boolean,
  timeoutMs: number,
): Promise<Snapshot> {
  const url = new URL('/clusters', admin);
  let clusters: readonly ClusterReport[];
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
    if (!response.ok) throw new Fault('unavailable', `status ${response.status}`);
    clusters = (await response.json()) as readonly ClusterReport[];
  } catch (thrown) {
    const { message } = Fault.from(thrown);
    throw new Fault(
      'unavailable',
      `the gateway's figures cannot be read at ${url.href}: ${message}; --admin names its admin listener`,
      { cause: thrown },
    );
  }
  const meant = clusters.filter(({ name }) => isMeant(name));
  const counts = Object.fromEntries(
    clusterCounters.map((counter, at) => [counter, sum(meant, (one) => one.counts[at] ?? 0)]),
  ) as Snapshot['counts'];
  const buckets = durationBoundsMs.length + 1;
  const durations = Array.from({ length: buckets }, (_, at) => sum(meant, (one) => one.durations[at] ?? 0));
  return { counts, durations };
}

function sum(clusters: readonly ClusterReport[], pick: (one: ClusterReport) => number): number {
  return clusters.reduce((total, one) => total + pick(one), 0);
}

/** A gateway that started anew counts from 0: then all of `after` is new. */
export function figuresBetween(before: Snapshot, after: Snapshot): Figures {
  const count = (counter: ClusterCounter): number => {
    const grown = after.counts[counter] - before.counts[counter];
    return grown >= 0 ? grown : after.counts[counter];
  };
  const failures = count('responses_5xx') + count('no_response');
  const answered = count('responses_2xx') + count('responses_3xx') + count('responses_4xx');
  const durations = after.durations.map((value, at) => {
    const grown = value - (before.durations[at] ?? 0);
    return grown >= 0 ? grown : value;
  });
  return {
    requests: answered + failures,
    failures,
    latencyMs(percentile) {
      const total = durations.reduce((all, one) => all + one, 0);
      let left = Math.ceil((total * percentile) / 100);
      for (const [at, value] of durations.entries()) {
        left -= value;
        if (left <= 0) return durationBoundsMs[at] ?? Number.POSITIVE_INFINITY;
      }
      return 0;
    },
  };
}

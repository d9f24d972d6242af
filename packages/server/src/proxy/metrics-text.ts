import { type MetricsSelection, SeriesBook } from './series-book.ts';
import {
  type ClusterCounter,
  type ClusterReport,
  clusterCounters,
  durationBoundsMs,
  type RouteReport,
  statusClasses,
  type WorkerReport,
} from './stats.ts';

/**
 * The whole data plane in Prometheus's text format. Labels are clusters, routes, code classes and closed sets: never a path or a host.
 *
 * @param book which clusters and routes have series of their own; the same at each scrape, so that none is lost
 */
export function metricsText(
  reports: readonly WorkerReport[],
  book = new SeriesBook(),
  selection: MetricsSelection = {},
): string {
  const clusters = book.clusters(mergeClusters(reports).filter(wasUsed), sumClusters, selection);
  const routes = book.routes(mergeRoutes(reports), addRoutes, selection);
  const lines: string[] = [];
  const family = (name: string, type: string, help: string, samples: readonly string[]): void => {
    if (samples.length > 0) lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...samples);
  };
  const sum = (pick: (report: WorkerReport) => number): number =>
    reports.reduce((total, report) => total + pick(report), 0);
  const counter = (name: string, help: string, key: ClusterCounter): void =>
    family(
      name,
      'counter',
      help,
      clusters.map((cluster) => `${name}{${label(cluster)}} ${countOf(cluster, key)}`),
    );

  family('portolan_gateway_workers', 'gauge', 'Worker processes that answer.', [
    `portolan_gateway_workers ${reports.length}`,
  ]);
  family('portolan_gateway_connections', 'gauge', 'Open client connections.', [
    `portolan_gateway_connections ${sum((report) => report.downstreamConnections)}`,
  ]);
  family('portolan_gateway_connections_accepted_total', 'counter', 'Client connections so far.', [
    `portolan_gateway_connections_accepted_total ${sum((report) => report.acceptedConnections)}`,
  ]);
  family('portolan_gateway_connections_refused_total', 'counter', 'Over the limit of connections.', [
    `portolan_gateway_connections_refused_total ${sum((report) => report.refusedConnections)}`,
  ]);
  family(
    'portolan_gateway_refused_requests_total',
    'counter',
    'Requests that were malformed or over a limit.',
    [...mergeRefusals(reports)].map(
      ([code, count]) => `portolan_gateway_refused_requests_total{reason="${code}"} ${count}`,
    ),
  );
  family(
    'portolan_gateway_requests_total',
    'counter',
    'Requests by class of the status that the client got.',
    clusters.flatMap((cluster) =>
      codeClasses.map(
        ([key, code]) =>
          `portolan_gateway_requests_total{${label(cluster)},code="${code}"} ${countOf(cluster, key)}`,
      ),
    ),
  );
  family(
    'portolan_gateway_route_requests_total',
    'counter',
    'Requests by route and class of the status that the client got.',
    routes.flatMap(({ name, counts }) =>
      statusClasses.map(
        (code, at) =>
          `portolan_gateway_route_requests_total{route="${escaped(name)}",code="${code}"} ${counts[at] ?? 0}`,
      ),
    ),
  );
  family('portolan_gateway_spans_exported_total', 'counter', 'Spans that the receiver has taken.', [
    `portolan_gateway_spans_exported_total ${sum((report) => report.spans.exported)}`,
  ]);
  family('portolan_gateway_spans_dropped_total', 'counter', 'Spans lost for want of room or refused.', [
    `portolan_gateway_spans_dropped_total ${sum((report) => report.spans.dropped)}`,
  ]);
  family(
    'portolan_gateway_worker_memory_bytes',
    'gauge',
    'Memory of a worker.',
    reports.flatMap(({ rssBytes, memory }, at) => [
      `portolan_gateway_worker_memory_bytes{worker="${at}",kind="resident"} ${rssBytes}`,
      `portolan_gateway_worker_memory_bytes{worker="${at}",kind="heap_used"} ${memory.heapUsed}`,
      `portolan_gateway_worker_memory_bytes{worker="${at}",kind="heap_total"} ${memory.heapTotal}`,
      `portolan_gateway_worker_memory_bytes{worker="${at}",kind="external"} ${memory.external}`,
    ]),
  );
  family('portolan_gateway_ahead_bytes', 'gauge', 'Octets of pipelined requests that wait.', [
    `portolan_gateway_ahead_bytes ${sum((report) => report.aheadBytes)}`,
  ]);
  for (const [key, help] of counterHelp) counter(`portolan_gateway_${key}_total`, help, key);
  family(
    'portolan_gateway_request_duration_seconds',
    'histogram',
    'From the head of the request to the end of the response.',
    clusters.flatMap(histogram),
  );
  family('portolan_gateway_endpoints', 'gauge', 'Endpoints by health, as one worker sees them.', [
    ...clusters.filter(({ endpoints }) => endpoints.length > 0).flatMap(endpointSamples),
  ]);
  return `${lines.join('\n')}\n`;
}

/** A service that nobody called has no series: there may be thousands. */
function wasUsed(cluster: ClusterReport): boolean {
  return cluster.counts.some((count) => count > 0);
}

const codeClasses: readonly (readonly [ClusterCounter, string])[] = [
  ['responses_1xx', '1xx'],
  ['responses_2xx', '2xx'],
  ['responses_3xx', '3xx'],
  ['responses_4xx', '4xx'],
  ['responses_5xx', '5xx'],
  ['no_response', 'none'],
];

const counterHelp: readonly (readonly [ClusterCounter, string])[] = [
  ['retries', 'Requests that were sent again.'],
  ['stale_retries', 'Requests sent again because a pooled connection was already closed.'],
  ['connect_failures', 'Connections to endpoints that failed.'],
  ['resets', 'Connections that broke with a request on them.'],
  ['timeouts', 'Requests and connections that took too long.'],
  ['anomalies', 'Responses that were no valid HTTP.'],
  ['ejections', 'Endpoints that were taken out of rotation.'],
  ['overflows', 'Requests that found the queue full.'],
  ['no_endpoint', 'Requests for a cluster without endpoints.'],
  ['connections', 'Connections to endpoints so far.'],
  ['request_bytes', 'Octets of request bodies.'],
  ['response_bytes', 'Octets of response bodies.'],
];

function label(cluster: ClusterReport): string {
  return `cluster="${escaped(cluster.name)}"`;
}

function escaped(value: string): string {
  return value.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`));
}

function countOf(cluster: ClusterReport, key: ClusterCounter): number {
  return cluster.counts[clusterCounters.indexOf(key)] ?? 0;
}

function histogram(cluster: ClusterReport): string[] {
  const name = 'portolan_gateway_request_duration_seconds';
  let total = 0;
  const buckets = durationBoundsMs.map((bound, index) => {
    total += cluster.durations[index] ?? 0;
    return `${name}_bucket{${label(cluster)},le="${bound / 1_000}"} ${total}`;
  });
  total += cluster.durations[durationBoundsMs.length] ?? 0;
  return [
    ...buckets,
    `${name}_bucket{${label(cluster)},le="+Inf"} ${total}`,
    `${name}_sum{${label(cluster)}} ${cluster.durationSumMs / 1_000}`,
    `${name}_count{${label(cluster)}} ${total}`,
  ];
}

function endpointSamples(cluster: ClusterReport): string[] {
  const states = ['healthy', 'draining', 'ejected', 'trial'] as const;
  return states.map((state) => {
    const count = cluster.endpoints.filter((endpoint) => endpoint.state === state).length;
    return `portolan_gateway_endpoints{${label(cluster)},state="${state}"} ${count}`;
  });
}

/** One report for each cluster: figures added up, endpoints with the worst that a worker says of them. */
export function mergeClusters(reports: readonly WorkerReport[]): readonly ClusterReport[] {
  const merged = new Map<string, ClusterReport>();
  for (const cluster of reports.flatMap((report) => report.clusters)) {
    const before = merged.get(cluster.name);
    merged.set(cluster.name, before === undefined ? cluster : addClusters(before, cluster));
  }
  return [...merged.values()].sort((left, right) => (left.name < right.name ? -1 : 1));
}

function addClusters(left: ClusterReport, right: ClusterReport): ClusterReport {
  const others = new Map(right.endpoints.map((endpoint) => [endpoint.id, endpoint]));
  const mine = new Set(left.endpoints.map((endpoint) => endpoint.id));
  const both = left.endpoints.map((endpoint) => {
    const other = others.get(endpoint.id);
    if (other === undefined) return endpoint;
    return {
      ...endpoint,
      state: endpoint.state === 'healthy' ? other.state : endpoint.state,
      ejections: Math.max(endpoint.ejections, other.ejections),
      busy: endpoint.busy + other.busy,
      idle: endpoint.idle + other.idle,
      requests: endpoint.requests + other.requests,
      failures: endpoint.failures + other.failures,
    };
  });
  return {
    name: left.name,
    counts: left.counts.map((count, index) => count + (right.counts[index] ?? 0)),
    durations: left.durations.map((count, index) => count + (right.durations[index] ?? 0)),
    durationSumMs: left.durationSumMs + right.durationSumMs,
    busy: left.busy + right.busy,
    pending: left.pending + right.pending,
    underWay: left.underWay + right.underWay,
    retrying: left.retrying + right.retrying,
    panic: left.panic || right.panic,
    endpoints: [...both, ...right.endpoints.filter((endpoint) => !mine.has(endpoint.id))],
  };
}

/** Different ones. Their endpoints are left out: together they have no state. */
function sumClusters(left: ClusterReport, right: ClusterReport): ClusterReport {
  return addClusters({ ...left, endpoints: [] }, { ...right, endpoints: [] });
}

function mergeRoutes(reports: readonly WorkerReport[]): readonly RouteReport[] {
  const merged = new Map<string, RouteReport>();
  for (const route of reports.flatMap((report) => report.routes)) {
    const before = merged.get(route.name);
    merged.set(route.name, before === undefined ? route : addRoutes(before, route));
  }
  return [...merged.values()].sort((left, right) => (left.name < right.name ? -1 : 1));
}

function addRoutes(left: RouteReport, right: RouteReport): RouteReport {
  return { name: left.name, counts: left.counts.map((count, at) => count + (right.counts[at] ?? 0)) };
}

function mergeRefusals(reports: readonly WorkerReport[]): ReadonlyMap<string, number> {
  const merged = new Map<string, number>();
  for (const [code, count] of reports.flatMap((report) => Object.entries(report.refusals))) {
    merged.set(code, (merged.get(code) ?? 0) + count);
  }
  return merged;
}

/** Upper bounds of the duration histogram, milliseconds. */
export const durationBoundsMs: readonly number[] = [
  0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000,
];

/** What is counted for each cluster, in the order of `ClusterStats.counts`. */
export const clusterCounters = [
  'responses_1xx',
  'responses_2xx',
  'responses_3xx',
  'responses_4xx',
  'responses_5xx',
  'no_response',
  'retries',
  'stale_retries',
  'connect_failures',
  'resets',
  'timeouts',
  'anomalies',
  'ejections',
  'overflows',
  'no_endpoint',
  'connections',
  'request_bytes',
  'response_bytes',
  'request_overflows',
  'retry_overflows',
  'admission_overflows',
  'hedges',
  'hedge_wins',
  'checks',
  'check_failures',
] as const;

export type ClusterCounter = (typeof clusterCounters)[number];

const index = Object.fromEntries(clusterCounters.map((name, position) => [name, position])) as Record<
  ClusterCounter,
  number
>;

/** Counters of one cluster in one worker. Bounded: one set for each cluster, whatever requests say. */
export class ClusterStats {
  readonly counts = new Float64Array(clusterCounters.length);
  /** Requests by duration; one more bucket than there are bounds. */
  readonly durations = new Float64Array(durationBoundsMs.length + 1);
  durationSumMs = 0;

  add(counter: ClusterCounter, amount = 1): void {
    const position = index[counter];
    this.counts[position] = (this.counts[position] as number) + amount;
  }

  /** The upper bound of what a share of the requests took, milliseconds; 0: there were none. */
  durationMs(share: number): number {
    let left = share * this.durations.reduce((sum, count) => sum + count, 0);
    if (left === 0) return 0;
    for (let bucket = 0; bucket < durationBoundsMs.length; bucket++) {
      left -= this.durations[bucket] as number;
      if (left <= 0) return durationBoundsMs[bucket] as number;
    }
    return Number.POSITIVE_INFINITY;
  }

  /** A request that ended: `status` 0 when the client got no response. */
  finish(status: number, durationMs: number, requestBytes: number, responseBytes: number): void {
    const { counts, durations } = this;
    const kind = status === 0 ? 5 : ((status / 100) | 0) - 1;
    counts[kind] = (counts[kind] as number) + 1;
    counts[requestBytesAt] = (counts[requestBytesAt] as number) + requestBytes;
    counts[responseBytesAt] = (counts[responseBytesAt] as number) + responseBytes;
    let bucket = 0;
    while (bucket < durationBoundsMs.length && durationMs > (durationBoundsMs[bucket] as number)) bucket++;
    durations[bucket] = (durations[bucket] as number) + 1;
    this.durationSumMs += durationMs;
  }
}

/** Requests of one route in one worker, by class of their status. Most routes of a large model are never asked: those hold nothing. */
export class RouteStats {
  counts: Float64Array | undefined;

  /** `status` 0: the client got no response. */
  finish(status: number): void {
    this.counts ??= new Float64Array(statusClasses.length);
    const kind = status === 0 ? 5 : ((status / 100) | 0) - 1;
    this.counts[kind] = (this.counts[kind] as number) + 1;
  }
}

/** Of responses, in the order in which they are counted. `none`: the client got no response. */
export const statusClasses = ['1xx', '2xx', '3xx', '4xx', '5xx', 'none'] as const;

const requestBytesAt = index.request_bytes;
const responseBytesAt = index.response_bytes;

/** One cluster's counters as they cross to the supervisor. */
export interface ClusterReport {
  readonly name: string;
  readonly counts: readonly number[];
  readonly durations: readonly number[];
  readonly durationSumMs: number;
  readonly busy: number;
  readonly pending: number;
  /** Tries that are sent and not answered whole; how many requests are retried. */
  readonly underWay: number;
  readonly retrying: number;
  /** So few endpoints are healthy that all are asked. */
  readonly panic: boolean;
  readonly endpoints: readonly EndpointReport[];
}

export interface EndpointReport {
  readonly id: string;
  readonly address: string;
  readonly port: number;
  readonly weight: number;
  readonly state: 'healthy' | 'draining' | 'ejected' | 'trial' | 'failing';
  readonly ejections: number;
  readonly busy: number;
  readonly idle: number;
  readonly requests: number;
  readonly failures: number;
  /** What the gateway's own checks say; `unknown` without any. */
  readonly check: 'unknown' | 'passing' | 'failing';
}

/** One worker's figures. */
export interface WorkerReport {
  readonly pid: number;
  readonly revision: number;
  readonly draining: boolean;
  readonly downstreamConnections: number;
  readonly acceptedConnections: number;
  readonly refusedConnections: number;
  /** By the code of the refusal. */
  readonly refusals: Readonly<Record<string, number>>;
  readonly rssBytes: number;
  readonly clusters: readonly ClusterReport[];
  /** Those that were asked. */
  readonly routes: readonly RouteReport[];
  /** Octets: of the process, of the JavaScript heap, outside of it. */
  readonly memory: { readonly heapUsed: number; readonly heapTotal: number; readonly external: number };
  /** Octets of pipelined requests that wait for their turn, of all clients. */
  readonly aheadBytes: number;
  readonly uptimeS: number;
  readonly spans: { readonly exported: number; readonly dropped: number };
}

export interface RouteReport {
  readonly name: string;
  /** In the order of `statusClasses`. */
  readonly counts: readonly number[];
}

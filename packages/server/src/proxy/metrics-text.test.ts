import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mergeClusters, metricsText } from './metrics-text.ts';
import { SeriesBook } from './series-book.ts';
import { ClusterStats, type EndpointReport, type WorkerReport } from './stats.ts';

function endpoint(state: EndpointReport['state']): EndpointReport {
  const figures = { ejections: 0, busy: 1, idle: 2, requests: 3, failures: 4, check: 'unknown' as const };
  return { id: 'n/1', address: '127.0.0.1', port: 1, weight: 1, state, ...figures };
}

function report(statuses: readonly number[], state: EndpointReport['state'], name = 'web'): WorkerReport {
  const stats = new ClusterStats();
  for (const status of statuses) stats.finish(status, 3, 10, 20);
  const figures = {
    counts: [...stats.counts],
    durations: [...stats.durations],
    durationSumMs: stats.durationSumMs,
  };
  return {
    ...{ pid: 1, revision: 1, draining: false, rssBytes: 1 },
    ...{ downstreamConnections: 2, acceptedConnections: 3, refusedConnections: 0 },
    refusals: { 'bad-host': 2 },
    memory: { heapUsed: 1, heapTotal: 2, external: 3 },
    ...{ aheadBytes: 0, uptimeS: 1, spans: { exported: 4, dropped: 5 } },
    routes: [{ name: `route/${name}`, counts: [0, 2, 0, 0, 1, 0] }],
    clusters: [
      {
        ...{ name, busy: 1, pending: 0, underWay: 1, retrying: 0, panic: false },
        ...figures,
        endpoints: [endpoint(state)],
      },
    ],
  };
}

test('the workers are added up, and an endpoint is as bad as the worst says', () => {
  const [cluster] = mergeClusters([report([200, 404], 'healthy'), report([200, 0], 'ejected')]);
  assert.deepEqual(cluster?.endpoints, [
    { ...endpoint('ejected'), busy: 2, idle: 4, requests: 6, failures: 8 },
  ]);
  assert.deepEqual(cluster?.counts.slice(0, 6), [0, 2, 0, 1, 0, 1]);
});

test('the text has bounded labels, whole histograms and escaped names', () => {
  const text = metricsText([report([200, 503], 'healthy', 'a"b\\c'), report([200], 'healthy', 'a"b\\c')]);
  assert.match(text, /^portolan_gateway_requests_total\{cluster="a\\"b\\\\c",code="2xx"\} 2$/m);
  assert.match(text, /^portolan_gateway_requests_total\{cluster="a\\"b\\\\c",code="5xx"\} 1$/m);
  assert.match(text, /_bucket\{cluster="a\\"b\\\\c",le="0\.002"\} 0$/m);
  assert.match(text, /_bucket\{cluster="a\\"b\\\\c",le="0\.005"\} 3$/m);
  assert.match(text, /_bucket\{cluster="a\\"b\\\\c",le="\+Inf"\} 3$/m);
  assert.match(text, /^portolan_gateway_refused_requests_total\{reason="bad-host"\} 4$/m);
  const types = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
  assert.equal(new Set(types).size, types.length);
});

test('a cluster that nobody called has no series', () => {
  assert.doesNotMatch(metricsText([report([], 'healthy', 'idle')]), /cluster="idle"/);
});

test('routes have series, and what is not one of a kind is added up over the workers', () => {
  const text = metricsText([report([200], 'healthy'), report([200], 'healthy')]);
  assert.match(text, /^portolan_gateway_route_requests_total\{route="route\/web",code="2xx"\} 4$/m);
  assert.match(text, /^portolan_gateway_spans_dropped_total 10$/m);
  assert.match(text, /^portolan_gateway_worker_memory_bytes\{worker="1",kind="heap_total"\} 2$/m);
});

test('only so many clusters and routes have series of their own; the same at each scrape', () => {
  const book = new SeriesBook(2);
  const first = metricsText([report([200], 'healthy', 'm'), report([200], 'healthy', 'n')], book);
  assert.doesNotMatch(first, /others/);
  const all = ['a', 'm', 'n', 'z'].map((name) => report([200], 'healthy', name));
  const second = metricsText(all, book);
  assert.match(second, /requests_total\{cluster="m",code="2xx"\} 1/);
  assert.match(second, /requests_total\{cluster="\(others\)",code="2xx"\} 2/);
  assert.match(second, /route_requests_total\{route="\(others\)",code="2xx"\} 4/);
  assert.doesNotMatch(second, /cluster="a"/);
  const third = metricsText(all.slice(2), book);
  assert.match(third, /cluster="z",code/, 'room was made by one that is gone');
});

test('a scrape may ask for the sum, or for some clusters', () => {
  const all = ['a', 'b', 'c'].map((name) => report([200], 'healthy', name));
  assert.match(
    metricsText(all, undefined, { clusters: 'total' }),
    /requests_total\{cluster="\(others\)",code="2xx"\} 3/,
  );
  const some = metricsText(all, undefined, { clusters: new Set(['b']) });
  assert.match(some, /cluster="b"/);
  assert.doesNotMatch(some, /cluster="[ac]"/);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mergeClusters, metricsText } from './metrics-text.ts';
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
  assert.doesNotMatch(metricsText([report([], 'healthy', 'idle')]), /idle/);
});

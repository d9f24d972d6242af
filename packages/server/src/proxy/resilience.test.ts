import assert from 'node:assert/strict';
import * as http from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import type { Cluster, Endpoint, OutlierDetection, RetryPolicy } from '@portolan/core/traffic/model.ts';
import { seeded } from '@portolan/testkit/balancer-suite.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import type { DataPlane } from './data-plane.ts';
import { type ClusterCounter, clusterCounters } from './stats.ts';
import {
  cluster,
  endpoint,
  modelOf,
  startPlane,
  startServer,
  type TestScope,
  talk,
} from './testdata/plane-rig.ts';
import { ask, askMany, shares, startUpstream, type Upstream } from './testdata/upstream-rig.ts';

const noRetry: RetryPolicy = { retries: 0, on: [], perTryTimeoutMs: 0 };
/** Not one of these tests waits for it to be over. */
const outlier: OutlierDetection = {
  ...{ consecutiveLocalFailures: 0, consecutive5xx: 0, baseEjectionMs: 600_000, maxEjectionMs: 600_000 },
  maxEjectionPercent: 100,
};

function startMany(scope: TestScope, names: readonly string[]): Promise<Upstream[]> {
  return Promise.all(names.map((name) => startUpstream(scope, name)));
}

function endpoints(upstreams: readonly Upstream[]): Endpoint[] {
  return upstreams.map(({ port, name }) => endpoint(port, { id: `node/${name}` }));
}

function start(
  scope: TestScope,
  upstreams: readonly Upstream[],
  overrides: Partial<Cluster>,
  options: Parameters<typeof modelOf>[1] = {},
): { readonly plane: DataPlane; readonly port: number } {
  return startPlane(scope, modelOf({ 'web.test': cluster('web', endpoints(upstreams), overrides) }, options));
}

function counted(plane: DataPlane, counter: ClusterCounter): number {
  return plane.report().clusters[0]?.counts[clusterCounters.indexOf(counter)] ?? 0;
}

function stateOf(plane: DataPlane, name: string): string {
  return plane.report().clusters[0]?.endpoints.find(({ id }) => id === `node/${name}`)?.state ?? 'absent';
}

test('more requests than maxRequests are 503, marked and counted, and nothing stays counted', async (scope) => {
  const [slow] = await startMany(scope, ['slow']);
  assert.ok(slow !== undefined);
  slow.behave({ delayMs: 100 });
  const { plane, port } = start(scope, [slow], { maxRequests: 2, outlier });
  const answers = await askMany(port, 6, { atOnce: 6 });
  const refused = answers.filter(({ status }) => status === 503);
  assert.equal(refused.length, 4);
  assert.ok(refused.every(({ headers }) => headers['x-portolan-overloaded'] === 'true'));
  assert.equal(counted(plane, 'request_overflows'), 4);
  assert.equal(slow.most, 2);
  slow.behave({});
  assert.deepEqual(shares(await askMany(port, 4, { atOnce: 2 })), { slow: 4 });
  assert.equal(plane.report().clusters[0]?.underWay, 0);
});

test('more than maxConnections wait, and more than maxPendingRequests are 503', async (scope) => {
  const [slow] = await startMany(scope, ['slow']);
  assert.ok(slow !== undefined);
  slow.behave({ delayMs: 100 });
  const { plane, port } = start(scope, [slow], { maxConnections: 1, maxPendingRequests: 2, outlier });
  const answers = await askMany(port, 5, { atOnce: 5 });
  assert.deepEqual(shares(answers), { slow: 3, 503: 2 });
  assert.equal(counted(plane, 'overflows'), 2);
  assert.equal(slow.most, 1);
});

test('a connection is closed after maxRequestsPerConnection', async (scope) => {
  const [only] = await startMany(scope, ['only']);
  assert.ok(only !== undefined);
  const { plane, port } = start(scope, [only], { maxRequestsPerConnection: 3 });
  await askMany(port, 9);
  assert.equal(counted(plane, 'connections'), 3);
});

test('a connection that rests longer than idleTimeoutMs is closed', async (scope) => {
  const [only] = await startMany(scope, ['only']);
  assert.ok(only !== undefined);
  const { plane, port } = start(scope, [only], { idleTimeoutMs: 50 });
  await ask(port);
  const idle = () => plane.report().clusters[0]?.endpoints[0]?.idle;
  assert.equal(idle(), 1);
  await waitUntil(() => idle() === 0);
});

test('adaptive concurrency turns away what would only wait', async (scope) => {
  const [slow] = await startMany(scope, ['slow']);
  assert.ok(slow !== undefined);
  slow.behave({ delayMs: 50 });
  const adaptiveConcurrency = { minConcurrency: 2, maxConcurrency: 2, measureCount: 5 };
  const { plane, port } = start(scope, [slow], { adaptiveConcurrency, outlier });
  const answers = await askMany(port, 20, { atOnce: 6 });
  assert.ok(slow.most <= 2, `${slow.most} at once`);
  const refused = answers.filter(({ status }) => status === 503);
  assert.ok(refused.length > 0 && refused.length < 20, `${refused.length} were refused`);
  assert.equal(counted(plane, 'admission_overflows'), refused.length);
  assert.ok(refused.every(({ headers }) => headers['x-portolan-overloaded'] === 'true'));
});

const ejections: readonly [string, Partial<OutlierDetection>, number][] = [
  ['consecutive 5xx', { consecutive5xx: 3 }, 500],
  ['consecutive gateway failures', { consecutiveGatewayFailures: 3 }, 502],
];
for (const [what, policy, status] of ejections) {
  test(`${what} eject`, async (scope) => {
    const upstreams = await startMany(scope, ['ill', 'well']);
    upstreams[0]?.behave({ status });
    const settings = { outlier: { ...outlier, ...policy } };
    const { plane, port } = start(scope, upstreams, settings, { retry: noRetry });
    const answers = await askMany(port, 20);
    assert.equal(answers.filter((answer) => answer.status === status).length, 3);
    assert.equal(stateOf(plane, 'ill'), 'ejected');
    assert.equal(counted(plane, 'ejections'), 1);
  });
}

test('500s are no gateway failures', async (scope) => {
  const upstreams = await startMany(scope, ['ill', 'well']);
  upstreams[0]?.behave({ status: 500 });
  const settings = { outlier: { ...outlier, consecutiveGatewayFailures: 2 } };
  const { plane, port } = start(scope, upstreams, settings, { retry: noRetry });
  await askMany(port, 20);
  assert.equal(stateOf(plane, 'ill'), 'healthy');
});

test('answers that do not come within a try’s time eject as local failures', async (scope) => {
  const upstreams = await startMany(scope, ['stuck', 'well']);
  upstreams[0]?.behave({ silent: true });
  const settings = { outlier: { ...outlier, consecutiveLocalFailures: 2 } };
  const retry: RetryPolicy = { retries: 1, on: ['reset'], perTryTimeoutMs: 50 };
  const { plane, port } = start(scope, upstreams, settings, { retry });
  const answers = await askMany(port, 8);
  assert.deepEqual(shares(answers), { well: 8 });
  assert.equal(stateOf(plane, 'stuck'), 'ejected');
});

test('who succeeds less often than the others is ejected by comparison', async (scope) => {
  const upstreams = await startMany(scope, ['a', 'b', 'c', 'd', 'ill']);
  upstreams[4]?.behave({ status: 500 });
  const successRate = { minimumHosts: 5, requestVolume: 5, stdevFactor: 1_900 };
  const settings = { outlier: { ...outlier, intervalMs: 100, successRate } };
  const { plane, port } = start(scope, upstreams, settings, { retry: noRetry });
  await waitUntil(async () => {
    await askMany(port, 100, { atOnce: 4 });
    return stateOf(plane, 'ill') === 'ejected';
  });
  assert.deepEqual(
    ['a', 'b', 'c', 'd'].map((name) => stateOf(plane, name)),
    ['healthy', 'healthy', 'healthy', 'healthy'],
  );
});

test('who fails too large a part of its requests is ejected', async (scope) => {
  const upstreams = await startMany(scope, ['ill', 'well']);
  upstreams[0]?.behave({ status: 503 });
  const failurePercentage = { threshold: 85, minimumHosts: 2, requestVolume: 5 };
  const settings = { outlier: { ...outlier, intervalMs: 100, failurePercentage } };
  const { plane, port } = start(scope, upstreams, settings, { retry: noRetry });
  await waitUntil(async () => {
    await askMany(port, 40, { atOnce: 4 });
    return stateOf(plane, 'ill') === 'ejected';
  });
  assert.equal(stateOf(plane, 'well'), 'healthy');
});

test('an ejection ends, and one more failure on trial ejects again', async (scope) => {
  const upstreams = await startMany(scope, ['ill', 'well']);
  const [ill] = upstreams;
  ill?.behave({ status: 500 });
  const settings = { outlier: { ...outlier, consecutive5xx: 3, baseEjectionMs: 50 } };
  const { plane, port } = start(scope, upstreams, settings, { retry: noRetry });
  await askMany(port, 8);
  assert.equal(counted(plane, 'ejections'), 1);
  await waitUntil(() => stateOf(plane, 'ill') === 'trial');
  const { 500: failed = 0 } = shares((await askMany(port, 4)).map((answer) => ({ ...answer, upstream: '' })));
  assert.equal(failed, 1);
  assert.equal(counted(plane, 'ejections'), 2);
  ill?.behave({});
  await waitUntil(async () => {
    await askMany(port, 2);
    return stateOf(plane, 'ill') === 'healthy';
  });
});

test('no more than maxEjectionPercent is ejected', async (scope) => {
  const upstreams = await startMany(scope, ['a', 'b', 'c', 'd']);
  for (const upstream of upstreams) upstream.behave({ status: 500 });
  const settings = { outlier: { ...outlier, consecutive5xx: 2, maxEjectionPercent: 50 } };
  const { plane, port } = start(scope, upstreams, settings, { retry: noRetry });
  await askMany(port, 40);
  assert.equal(counted(plane, 'ejections'), 2);
});

test('below the panic threshold the ejected are asked too', async (scope) => {
  const upstreams = await startMany(scope, ['a', 'b', 'c', 'well']);
  for (const upstream of upstreams.slice(0, 3)) upstream.behave({ status: 500 });
  const settings = { outlier: { ...outlier, consecutive5xx: 1 }, panicPercent: 50 };
  const { plane, port } = start(scope, upstreams, settings, { retry: noRetry });
  await askMany(port, 20);
  assert.equal(plane.report().clusters[0]?.panic, true);
  for (const upstream of upstreams) upstream.behave({});
  assert.deepEqual(Object.keys(shares(await askMany(port, 20))).sort(), ['a', 'b', 'c', 'well']);
});

test('a panic threshold of 0 asks nobody rather than the ejected', async (scope) => {
  const [ill] = await startMany(scope, ['ill']);
  assert.ok(ill !== undefined);
  ill.behave({ status: 500 });
  const settings = { outlier: { ...outlier, consecutive5xx: 1 }, panicPercent: 0 };
  const { plane, port } = start(scope, [ill], settings, { retry: noRetry });
  const statuses = (await askMany(port, 3)).map(({ status }) => status);
  assert.deepEqual(statuses, [500, 503, 503]);
  assert.equal(counted(plane, 'no_endpoint'), 2);
});

const retried: readonly [RetryPolicy['on'][number], number, boolean][] = [
  ['5xx', 500, true],
  ['5xx', 404, false],
  ['gateway-error', 503, true],
  ['gateway-error', 500, false],
  ['retriable-4xx', 409, true],
  ['retriable-status-codes', 418, true],
  ['connect-failure', 500, false],
];
for (const [on, status, again] of retried) {
  test(`${status} is ${again ? '' : 'not '}retried on ${on}, elsewhere`, async (scope) => {
    const upstreams = await startMany(scope, ['ill', 'well']);
    upstreams[0]?.behave({ status });
    const retry: RetryPolicy = { retries: 1, on: [on], statuses: [418], perTryTimeoutMs: 0 };
    const { plane, port } = start(scope, upstreams, { outlier }, { retry });
    const answers = await askMany(port, 6);
    assert.equal(answers.filter((answer) => answer.status === status).length, again ? 0 : 3);
    // A retry takes the other's turn: the next request may meet the ill one again.
    assert.equal(counted(plane, 'retries'), again ? upstreams[0]?.requests : 0);
    assert.ok((upstreams[0]?.requests ?? 0) >= 3);
  });
}

test('a body is sent again, and one that is too long to be kept is not', async (scope) => {
  const upstreams = await startMany(scope, ['ill', 'well']);
  upstreams[0]?.behave({ status: 503 });
  const retry: RetryPolicy = { retries: 1, on: ['5xx'], perTryTimeoutMs: 0 };
  const { port } = start(scope, upstreams, { outlier }, { retry });
  const small = await askMany(port, 4, { method: 'POST', body: 'x'.repeat(1_000) });
  assert.deepEqual(shares(small), { well: 4 });
  const large = await askMany(port, 4, { method: 'POST', body: 'x'.repeat(300_000) });
  assert.deepEqual(shares(large), { ill: 2, well: 2 });
});

test('every try goes to another endpoint as long as there is one', async (scope) => {
  const upstreams = await startMany(scope, ['a', 'b', 'c', 'd']);
  for (const upstream of upstreams) upstream.behave({ status: 500 });
  const backOff = { baseMs: 1, maxMs: 2 };
  const retry: RetryPolicy = { retries: 3, on: ['5xx'], perTryTimeoutMs: 0, backOff };
  const { port } = start(scope, upstreams, { outlier, balance: { policy: 'random' } }, { retry });
  assert.equal((await ask(port)).status, 500);
  assert.deepEqual(
    upstreams.map(({ requests }) => requests),
    [1, 1, 1, 1],
  );
});

test('a budget that is used up leaves failures as they are, and counts them', async (scope) => {
  const upstreams = await startMany(scope, ['ill', 'ill too']);
  for (const upstream of upstreams) upstream.behave({ status: 503, delayMs: 50 });
  const retry: RetryPolicy = { retries: 1, on: ['5xx'], perTryTimeoutMs: 0 };
  const retryBudget = { percent: 0, minConcurrency: 1 };
  const { plane, port } = start(scope, upstreams, { outlier, retryBudget }, { retry });
  const answers = await askMany(port, 8, { atOnce: 8 });
  assert.ok(answers.every(({ status }) => status === 503));
  assert.equal(counted(plane, 'retries') + counted(plane, 'retry_overflows'), 8);
  assert.ok(counted(plane, 'retry_overflows') > 0);
  assert.equal(plane.report().clusters[0]?.retrying, 0);
});

test('a hedge answers for a try that takes too long, and the slow one is given up', async (scope) => {
  const upstreams = await startMany(scope, ['slow', 'fast']);
  const [slow] = upstreams;
  slow?.behave({ silent: true });
  const retry: RetryPolicy = { retries: 1, on: ['reset'], perTryTimeoutMs: 30 };
  const hedge = { onTryTimeout: true, additionalPercent: 0, maxAtOnce: 2 };
  const { plane, port } = start(scope, upstreams, { outlier }, { retry, hedge });
  assert.deepEqual(shares(await askMany(port, 6)), { fast: 6 });
  assert.ok(counted(plane, 'hedges') >= 3);
  assert.equal(counted(plane, 'hedge_wins'), counted(plane, 'hedges'));
  await waitUntil(() => slow?.active === 0);
  assert.equal(plane.report().clusters[0]?.underWay, 0);
});

test('a slow try still wins when its hedge is slower', async (scope) => {
  const upstreams = await startMany(scope, ['slow', 'stuck']);
  upstreams[0]?.behave({ delayMs: 120 });
  upstreams[1]?.behave({ silent: true });
  const retry: RetryPolicy = { retries: 1, on: ['reset'], perTryTimeoutMs: 30 };
  const hedge = { onTryTimeout: true, additionalPercent: 0, maxAtOnce: 2 };
  const { plane, port } = start(scope, upstreams, { outlier }, { retry, hedge });
  assert.deepEqual(shares(await askMany(port, 2)), { slow: 2 });
  assert.equal(counted(plane, 'hedges'), 2);
});

test('some requests begin twice when a part of them is to', async (scope) => {
  const upstreams = await startMany(scope, ['a', 'b']);
  const retry: RetryPolicy = { retries: 1, on: ['5xx'], perTryTimeoutMs: 0 };
  const hedge = { onTryTimeout: false, additionalPercent: 100, maxAtOnce: 2 };
  const { plane, port } = start(scope, upstreams, { outlier }, { retry, hedge });
  await askMany(port, 5);
  assert.equal(counted(plane, 'hedges'), 5);
  await askMany(port, 2, { method: 'POST', body: 'once' });
  assert.equal(counted(plane, 'hedges'), 5);
});

test('a bad answer is not taken while another try is under way', async (scope) => {
  const upstreams = await startMany(scope, ['ill', 'well']);
  upstreams[0]?.behave({ status: 500 });
  upstreams[1]?.behave({ delayMs: 50 });
  const retry: RetryPolicy = { retries: 1, on: ['5xx'], perTryTimeoutMs: 0 };
  const hedge = { onTryTimeout: false, additionalPercent: 100, maxAtOnce: 2 };
  const { port } = start(scope, upstreams, { outlier }, { retry, hedge });
  assert.deepEqual(shares(await askMany(port, 6)), { well: 6 });
});

test('a client that leaves in the middle of a retry leaves nothing behind', async (scope) => {
  const upstreams = await startMany(scope, ['ill', 'ill too']);
  for (const upstream of upstreams) upstream.behave({ status: 503 });
  const backOff = { baseMs: 60_000, maxMs: 60_000 };
  const retry: RetryPolicy = { retries: 1, on: ['5xx'], perTryTimeoutMs: 0, backOff };
  const { plane, port } = start(scope, upstreams, { outlier }, { retry });
  const client = connect(port, '127.0.0.1');
  client.write('GET / HTTP/1.1\r\nHost: web.test\r\n\r\n');
  await waitUntil(() => plane.report().clusters[0]?.retrying === 1);
  client.resetAndDestroy();
  await waitUntil(() => plane.report().clusters[0]?.retrying === 0);
});

test('the route’s time is over whatever is retried', async (scope) => {
  const upstreams = await startMany(scope, ['stuck', 'stuck too']);
  for (const upstream of upstreams) upstream.behave({ silent: true });
  const retry: RetryPolicy = { retries: 10, on: ['reset'], perTryTimeoutMs: 50 };
  const { plane, port } = start(scope, upstreams, { outlier }, { retry, timeoutMs: 300 });
  assert.equal((await ask(port)).status, 504);
  assert.ok(counted(plane, 'retries') >= 1);
  assert.equal(plane.report().clusters[0]?.underWay, 0);
});

test('who never answers is ejected once enough clients have given up, without any timeout', async (scope) => {
  const upstreams = await startMany(scope, ['stuck', 'well']);
  upstreams[0]?.behave({ silent: true });
  const settings = { outlier: { ...outlier, consecutiveLocalFailures: 3 } };
  const { plane, port } = start(scope, upstreams, settings);
  const client = (): Promise<void> =>
    new Promise((resolve) => {
      const request = http.get({ port, host: '127.0.0.1', headers: { Host: 'web.test' }, agent: false });
      request.setTimeout(1_100, () => request.destroy());
      request.on('response', (response) => response.resume());
      request.on('error', () => undefined);
      request.on('close', () => resolve());
    });
  await Promise.all(Array.from({ length: 6 }, client));
  await waitUntil(() => stateOf(plane, 'stuck') === 'ejected');
  assert.deepEqual(shares(await askMany(port, 4)), { well: 4 });
  assert.equal(plane.report().clusters[0]?.underWay, 0);
});

test('clients that leave on purpose cannot have an endpoint ejected that answers others', async (scope) => {
  const server = await startServer(scope, (socket) => {
    socket.on('data', (bytes: Buffer) => {
      if (!bytes.toString().startsWith('GET /never')) {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      }
    });
  });
  const settings = { outlier: { ...outlier, consecutiveLocalFailures: 2 } };
  const model = modelOf({ 'web.test': cluster('web', [endpoint(server.port)], settings) });
  const { plane, port } = startPlane(scope, model);
  const leaving = Promise.all(Array.from({ length: 6 }, () => askAndLeave(port, 1_300, '/never')));
  let over = false;
  void leaving.then(() => {
    over = true;
  });
  await waitUntil(async () => {
    assert.equal((await ask(port)).status, 200);
    return over;
  });
  assert.equal(counted(plane, 'ejections'), 0);
});

test('who hangs is told from the others’ answers, and what may be sent twice is asked of another', async (scope) => {
  const upstreams = await startMany(scope, ['stuck', 'well', 'fine']);
  const settings = { outlier: { ...outlier, consecutiveLocalFailures: 5 } };
  const { plane, port } = start(scope, upstreams, settings);
  assert.equal(Object.keys(shares(await askMany(port, 6))).length, 3);
  upstreams[0]?.behave({ silent: true });
  const answers = await askMany(port, 60, { atOnce: 12 });
  assert.deepEqual(Object.keys(shares(answers)).sort(), ['fine', 'well']);
  assert.equal(stateOf(plane, 'stuck'), 'ejected');
  assert.equal(plane.report().clusters[0]?.underWay, 0);
});

test('a new endpoint of a slow service is not taken for one that hangs', async (scope) => {
  const upstreams = await startMany(scope, ['a', 'b']);
  for (const upstream of upstreams) upstream.behave({ delayMs: 2_500 });
  const model = (list: Endpoint[]) => modelOf({ 'web.test': cluster('web', list) }, { retry: noRetry });
  const { plane, port } = startPlane(scope, model(endpoints(upstreams.slice(0, 1))));
  await askMany(port, 30, { atOnce: 30 });
  plane.apply(model(endpoints(upstreams)));
  await askMany(port, 60, { atOnce: 60 });
  assert.deepEqual([stateOf(plane, 'a'), stateOf(plane, 'b')], ['healthy', 'healthy']);
});

test('a client that ended its side still gets an answer that comes soon', async (scope) => {
  const [only] = await startMany(scope, ['only']);
  assert.ok(only !== undefined);
  only.behave({ delayMs: 100 });
  const { port } = start(scope, [only], { outlier });
  const request = 'GET / HTTP/1.1\r\nHost: web.test\r\nConnection: close\r\n\r\n';
  const { answer } = await talk(port, [request], { end: true });
  assert.match(answer, /^HTTP\/1\.1 200 /);
});

test('a route’s idle time ends what does not move, before the answer and in its middle', async (scope) => {
  const server = await startServer(scope, (socket) => {
    socket.on('data', (bytes: Buffer) => {
      if (bytes.toString().startsWith('GET /half')) {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
      }
    });
  });
  const model = modelOf(
    { 'web.test': cluster('web', [endpoint(server.port)], { outlier }) },
    { retry: noRetry },
  );
  const put = model.virtualHosts.put.map((host) => ({
    ...host,
    routes: host.routes.map((route) => ({ ...route, idleTimeoutMs: 150 })),
  }));
  const { port } = startPlane(scope, { ...model, virtualHosts: { put, remove: [] } });
  assert.equal((await ask(port)).status, 504);
  assert.equal((await ask(port, { path: '/half' })).status, 0);
});

test('an endpoint that is killed costs no request, and is back as soon as it listens again', async (scope) => {
  const upstreams = await startMany(scope, ['a', 'b']);
  const [a] = upstreams;
  assert.ok(a !== undefined);
  const { plane, port } = start(scope, upstreams, { outlier: { ...outlier, consecutiveLocalFailures: 5 } });
  await askMany(port, 10, { atOnce: 4 });
  await a.kill();
  const answers = await askMany(port, 40, { atOnce: 4 });
  assert.deepEqual(shares(answers), { b: 40 });
  assert.equal(stateOf(plane, 'a'), 'ejected');
  await a.revive();
  await waitUntil(() => stateOf(plane, 'a') !== 'ejected');
  assert.deepEqual(Object.keys(shares(await askMany(port, 10))).sort(), ['a', 'b']);
});

test('an upstream that resets in the middle of a response breaks that response off', async (scope) => {
  const server = await startServer(scope, (socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
      setImmediate(() => socket.resetAndDestroy());
    });
  });
  const model = modelOf({ 'web.test': cluster('web', [endpoint(server.port)], { outlier }) });
  const { plane, port } = startPlane(scope, model);
  assert.equal((await ask(port)).status, 0);
  await waitUntil(() => counted(plane, 'resets') === 1);
});

test('whatever happens to requests and endpoints, in the end nothing stays counted', async (scope) => {
  const upstreams = await startMany(scope, ['a', 'b', 'c', 'd']);
  const random = seeded(7);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const settings: Partial<Cluster> = {
    outlier: { ...outlier, consecutive5xx: 3, consecutiveLocalFailures: 3, baseEjectionMs: 50 },
    ...{ maxConnections: 6, maxPendingRequests: 4, maxRequests: 8, connectTimeoutMs: 200 },
    balance: { policy: 'least-request' },
    adaptiveConcurrency: { minConcurrency: 4, maxConcurrency: 12, measureCount: 5 },
    retryBudget: { percent: 50, minConcurrency: 2 },
  };
  const retry: RetryPolicy = {
    ...{ retries: 2, on: ['5xx', 'reset', 'connect-failure'], perTryTimeoutMs: 40 },
    backOff: { baseMs: 5, maxMs: 20 },
  };
  const hedge = { onTryTimeout: true, additionalPercent: 30, maxAtOnce: 3 };
  const { plane, port } = start(scope, upstreams, settings, { retry, hedge, timeoutMs: 500 });
  const behaviours = [{}, { status: 503 }, { delayMs: 60 }, { silent: true }, { status: 404 }] as const;
  let left = 300;
  const client = async (): Promise<void> => {
    while (left-- > 0) {
      if (left % 10 === 0) pick(upstreams).behave(pick(behaviours));
      if (left % 60 === 0) await upstreams[0]?.kill();
      if (left % 60 === 30) await upstreams[0]?.revive().catch(() => undefined);
      const leaves = left % 7 === 0;
      const body = left % 3 === 0 ? { method: 'PUT', body: 'x'.repeat(2_000) } : {};
      if (leaves) await askAndLeave(port, Math.floor(random() * 80));
      else await ask(port, body);
    }
  };
  await Promise.all(Array.from({ length: 16 }, client));
  const counts = () => {
    const [web] = plane.report().clusters;
    const busy = web?.endpoints.map((one) => one.busy);
    return {
      busy: web?.busy,
      pending: web?.pending,
      underWay: web?.underWay,
      retrying: web?.retrying,
      each: busy,
    };
  };
  const none = { busy: 0, pending: 0, underWay: 0, retrying: 0, each: [0, 0, 0, 0] };
  await waitUntil(() => isDeepStrictEqual(counts(), none)).catch(() => assert.deepEqual(counts(), none));
  for (const upstream of upstreams) upstream.behave({});
  await waitUntil(async () => (await askMany(port, 8, { atOnce: 2 })).every(({ status }) => status === 200));
});

/** A client that breaks off. */
function askAndLeave(port: number, afterMs: number, path = '/'): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.on('close', () => resolve());
    socket.write(`GET ${path} HTTP/1.1\r\nHost: web.test\r\n\r\n`);
    setTimeout(() => socket.resetAndDestroy(), afterMs);
  });
}

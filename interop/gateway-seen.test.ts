import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import type { WorkerReport } from '@portolan/server/proxy/stats.ts';
import { launchPortolan } from '@portolan/testkit/launch-portolan.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { endpointAt, launchUpstream, modelOf, startRig } from './gateway-rig.ts';

/** Resolves with the status. */
function ask(port: number, path: string, headers: Readonly<Record<string, string>> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = {
      agent: false,
      host: '127.0.0.1',
      port,
      path,
      headers: { host: 'web.localhost', ...headers },
    };
    get(options, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    }).on('error', reject);
  });
}

/** Notes the `traceparent`s that reach it. */
async function notingUpstream(t: TestContext): Promise<{ port: number; told: (string | undefined)[] }> {
  const told: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    told.push(request.headers.traceparent as string | undefined);
    response.end('ok');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, told };
}

interface SentSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
}

/** An OTLP/HTTP receiver. */
async function spanReceiver(t: TestContext): Promise<{ url: string; spans: SentSpan[] }> {
  const spans: SentSpan[] = [];
  const server = createServer(async (request, response) => {
    assert.equal(request.url, '/v1/traces');
    const { resourceSpans } = (await json(request)) as {
      resourceSpans: { scopeSpans: { spans: SentSpan[] }[] }[];
    };
    spans.push(...resourceSpans.flatMap((one) => one.scopeSpans.flatMap((scope) => scope.spans)));
    response.end('{}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, spans };
}

test('spans of sampled requests reach the receiver, and the service gets the gateway’s as its parent', async (t) => {
  const upstream = await notingUpstream(t);
  const { url, spans } = await spanReceiver(t);
  const rig = await startRig(t, modelOf({ web: [endpointAt(upstream.port)] }), {
    workers: 1,
    tracing: { url, ratio: 0 },
  });
  const [trace, parent] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'];
  await ask(rig.port, '/a', { traceparent: `00-${trace}-${parent}-01` });
  await ask(rig.port, '/b', { traceparent: `00-${trace}-${parent}-00` });
  await ask(rig.port, '/c');
  // What is left is sent when a worker ends.
  await rig.stop();
  await waitUntil(() => spans.length === 1);
  const [span] = spans;
  assert.deepEqual([span?.traceId, span?.parentSpanId, span?.name], [trace, parent, 'GET web']);
  assert.deepEqual(upstream.told, [`00-${trace}-${span?.spanId}-01`, `00-${trace}-${parent}-00`, undefined]);
});

test('requests are shown while they end, whichever worker has them, and are logged in the format that was asked for', async (t) => {
  const directory = tempDir('gateway-seen');
  t.after(() => directory.remove());
  const accessLog = join(directory.path, 'access.log');
  const web = await launchUpstream(t, 'web');
  const rig = await startRig(t, modelOf({ web: [endpointAt(web.port)] }), {
    ...{ accessLog, accessLogFormat: '$request_method|$request_uri|$status|$route|"$http_user_agent"' },
  });
  const shown = fetch(`${rig.admin}/requests?seconds=2`).then((response) => response.text());
  const seen = async (): Promise<boolean> => {
    await ask(rig.port, '/seen', { 'user-agent': 'a"b\\c' });
    return readFileSync(accessLog, 'utf8').includes('GET|/seen|200|web|"a\\x22b\\x5Cc"\n');
  };
  await waitUntil(seen);
  const lines = (await shown).trim().split('\n');
  const [entry] = lines.map((line) => JSON.parse(line) as { path: string; cluster: string });
  assert.deepEqual([entry?.path, entry?.cluster], ['/seen', 'web']);
});

test('metrics count routes, and the pages of workers and clusters are short', async (t) => {
  const web = await launchUpstream(t, 'web');
  const rig = await startRig(t, modelOf({ web: [endpointAt(web.port)], idle: [] }));
  for (let count = 0; count < 4; count++) await ask(rig.port, '/');
  await ask(rig.port, '/status/500');
  const metrics = await (await fetch(`${rig.admin}/metrics`)).text();
  assert.match(metrics, /^portolan_gateway_route_requests_total\{route="web",code="2xx"\} 4$/m);
  assert.match(metrics, /^portolan_gateway_route_requests_total\{route="web",code="5xx"\} 1$/m);
  assert.doesNotMatch(metrics, /="idle"/);
  const workers = (await (await fetch(`${rig.admin}/workers`)).json()) as WorkerReport[];
  assert.ok(workers.every(({ memory, rssBytes }) => memory.heapUsed > 0 && rssBytes > memory.heapUsed));
  const clusters = await (await fetch(`${rig.admin}/clusters?format=text`)).text();
  assert.match(clusters, new RegExp(`^  127\\.0\\.0\\.1:${web.port} healthy weight=1 requests=5`, 'm'));
});

test('the log level changes while the gateway runs, and a drain ends it after its grace', async (t) => {
  const server = await launchPortolan({ test: t, args: ['--gateway-workers', '1'] });
  const admin = `http://127.0.0.1:${server.port('proxy-admin')}`;
  const put = await fetch(`${admin}/log-level?level=fatal`, { method: 'PUT' });
  assert.equal(put.status, 200);
  assert.equal((await fetch(`${admin}/drain?grace=1s`, { method: 'POST' })).status, 202);
  const ready = await fetch(`${admin}/readyz`);
  assert.deepEqual([ready.status, await ready.text()], [503, 'draining\n']);
  assert.equal(
    (await fetch(`http://127.0.0.1:${server.port('gateway')}/healthz`)).status,
    200,
    'still there',
  );
  // It is the server's: that starts it again.
  await waitUntil(async () => (await fetch(`${admin}/readyz`).catch(() => undefined))?.status === 200);
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import fc from 'fast-check';
import { systemClock } from '../../engine/system-clock.ts';
import type { AccessEntry } from '../access-format.ts';
import type { RequestHead } from '../http1/request-head.ts';
import { SpanExporter } from './exporter.ts';
import type { Span } from './span.ts';
import { parseTraceParent, traceParentText } from './trace-context.ts';
import { Tracer } from './tracer.ts';

const entry: AccessEntry = {
  ...{
    method: 'GET',
    host: 'shop.example',
    path: '/a?secret=1',
    status: 200,
    requestBytes: 0,
    responseBytes: 5,
  },
  ...{
    durationMs: 1.5,
    client: '10.0.0.1',
    requestId: 'r1',
    userAgent: 'curl',
    cluster: 'web',
    upstream: '10.0.0.2:80',
  },
  ...{ tries: 1, flag: '', route: 'service/default/web' },
};

test('a traceparent is read as W3C Trace Context says', () => {
  const [trace, parent] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'];
  assert.deepEqual(parseTraceParent(`00-${trace}-${parent}-01`), {
    traceId: trace,
    parentId: parent,
    sampled: true,
  });
  assert.equal(parseTraceParent(`00-${trace}-${parent}-00`)?.sampled, false);
  assert.equal(parseTraceParent(`cc-${trace}-${parent}-09-what-comes`)?.sampled, true, 'a later version');
  const bad = [
    '',
    `ff-${trace}-${parent}-01`,
    `00-${trace}-${parent}-01-more`,
    `00-${'0'.repeat(32)}-${parent}-01`,
    `00-${trace}-${'0'.repeat(16)}-01`,
    `00-${trace.toUpperCase()}-${parent}-01`,
    `00-${trace}-${parent}-1`,
    `cc-${trace}-${parent}-01.more`,
    `00-${trace}-${parent}-01\n`,
  ];
  for (const text of bad) assert.equal(parseTraceParent(text), undefined, text);
});

test('a traceparent that was written is read again', () => {
  const id = (octets: number): fc.Arbitrary<string> =>
    fc
      .bigInt({ min: 1n, max: 2n ** BigInt(octets * 8) - 1n })
      .map((value) => value.toString(16).padStart(octets * 2, '0'));
  fc.assert(
    fc.property(id(16), id(8), fc.boolean(), (traceId, parentId, sampled) => {
      const parent = { traceId, parentId, sampled };
      assert.deepEqual(parseTraceParent(traceParentText(parent)), parent);
    }),
  );
});

function headOf(lines: string): RequestHead {
  return { lines } as RequestHead;
}

test('the caller decides what is sampled, else the ratio', () => {
  const spans: Span[] = [];
  const tracer = (random: number) =>
    new Tracer({
      clock: systemClock,
      random: () => random,
      ratio: 0.1,
      exporter: { add: (span) => spans.push(span) },
    });
  const told = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0';
  assert.equal(tracer(0.5).begin(headOf('')), undefined);
  assert.equal(tracer(0).begin(headOf(`traceparent: ${told}0\r\n`)), undefined);
  const lines = `Accept: */*\r\nTraceParent: ${told}1\r\nTraceState: a=b\r\n`;
  const trace = tracer(0.5).begin(headOf(lines));
  trace?.end(entry);
  assert.equal(spans[0]?.parentId, 'b7ad6b7169203331');
  assert.equal(
    trace?.onto(headOf(lines)).lines,
    `Accept: */*\r\nTraceState: a=b\r\nTraceparent: 00-0af7651916cd43dd8448eb211c80319c-${spans[0]?.spanId}-01\r\n`,
  );
  const first = tracer(0.05).begin(headOf(''));
  const second = tracer(0.05).begin(headOf('traceparent: nonsense\r\n'));
  assert.match(first?.traceId ?? '', /^[0-9a-f]{32}$/);
  assert.notEqual(first?.traceId, second?.traceId);
});

interface Received {
  readonly resourceSpans: {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: { readonly spans: readonly Record<string, unknown>[] }[];
  }[];
}

interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: string };
}

/** An OTLP receiver that checks what the protocol demands. */
async function receiver(t: TestContext, statuses: number[] = []) {
  const spans: Record<string, unknown>[] = [];
  let requests = 0;
  const server = createServer(async (request, response) => {
    const status = statuses[requests++] ?? 200;
    const body = await text(request);
    assert.deepEqual(
      [request.method, request.url, request.headers['content-type']],
      ['POST', '/v1/traces', 'application/json'],
    );
    if (status === 200) {
      const { resourceSpans } = JSON.parse(body) as Received;
      assert.deepEqual(resourceSpans[0]?.resource.attributes, [
        { key: 'service.name', value: { stringValue: 'gateway' } },
      ]);
      spans.push(...(resourceSpans[0]?.scopeSpans[0]?.spans ?? []));
    }
    response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const clock = {
    ...systemClock,
    after: (ms: number, call: () => void) => systemClock.after(Math.min(ms, 20), call),
  };
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const exporter = new SpanExporter({ url, clock, resource: { 'service.name': 'gateway' } });
  return { exporter, spans, requests: () => requests };
}

function spanOf(overrides: Partial<AccessEntry> = {}): Span {
  return {
    ...{ traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', parentId: '' },
    startWallMs: 1_700_000_000_000.25,
    entry: { ...entry, ...overrides },
  };
}

test('spans arrive as OTLP has them', async (t) => {
  const { exporter, spans } = await receiver(t);
  exporter.add(spanOf());
  exporter.add(spanOf({ status: 503, flag: 'no-endpoint', method: 'BREW' }));
  await waitUntil(() => spans.length === 2);
  const [first, second] = spans;
  assert.equal(first?.name, 'GET service/default/web');
  assert.equal(first?.kind, 2);
  assert.equal(first?.startTimeUnixNano, '1700000000000250000');
  assert.equal(first?.endTimeUnixNano, '1700000000001750000');
  assert.equal(first?.parentSpanId, undefined);
  const told = (first?.attributes ?? []) as Attribute[];
  const attributes = new Map(told.map(({ key, value }) => [key, value]));
  assert.deepEqual(attributes.get('url.path'), { stringValue: '/a' }, 'without the query');
  assert.deepEqual(attributes.get('http.response.status_code'), { intValue: '200' });
  assert.equal(second?.name, 'HTTP service/default/web');
  assert.deepEqual(second?.status, { code: 2 });
  await waitUntil(() => exporter.exported === 2);
});

test('a receiver that is overloaded is asked again, one that refuses is not', async (t) => {
  const { exporter, spans, requests } = await receiver(t, [503, 429]);
  exporter.add(spanOf());
  await waitUntil(() => spans.length === 1);
  assert.equal(requests(), 3);
  const refusing = await receiver(t, [400]);
  refusing.exporter.add(spanOf());
  await waitUntil(() => refusing.exporter.dropped === 1);
  assert.equal(refusing.requests(), 1);
});

test('without a receiver no more than a bounded number of spans is held', () => {
  const clock = { ...systemClock, after: () => () => undefined };
  const exporter = new SpanExporter({ url: 'http://127.0.0.1:1', clock, resource: {} });
  for (let count = 0; count < 5_000; count++) exporter.add(spanOf());
  assert.ok(exporter.dropped >= 5_000 - 2_048 - 512);
});

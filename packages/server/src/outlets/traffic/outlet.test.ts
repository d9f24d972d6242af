import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Cluster, TrafficDelta, TrafficMessage, TrafficModel } from '@portolan/core/traffic/model.ts';
import { emptyTables, noTraffic } from '@portolan/core/traffic/tables.ts';
import { testServer } from '../../server.fixture.ts';
import { encodeUpdate, snapshotPieces } from './encode.ts';
import { SharedSnapshot } from './shared-snapshot.ts';
import { TrafficStream } from './stream.ts';
import { gatewayToken } from './token.ts';

/** Reads the stream of a real server, message by message. */
async function reader(
  t: TestContext,
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ next(): Promise<TrafficMessage> }> {
  const abort = new AbortController();
  t.after(() => abort.abort());
  const response = await fetch(`${url}/portolan/v1/traffic`, { signal: abort.signal, headers });
  assert.equal(response.headers.get('content-type'), 'application/x-ndjson');
  const lines = linesOf(response);
  return {
    async next() {
      for (;;) {
        const { value } = await lines.next();
        if (value === undefined) throw new Error('the stream ended');
        if (value !== '') return JSON.parse(value) as TrafficMessage;
      }
    },
  };
}

async function* linesOf(response: Response): AsyncGenerator<string, undefined> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    rest += decoder.decode(chunk as Uint8Array, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
}

test('the stream tells the whole model, then each change, and nothing where nothing changed', async (t) => {
  const { url, call } = await testServer(t);
  await call('PUT', '/portolan/v1/instances/first/1', { port: 80, tags: ['http'] });
  const stream = await reader(t, url);
  const snapshot = await stream.next();
  assert.equal(snapshot.type, 'snapshot');
  assert.deepEqual(snapshot.clusters.put.map(({ name }) => name).sort(), ['consul', 'first']);
  assert.deepEqual(snapshot.virtualHosts.put[0]?.domains, ['first.localhost']);

  await call('PUT', '/portolan/v1/kv/unrelated', { value: 'x' });
  await call('PUT', '/portolan/v1/instances/second/2', { port: 81 });
  const update = await stream.next();
  assert.equal(update.type, 'update');
  assert.deepEqual(
    update.clusters.put.map(({ name, endpoints }) => [name, endpoints[0]?.port]),
    [['second', 81]],
  );
  assert.equal(update.virtualHosts.put.length, 0);

  await call('DELETE', '/portolan/v1/instances/first/1');
  const removal = await stream.next();
  assert.deepEqual([removal.clusters.remove, removal.virtualHosts.remove], [['first'], ['first.localhost']]);
});

test('only GET, and only this path', async (t) => {
  const { call } = await testServer(t);
  assert.equal((await call('PUT', '/portolan/v1/traffic', {})).status, 405);
  assert.equal((await call('GET', '/portolan/v1/trafficjam')).status, 404);
});

test('secrets are told to whom has shown the token, and a wrong token is refused', async (t) => {
  const { url, dataDir } = await testServer(t);
  const file = join(dataDir, 'gateway-token');
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const token = readFileSync(file, 'utf8').trim();
  assert.equal(gatewayToken(dataDir), token, 'a restart keeps it');
  const get = (authorization: string) => fetch(`${url}/portolan/v1/traffic`, { headers: { authorization } });
  for (const wrong of [`Bearer ${'0'.repeat(64)}`, 'Bearer x', `Basic ${token}`, token]) {
    const { status } = await get(wrong);
    assert.equal(status, 401, wrong);
  }
  const stream = await reader(t, url, { authorization: `Bearer ${token}` });
  assert.equal((await stream.next()).type, 'snapshot');

  const certificate = { name: 'c', chain: 'chain', key: 'the key' };
  const model: TrafficModel = {
    ...{ revision: 1, ...emptyTables() },
    certificates: new Map([['c', certificate]]),
  };
  const delta: TrafficDelta = { ...noTraffic, certificates: new Set(['c']) };
  for (const [audience, key] of [
    ['anyone', ''],
    ['data-plane', 'the key'],
  ] as const) {
    const lines = [
      [...iterate(snapshotPieces(model, audience))].join(''),
      encodeUpdate(model, delta, audience).toString(),
    ];
    for (const line of lines) {
      const { certificates } = JSON.parse(line) as TrafficMessage;
      assert.deepEqual(certificates.put, [{ ...certificate, key }]);
    }
  }
});

function* iterate<T>(iterator: Iterator<T, undefined>): Iterable<T> {
  for (let next = iterator.next(); next.done !== true; next = iterator.next()) yield next.value;
}

/** A response whose socket is full when the test says so. */
class SlowResponse extends EventEmitter {
  readonly written: string[] = [];
  full = false;
  destroyed = false;
  write(bytes: string | Buffer): boolean {
    this.written.push(bytes.toString());
    return !this.full;
  }
  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
  drain(): void {
    this.full = false;
    this.emit('drain');
  }
}

function slowReader() {
  const clusters = new Map<string, Cluster>();
  const model: TrafficModel = { revision: 1, ...emptyTables(), clusters };
  const response = new SlowResponse();
  let closed = 0;
  const stream = new TrafficStream(
    response as unknown as ServerResponse,
    model,
    { snapshot: new SharedSnapshot(model, 'anyone'), audience: 'anyone' },
    () => {
      closed += 1;
    },
  );
  const change = (names: readonly string[]) => {
    const delta: TrafficDelta = { ...noTraffic, clusters: new Set(names) };
    stream.update(delta, () => encodeUpdate(model, delta, 'anyone'));
  };
  const set = (name: string, maxConnections: number) => {
    clusters.set(name, { name, maxConnections } as Cluster);
    change([name]);
  };
  return { model, clusters, response, stream, set, change, closed: () => closed };
}

test('a reader that stands still gets the newest of what changed, once, when it goes on', () => {
  const { response, set, clusters, change } = slowReader();
  response.full = true;
  set('a', 1);
  const before = response.written.length;
  for (let count = 2; count <= 100; count += 1) set('a', count);
  set('b', 1);
  clusters.delete('b');
  change(['b']);
  assert.equal(response.written.length, before, 'nothing is queued for it');

  response.drain();
  assert.equal(response.written.length, before + 1);
  const message = JSON.parse(response.written.at(-1) ?? '') as TrafficMessage;
  assert.deepEqual(message.clusters, { put: [{ name: 'a', maxConnections: 100 }], remove: ['b'] });

  set('a', 101);
  assert.equal(response.written.length, before + 2, 'it is in step again');
});

test('one that falls behind by too many names is cut', () => {
  const { response, change, set, closed } = slowReader();
  response.full = true;
  set('a', 1);
  change(Array.from({ length: 200_001 }, (_, index) => `cluster-${index}`));
  assert.equal(response.destroyed, true);
  assert.equal(closed(), 1);
  change(['later']);
});

test('a large snapshot is written in pieces as the reader drains, and what changed meanwhile follows it', () => {
  const clusters = new Map<string, Cluster>();
  for (let index = 0; index < 5_000; index += 1) {
    clusters.set(`c${index}`, { name: `c${index}`, endpoints: [], maxConnections: 1 } as unknown as Cluster);
  }
  const model = { revision: 7, ...emptyTables(), clusters };
  const telling = { snapshot: new SharedSnapshot(model, 'anyone'), audience: 'anyone' } as const;
  const first = new SlowResponse();
  const second = new SlowResponse();
  first.full = true;
  const stream = new TrafficStream(first as unknown as ServerResponse, model, telling, () => {});
  new TrafficStream(second as unknown as ServerResponse, model, telling, () => {});
  assert.equal(first.written.length, 1);

  clusters.set('c0', { name: 'c0', endpoints: [], maxConnections: 2 } as unknown as Cluster);
  const delta: TrafficDelta = { ...noTraffic, clusters: new Set(['c0']) };
  stream.update(delta, () => assert.fail('it is not in step'));
  first.drain();
  const [line = '', update = ''] = first.written.join('').split('\n');
  assert.equal(`${line}\n`, second.written.join(''), 'both were told the same');
  const told = (JSON.parse(line) as TrafficMessage).clusters.put;
  assert.equal(told.length, 5_000);
  assert.equal(told[0]?.maxConnections, 1, 'the snapshot is of its moment');
  assert.equal((JSON.parse(update) as TrafficMessage).clusters.put[0]?.maxConnections, 2);
});

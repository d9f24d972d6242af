import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { Fault } from '@portolan/core/base/fault.ts';
import type { CatalogDelta, Topic } from '@portolan/core/catalog/reader.ts';
import { fakeClock } from '@portolan/testkit/fake-clock.ts';
import { createWatchers } from './watchers.ts';

function table(maxWaiters = 1_000) {
  const clock = fakeClock();
  const indexes = new Map<Topic, number>();
  let asked = 0;
  const watchers = createWatchers({
    clock,
    indexOf: (topic) => {
      asked += 1;
      return indexes.get(topic) ?? 1;
    },
    maxWaiters,
  });
  const move = (delta: Partial<CatalogDelta>, index: number, ...topics: Topic[]): void => {
    for (const topic of topics) indexes.set(topic, index);
    watchers.wake({ ...nothing, revision: index, ...delta });
  };
  return { clock, watchers, move, asked: () => asked };
}

const nothing: CatalogDelta = {
  revision: 0,
  services: new Set(),
  serviceList: false,
  nodes: new Set(),
  nodeList: false,
  checks: [],
  checkList: false,
  kvKeys: [],
  rules: false,
  ruleKeys: new Set(),
  leases: [],
};
const minute = { timeoutMs: 60_000 };

test('a waiter gets the index of the change that touched its topic', async () => {
  const { watchers, move } = table();
  const waiting = watchers.wait('service/default/web', 4, minute);
  move({ services: new Set(['default/web']) }, 7, 'service/default/web');
  assert.equal(await waiting, 7);
  assert.equal(watchers.size, 0);
});

test('every topic has its waiters, and a delta wakes those it touches and nobody else', async () => {
  const { watchers, move } = table();
  const deltas: [Topic, Partial<CatalogDelta>][] = [
    ['service/default/web', { services: new Set(['default/web']) }],
    ['services', { serviceList: true }],
    ['node/n1', { nodes: new Set(['n1']) }],
    ['nodes', { nodeList: true }],
    ['checks', { checkList: true }],
    ['kv/a/b', { kvKeys: ['a/b'] }],
    ['rules', { rules: true }],
    ['leases', { leases: ['l1'] }],
  ];
  for (const [topic, delta] of deltas) {
    const woken: Topic[] = [];
    const waiting = deltas.map(([each]) =>
      watchers.wait(each, 1, minute).then(
        () => woken.push(each),
        () => {},
      ),
    );
    const { size } = watchers;
    move(delta, 2, topic);
    assert.equal(watchers.size, size - 1, topic);
    await waiting[deltas.findIndex(([each]) => each === topic)];
    assert.deepEqual(woken, [topic]);
    // Let the others go before the next round.
    for (const [each, eachDelta] of deltas) move(eachDelta, 2, each);
    await Promise.all(waiting);
    for (const [each] of deltas) move({}, 1, each);
  }
});

test('prefix watchers are woken by keys that start so', async () => {
  const { watchers, move } = table();
  const prefixes = ['', 'config/', 'config/app', 'config/application', 'x'];
  const woken: string[] = [];
  const waiting = prefixes.map((prefix) =>
    watchers.wait(`kv-prefix/${prefix}`, 1, minute).then(() => woken.push(prefix)),
  );
  move({ kvKeys: ['config/app/port'] }, 5, 'kv-prefix/', 'kv-prefix/config/', 'kv-prefix/config/app');
  await Promise.all(waiting.slice(0, 3));
  assert.deepEqual(woken.toSorted(), ['', 'config/', 'config/app']);
  assert.equal(watchers.size, 2);
  move(
    { kvKeys: ['xylophone', 'config/application.yaml'] },
    6,
    'kv-prefix/x',
    'kv-prefix/config/application',
  );
  await Promise.all(waiting);
});

test('10,000 waiters on one topic are woken in one pass; their topic is looked up once', async () => {
  const { clock, watchers, move, asked } = table(20_000);
  const waiting = Array.from({ length: 10_000 }, () => watchers.wait('service/default/web', 1, minute));
  assert.equal(clock.pending, 1, 'one timer for all');
  move({ services: new Set(['default/other']) }, 2, 'service/default/other');
  assert.equal(asked(), 0, 'an unrelated change asks nothing');
  move({ services: new Set(['default/web']) }, 3, 'service/default/web');
  assert.equal(asked(), 1);
  assert.deepEqual(new Set(await Promise.all(waiting)), new Set([3]));
});

test('a waiter for an index that is not reached yet goes on waiting', async () => {
  const { watchers, move } = table();
  const waiting = watchers.wait('nodes', 10, minute);
  move({ nodeList: true }, 10, 'nodes');
  assert.equal(watchers.size, 1);
  move({ nodeList: true }, 11, 'nodes');
  assert.equal(await waiting, 11);
});

test('a timeout answers with the index as it is, and leaves no timer', async () => {
  const { clock, watchers } = table();
  const waiting = watchers.wait('nodes', 10, { timeoutMs: 300_000 });
  clock.advance(299_000);
  assert.equal(watchers.size, 1);
  clock.advance(1_100);
  assert.equal(await waiting, 1);
  assert.equal(watchers.size, 0);
  clock.advance(100);
  assert.equal(clock.pending, 0);
  // And the ticker starts again for the next one.
  const next = watchers.wait('nodes', 10, { timeoutMs: 1_000 });
  clock.advance(1_100);
  assert.equal(await next, 1);
});

test('an abort rejects with cancelled, and no listener is left however the wait ends', async () => {
  const { clock, watchers, move } = table();
  const controller = new AbortController();
  const { signal } = controller;
  const listeners = (): number => getEventListeners(signal, 'abort').length;

  const woken = watchers.wait('nodes', 1, { ...minute, signal });
  assert.equal(listeners(), 1);
  move({ nodeList: true }, 2, 'nodes');
  await woken;
  assert.equal(listeners(), 0);

  const timedOut = watchers.wait('rules', 1, { timeoutMs: 1_000, signal });
  clock.advance(1_100);
  await timedOut;
  assert.equal(listeners(), 0);

  const aborted = watchers.wait('rules', 1, { ...minute, signal });
  controller.abort();
  await assert.rejects(aborted, (error) => error instanceof Fault && error.code === 'cancelled');
  assert.equal(listeners(), 0);
  assert.equal(watchers.size, 0);
  await assert.rejects(watchers.wait('rules', 1, { ...minute, signal }), /cancelled/);
});

test('beyond the limit a wait is refused as unavailable', async () => {
  const { watchers, move } = table(2);
  const waiting = [watchers.wait('nodes', 1, minute), watchers.wait('nodes', 1, minute)];
  await assert.rejects(
    watchers.wait('nodes', 1, minute),
    (error) => error instanceof Fault && error.code === 'unavailable',
  );
  move({ nodeList: true }, 2, 'nodes');
  await Promise.all(waiting);
});

test('close rejects everyone, now and later', async () => {
  const { clock, watchers } = table();
  const waiting = watchers.wait('nodes', 1, minute);
  watchers.close(new Fault('unavailable', 'stopping'));
  await assert.rejects(waiting, /stopping/);
  await assert.rejects(watchers.wait('nodes', 1, minute), /stopping/);
  assert.equal(clock.pending, 0);
});

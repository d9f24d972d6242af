import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noLabels } from '@portolan/core/base/labels.ts';
import { fakeClock } from '@portolan/testkit/fake-clock.ts';
import type { ServiceInstance } from '../registry/decode.ts';
import { createChooser } from './chooser.ts';

function instance(id: string, weight = 1): ServiceInstance {
  return {
    service: 's',
    id,
    node: 'n',
    address: '127.0.0.1',
    port: 1,
    weight,
    tags: [],
    metadata: noLabels,
    health: 'passing',
    checks: [],
  };
}

test('each instance gets its turn, twice as often with twice the weight', () => {
  const chooser = createChooser(fakeClock(), () => 0);
  const list = [instance('a', 2), instance('b'), instance('c')];
  const counts = new Map<string, number>();
  for (let pick = 0; pick < 400; pick += 1) {
    const id = chooser.choose('s', list)?.id ?? '';
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  assert.deepEqual(Object.fromEntries(counts), { a: 200, b: 100, c: 100 });
});

test('one that failed is passed over until it has cooled down or works again', () => {
  const clock = fakeClock();
  const chooser = createChooser(clock, () => 0);
  const [a, b] = [instance('a'), instance('b')];
  const list = [a, b];
  const picks = () => new Set(Array.from({ length: 4 }, () => chooser.choose('s', list)?.id));
  chooser.failed(a);
  assert.deepEqual(picks(), new Set(['b']));
  clock.advance(5_000);
  assert.deepEqual(picks(), new Set(['a', 'b']));
  chooser.failed(a);
  chooser.succeeded(a);
  assert.deepEqual(picks(), new Set(['a', 'b']));
});

test('an instance that started again elsewhere is not the one that failed', () => {
  const chooser = createChooser(fakeClock(), () => 0);
  const old = instance('a');
  chooser.failed(old);
  const list = [{ ...old, port: 2 }, instance('b')];
  assert.deepEqual(
    new Set([chooser.choose('s', list)?.port, chooser.choose('s', list)?.port]),
    new Set([2, 1]),
  );
});

test('when all have failed or were tried, somebody is chosen all the same', () => {
  const chooser = createChooser(fakeClock(), () => 0);
  const [a, b] = [instance('a'), instance('b')];
  const list = [a, b];
  chooser.failed(a);
  chooser.failed(b);
  assert.equal(chooser.choose('s', list, new Set([a]))?.id, 'b');
  assert.ok(chooser.choose('s', list, new Set(list)));
  assert.equal(chooser.choose('s', []), undefined);
});

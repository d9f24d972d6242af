import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded, testBalancer, wholeSet } from '@portolan/testkit/balancer-suite.ts';
import { createMaglev, maglevTable } from './maglev.ts';

testBalancer('Maglev', (set, random) => createMaglev(set, random), {
  sigmas: 3,
  keyed: { shareTolerance: 0.01, disruption: 0.02 },
});

test('Maglev: places are shared to within one for each turn', () => {
  for (const weights of [
    [1, 1, 1],
    [3, 1],
    [5, 2, 2, 1],
  ]) {
    const table = maglevTable(wholeSet(weights), 65_537);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    for (const [index, weight] of weights.entries()) {
      const owned = table.filter((owner) => owner === index).length;
      assert.ok(Math.abs(owned - (65_537 * weight) / total) <= weights.length, `${owned} of ${weights}`);
    }
  }
});

test('Maglev: more endpoints than places, and all places have an owner', () => {
  const table = maglevTable(wholeSet(new Array<number>(20).fill(1)), 11);
  assert.equal(new Set(table).size, 11);
  assert.ok(table.every((owner) => owner < 20));
});

test('Maglev: a bound holds', () => {
  const set = wholeSet([1, 1]);
  const balancer = createMaglev(set, seeded(1), 100);
  for (let request = 0; request < 10; request++) set.loads[balancer.pick(5)]?.started();
  assert.deepEqual(
    set.loads.map((load) => load.active),
    [5, 5],
  );
});

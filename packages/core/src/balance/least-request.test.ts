import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  assertDistribution,
  countPicks,
  seeded,
  testBalancer,
  wholeSet,
} from '@portolan/testkit/balancer-suite.ts';
import { createLeastRequest } from './least-request.ts';

testBalancer('least request', (set, random) => createLeastRequest(set, random), { sigmas: 3 });

test('least request: of two the one with fewer requests under way', () => {
  const set = wholeSet([1, 1]);
  set.loads[0]?.started();
  assert.deepEqual(countPicks(createLeastRequest(set, seeded(1)), 2, 100), [0, 100]);
});

test('least request: the busiest of three is never picked, the others by what the draw gives', () => {
  const set = wholeSet([1, 1, 1]);
  for (let request = 0; request < 5; request++) set.loads[2]?.started();
  set.loads[1]?.started();
  // Of the pairs 01, 02 and 12, all equally probable, 0 wins two.
  assertDistribution(countPicks(createLeastRequest(set, seeded(2)), 3, 30_000), [2, 1, 0], 3);
});

test('least request: requests under way settle by weight', () => {
  const set = wholeSet([3, 1, 1]);
  const balancer = createLeastRequest(set, seeded(3));
  for (let request = 0; request < 1_000; request++) set.loads[balancer.pick()]?.started();
  const active = set.loads.map((load) => load.active);
  for (const [index, fair] of [600, 200, 200].entries()) {
    assert.ok(Math.abs((active[index] ?? 0) - fair) <= 10, `${active}`);
  }
  assert.equal(set.clusterLoad.active, 1_000);
});

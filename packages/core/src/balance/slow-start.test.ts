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
import { createRandom } from './random.ts';
import { createRoundRobin } from './round-robin.ts';
import { SlowStart, slowStartDefaults, slowStartFactor } from './slow-start.ts';

const policy = { ...slowStartDefaults, windowMs: 60_000 };

testBalancer(
  'slow start, all warm',
  (set, random) => new SlowStart(createRandom(set, random), set, [], policy, random),
  {
    sigmas: 3,
  },
);

test('the factor is max(10 %, (age / window)^(1 / aggression)), at least for an age of 1 s', () => {
  const at = (ageMs: number, aggression = 1, minWeightPercent = 10): number =>
    slowStartFactor(ageMs, { windowMs: 60_000, aggression, minWeightPercent });
  assert.deepEqual(
    [0, 3_000, 6_000, 30_000, 60_000, 90_000].map((ageMs) => at(ageMs)),
    [0.1, 0.1, 0.1, 0.5, 1, 1],
  );
  assert.equal(at(15_000, 2), 0.5);
  assert.equal(at(30_000, 0.5), 0.25);
  assert.equal(at(0, 1, 0), 1 / 60);
});

test('a new endpoint gets its weight times the factor, and all of it later', () => {
  const set = wholeSet([1, 1, 2]);
  for (const create of [createRandom, createRoundRobin]) {
    const random = seeded(4);
    const started = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
    const balancer = new SlowStart(create(set, random), set, started, policy, random);
    balancer.refresh(15_000);
    assertDistribution(countPicks(balancer, 3, 20_000), [1, 1, 0.5], 3);
    balancer.refresh(60_000);
    assertDistribution(countPicks(balancer, 3, 20_000), [1, 1, 2], 3);
  }
});

test('around least request the new one is asked seldom though it is idle', () => {
  const set = wholeSet([1, 1]);
  for (let request = 0; request < 10; request++) set.loads[0]?.started();
  const random = seeded(5);
  const balancer = new SlowStart(createLeastRequest(set, random), set, [-60_000, 0], policy, random);
  balancer.refresh(0);
  // It alone is ever drawn, so it is taken in the end: nobody waits for it to warm up.
  assert.equal(balancer.pick(), 1);
});

test('endpoints that all began together share as if none were new', () => {
  const set = wholeSet([3, 1]);
  const random = seeded(6);
  const balancer = new SlowStart(createRandom(set, random), set, [0, 0], policy, random);
  balancer.refresh(1_000);
  assertDistribution(countPicks(balancer, 2, 20_000), [3, 1], 3);
});

test('warming at different paces they are compared with the warmest, not with a warm one', () => {
  const set = wholeSet([1, 1]);
  const random = seeded(8);
  const inner = createRandom(set, random);
  let inquiries = 0;
  const counting = {
    pick: () => {
      inquiries++;
      return inner.pick();
    },
  };
  const balancer = new SlowStart(counting, set, [0, -6_000], policy, random);
  balancer.refresh(6_000); // factors 0.1 and 0.2
  assertDistribution(countPicks(balancer, 2, 20_000), [1, 2], 3);
  // One in 1 ÷ mean(0.5, 1).
  assert.ok(Math.abs(inquiries / 20_000 - 4 / 3) < 0.03, `${inquiries}`);
});

test('with the warm ones ejected the new ones do not throw dice in vain', () => {
  const set = wholeSet([1, 1]);
  const random = seeded(7);
  const balancer = new SlowStart(createRoundRobin(set, random), set, [-60_000, 0], policy, random);
  set.available[0] = 0;
  balancer.refresh(0);
  assert.deepEqual(countPicks(balancer, 2, 10), [0, 10]);
});

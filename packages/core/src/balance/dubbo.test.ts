import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  assertDistribution,
  countPicks,
  seeded,
  testBalancer,
  wholeSet,
} from '@portolan/testkit/balancer-suite.ts';
import { fakeClock } from '@portolan/testkit/fake-clock.ts';
import { createDubboLeastActive } from './dubbo-least-active.ts';
import { createDubboShortestResponse } from './dubbo-shortest-response.ts';
import { dubboWarmUpWeight } from './dubbo-warm-up.ts';

testBalancer('Dubbo least active', createDubboLeastActive, { sigmas: 3 });
testBalancer('Dubbo shortest response', createDubboShortestResponse, { sigmas: 3 });

test('Dubbo least active: weight decides among the least active only', () => {
  const set = wholeSet([100, 1, 3]);
  set.loads[0]?.started();
  assertDistribution(countPicks(createDubboLeastActive(set, seeded(1)), 3, 20_000), [0, 1, 3], 3);
});

test('Dubbo: a weight of 0 gets nothing beside another, and its turn when all have 0', () => {
  const mixed = createDubboLeastActive(wholeSet([0, 2]), seeded(1));
  assert.deepEqual(countPicks(mixed, 2, 100), [0, 100]);
  const none = createDubboLeastActive(wholeSet([0, 0]), seeded(1));
  assertDistribution(countPicks(none, 2, 10_000), [1, 1], 3);
});

test('Dubbo shortest response: average of successes × (active + 1)', () => {
  const set = wholeSet([1, 1]);
  const clock = fakeClock();
  const [fast, slow] = set.loads;
  assert.ok(fast !== undefined && slow !== undefined);
  const answer = (load: typeof fast, elapsedMs: number, succeeded = true): void => {
    load.started();
    load.observed(elapsedMs, succeeded, 0);
    load.ended();
  };
  answer(fast, 10);
  answer(fast, 21); // 15.5, in Java 15
  answer(fast, 9_000, false);
  answer(slow, 30);
  const balancer = createDubboShortestResponse(set, seeded(1), clock);
  assert.deepEqual(countPicks(balancer, 2, 20), [20, 0]);
  fast.started(); // 15 × 2 = 30 × 1: a tie
  assertDistribution(countPicks(balancer, 2, 10_000), [1, 1], 3);
  fast.started();
  assert.deepEqual(countPicks(balancer, 2, 20), [0, 20]);
  clock.advance(30_001);
  assert.equal(balancer.pick(), 1, 'the pick that notices still sees the old window');
  assertDistribution(countPicks(balancer, 2, 10_000), [1, 1], 3);
});

test('Dubbo shortest response: the window goes on when endpoints change', () => {
  const set = wholeSet([1, 1]);
  const clock = fakeClock();
  createDubboShortestResponse(set, seeded(1), clock);
  clock.advance(20_000);
  createDubboShortestResponse(set, seeded(1), clock);
  assert.equal(set.clusterLoad.slidAtMs, 0);
});

test('Dubbo warm-up: from 1 to the weight in ten minutes', () => {
  const at = (minutes: number): number => dubboWarmUpWeight(minutes * 60_000);
  assert.deepEqual([-1, 0, 1, 5, 9.99, 10, 60].map(at), [1, 100, 10, 50, 99, 100, 100]);
  assert.equal(dubboWarmUpWeight(1), 1);
  assert.equal(dubboWarmUpWeight(300_000, 0), 0);
});

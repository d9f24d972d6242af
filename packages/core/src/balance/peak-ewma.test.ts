import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countPicks, seeded, testBalancer, wholeSet } from '@portolan/testkit/balancer-suite.ts';
import { fakeClock } from '@portolan/testkit/fake-clock.ts';
import { createPeakEwma } from './peak-ewma.ts';
import { PeakLatency } from './peak-latency.ts';

testBalancer('peak EWMA', createPeakEwma, { sigmas: 3 });

function answered(set: ReturnType<typeof wholeSet>, index: number, elapsedMs: number): void {
  set.loads[index]?.started();
  set.loads[index]?.observed(elapsedMs, true, 0);
  set.loads[index]?.ended();
}

test('peak EWMA: the quicker of two, until its queue makes it dearer', () => {
  const set = wholeSet([1, 1]);
  answered(set, 0, 10);
  answered(set, 1, 35);
  const balancer = createPeakEwma(set, seeded(1), fakeClock());
  const order: number[] = [];
  for (let request = 0; request < 6; request++) {
    const index = balancer.pick();
    order.push(index);
    set.loads[index]?.started();
  }
  // 10, 20, 30, (40 : 35), 40, 50
  assert.deepEqual(order, [0, 0, 0, 1, 0, 0]);
});

test('peak EWMA: weight makes it cheaper', () => {
  const set = wholeSet([1, 4]);
  answered(set, 0, 10);
  answered(set, 1, 35);
  assert.deepEqual(countPicks(createPeakEwma(set, seeded(1), fakeClock()), 2, 100), [0, 100]);
});

test('peak EWMA: an unknown endpoint gets one request until it has answered', () => {
  const set = wholeSet([1, 1]);
  answered(set, 0, 50);
  const balancer = createPeakEwma(set, seeded(1), fakeClock());
  assert.equal(balancer.pick(), 1);
  set.loads[1]?.started();
  assert.deepEqual(countPicks(balancer, 2, 50), [50, 0]);
});

test('peak EWMA: the average follows a rise at once and a fall by e^(−Δt/10 s)', () => {
  const latency = new PeakLatency();
  latency.observe(20, 0);
  latency.observe(100, 1_000);
  assert.equal(latency.averageMs(1_000), 100);
  latency.observe(50, 11_000);
  const expected = 100 * Math.exp(-1) + 50 * (1 - Math.exp(-1));
  assert.ok(Math.abs(latency.averageMs(11_000) - expected) < 1e-9);
  assert.ok(Math.abs(latency.averageMs(21_000) - expected * Math.exp(-1)) < 1e-9);
});

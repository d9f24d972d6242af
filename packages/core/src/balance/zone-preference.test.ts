import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  assertDistribution,
  countPicks,
  seeded,
  testBalancer,
  wholeSet,
} from '@portolan/testkit/balancer-suite.ts';
import fc from 'fast-check';
import { priorityLoads } from './priority-loads.ts';
import { createRandom } from './random.ts';
import { ZonePreference } from './zone-preference.ts';

testBalancer(
  'zone preference, all in the own zone',
  (set, random) =>
    new ZonePreference(
      set,
      set.ids.map(() => 'here'),
      'here',
      createRandom,
      random,
    ),
  { sigmas: 3 },
);

test('loads of two levels are those of Envoy’s table', () => {
  const at = (own: number, other = 100): number[] => priorityLoads([own, other], [100, 100]);
  // Healthy percentage of level 0: load of either level.
  assert.deepEqual(
    [100, 72, 71, 50, 25, 0].map((own) => at(own)),
    [
      [100, 0],
      [100, 0],
      [99, 1],
      [70, 30],
      [35, 65],
      [0, 100],
    ],
  );
  assert.deepEqual(at(25, 25), [50, 50]);
  assert.deepEqual(at(0, 0), [0, 0]);
  assert.deepEqual(priorityLoads([0, 3], [0, 3]), [0, 100]);
});

test('loads are whole, together 100 unless nothing is healthy', () => {
  const levels = fc.array(fc.tuple(fc.nat(50), fc.nat(50)), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(levels, (some) => {
      const healthy = some.map(([left, right]) => Math.min(left, right));
      const loads = priorityLoads(
        healthy,
        some.map(([left, right]) => Math.max(left, right)),
      );
      const sum = loads.reduce((all, load) => all + load, 0);
      assert.equal(
        sum,
        healthy.some((count, level) => Math.floor((140 * count) / Math.max(...(some[level] ?? [1]))) > 0)
          ? 100
          : 0,
      );
      assert.ok(
        loads.every(
          (load, level) => Number.isInteger(load) && load >= 0 && (load === 0 || (healthy[level] ?? 0) > 0),
        ),
      );
    }),
  );
});

test('requests stay in the zone, spill over as its health falls, and come back', () => {
  const set = wholeSet([1, 1, 1, 1, 1, 1]);
  const zones = ['here', 'here', 'here', 'here', 'there', 'elsewhere'];
  const balancer = new ZonePreference(set, zones, 'here', createRandom, seeded(1));
  assert.deepEqual(countPicks(balancer, 6, 100).slice(4), [0, 0]);
  set.available.set([0, 0, 1, 1, 1, 1]);
  balancer.refresh(0);
  assert.equal(balancer.ownPercent, 70);
  assertDistribution(countPicks(balancer, 6, 20_000), [0, 0, 35, 35, 15, 15], 3);
  set.available.set([0, 0, 0, 0, 1, 1]);
  balancer.refresh(0);
  assertDistribution(countPicks(balancer, 6, 1_000), [0, 0, 0, 0, 1, 1], 3);
  set.available.fill(1);
  balancer.refresh(0);
  assert.equal(balancer.ownPercent, 100);
});

test('nobody in the own zone: the others', () => {
  const set = wholeSet([1, 1]);
  assert.deepEqual(
    countPicks(new ZonePreference(set, ['a', 'a'], 'b', createRandom, seeded(1)), 2, 100).map(Math.sign),
    [1, 1],
  );
});

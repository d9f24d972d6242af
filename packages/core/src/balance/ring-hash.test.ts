import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded, testBalancer, wholeSet } from '@portolan/testkit/balancer-suite.ts';
import { hashKey } from './hash-key.ts';
import { createRingHash } from './ring-hash.ts';

// 256 points: one σ of a share is 6 % of it; nothing moves without need.
testBalancer('ring hash', (set, random) => createRingHash(set, random), {
  sigmas: 3,
  keyed: { shareTolerance: 0.19, disruption: 0 },
});

test('ring hash: with a bound nobody has more than his share, and no key is refused', () => {
  const set = wholeSet([2, 1, 1]);
  const balancer = createRingHash(set, seeded(1), 125);
  const home = balancer.pick(hashKey('everybody'));
  for (let request = 1; request <= 400; request++) {
    set.loads[balancer.pick(hashKey('everybody'))]?.started();
    const slots = Math.ceil(request * 1.25);
    for (const [index, weight] of set.weights.entries()) {
      assert.ok((set.loads[index]?.active ?? 0) <= Math.max(1, Math.ceil((slots * weight) / 4)));
    }
  }
  for (const load of set.loads) while (load.active > 0) load.ended();
  assert.equal(balancer.pick(hashKey('everybody')), home);
});

test('ring hash: with a bound the share of the ejected goes to the rest', () => {
  const set = wholeSet([1, 1, 1, 1]);
  const balancer = createRingHash(set, seeded(1), 100);
  set.available.set([0, 0, 1, 1]);
  balancer.refresh?.(0);
  for (let request = 0; request < 100; request++) set.loads[balancer.pick(7)]?.started();
  assert.deepEqual(
    set.loads.map((load) => load.active),
    [0, 0, 50, 50],
  );
});

test('ring hash: ten thousand endpoints, or weights far apart, all have a point', () => {
  const many = wholeSet(new Array<number>(10_000).fill(1));
  const balancer = createRingHash(many, seeded(1));
  const owners = new Set(Array.from({ length: 200_000 }, (_, key) => balancer.pick(hashKey(`${key}`))));
  assert.ok(owners.size > 9_500, `${owners.size}`);
  const uneven = wholeSet([1, 65_535]);
  assert.equal(createRingHash(uneven, seeded(1)).pick(1), 1);
});

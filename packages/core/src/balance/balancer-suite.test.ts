import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BalancerFactory, BalanceSet } from './balancer.ts';

/** What a balancer promises beyond picking only what is available. */
export interface BalancerTraits {
  /**
   * How far the count of picks may be from the share that the weight gives, in standard deviations of independent picks; 0: exactly
   * the share over whole rounds.
   */
  readonly sigmas: number;
}

const setOf = (weights: readonly number[]): BalanceSet => ({
  size: weights.length,
  weights,
  available: new Uint8Array(weights.length).fill(1),
});

/** Numbers in [0, 1) that are the same in every run. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** What every balancer does; each implementation's test calls this. */
export function testBalancer(name: string, create: BalancerFactory, traits: BalancerTraits): void {
  const weightSets = [[1], [1, 1], [1, 1, 1, 1, 1], [5, 1, 1], [100, 1], [3, 2, 7, 1]];

  test(`${name}: picks are distributed by weight`, () => {
    for (const weights of weightSets) {
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      const rounds = Math.ceil(20_000 / total);
      const balancer = create(setOf(weights), seeded(7));
      const counts = weights.map(() => 0);
      for (let index = 0; index < rounds * total; index++) {
        const picked = balancer.pick();
        counts[picked] = (counts[picked] ?? 0) + 1;
      }
      for (const [index, weight] of weights.entries()) {
        const share = weight / total;
        const sigma = Math.sqrt(rounds * total * share * (1 - share));
        const off = Math.abs((counts[index] ?? 0) - rounds * weight);
        assert.ok(off <= traits.sigmas * sigma, `${weights}: ${counts}`);
      }
    }
  });

  test(`${name}: only what is available is picked, and its share goes to the others`, () => {
    const set = setOf([1, 1, 1, 1]);
    const balancer = create(set, seeded(3));
    set.available[1] = 0;
    const picked = new Set(Array.from({ length: 200 }, () => balancer.pick()));
    assert.deepEqual([...picked].sort(), [0, 2, 3]);
    set.available[1] = 1;
    assert.ok(Array.from({ length: 200 }, () => balancer.pick()).includes(1));
  });

  test(`${name}: -1 when nothing is available or nothing is there`, () => {
    const set = setOf([1, 1]);
    set.available.fill(0);
    assert.equal(create(set, seeded(1)).pick(), -1);
    assert.equal(create(setOf([]), seeded(1)).pick(), -1);
  });

  test(`${name}: a pick allocates nothing`, () => {
    const balancer = create(setOf([3, 2, 1, 1]), seeded(1));
    let sum = 0;
    const pickMany = (): void => {
      for (let index = 0; index < 200_000; index++) sum += balancer.pick();
    };
    pickMany();
    const before = process.memoryUsage().heapUsed;
    pickMany();
    const grown = process.memoryUsage().heapUsed - before;
    assert.ok(grown < 400_000, `${grown} bytes for 200,000 picks`);
    assert.ok(sum > 0);
  });
}

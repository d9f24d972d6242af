import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded, testBalancer } from '@portolan/testkit/balancer-suite.ts';
import fc from 'fast-check';
import { createRoundRobin, smoothSequence } from './round-robin.ts';

testBalancer('round robin', createRoundRobin, { sigmas: 0 });

test('round robin: weights are spread smoothly, as in nginx', () => {
  assert.deepEqual([...smoothSequence([5, 1, 1])], [0, 0, 1, 0, 2, 0, 0]);
});

test('round robin: weights with a common divisor need no longer a sequence', () => {
  assert.equal(smoothSequence([100, 200]).length, 3);
});

test('round robin: huge and odd weights are scaled, and none is left out', () => {
  const sequence = smoothSequence([1_000_003, 1, 999_983]);
  assert.ok(sequence.length < 9_000);
  assert.deepEqual([...new Set(sequence)].sort(), [0, 1, 2]);
});

test('round robin: starts at a random place', () => {
  const set = { size: 4, weights: [1, 1, 1, 1], available: new Uint8Array(4).fill(1) };
  const random = seeded(5);
  const firsts = new Set(Array.from({ length: 50 }, () => createRoundRobin(set, random).pick()));
  assert.equal(firsts.size, 4);
});

test('round robin: the sequence is the one that nginx’s algorithm gives', () => {
  const weights = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 30 });
  fc.assert(
    // A weight of 1 keeps the sequence from being shortened.
    fc.property(weights, (some) => assert.deepEqual([...smoothSequence([...some, 1])], naive([...some, 1]))),
  );
});

function naive(weights: readonly number[]): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const current = weights.map(() => 0);
  return Array.from({ length: total }, () => {
    for (const [index, weight] of weights.entries()) current[index] = (current[index] ?? 0) + weight;
    const best = current.indexOf(Math.max(...current));
    current[best] = (current[best] ?? 0) - total;
    return best;
  });
}

test('round robin: ten thousand equal weights go round in order', () => {
  const sequence = smoothSequence(new Array<number>(10_000).fill(100));
  assert.deepEqual([...sequence], [...sequence.keys()]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fillAvailable, rank } from './panic.ts';

const { healthy, suspected, refusing, draining, never } = rank;

function asked(ranks: readonly number[], thresholdPercent?: number): [number[], boolean] {
  const available = new Uint8Array(ranks.length).fill(7);
  const { count, panic } = fillAvailable(Uint8Array.from(ranks), available, thresholdPercent);
  assert.equal(
    count,
    available.reduce((sum, one) => sum + one, 0),
  );
  return [[...available], panic];
}

test('at half of them healthy the healthy ones are asked, below half everybody', () => {
  assert.deepEqual(asked([healthy, suspected, healthy, suspected]), [[1, 0, 1, 0], false]);
  assert.deepEqual(asked([healthy, suspected, suspected]), [[1, 1, 1], true]);
  assert.deepEqual(asked([suspected, suspected]), [[1, 1], true]);
});

test('who refuses connections counts on neither side, and is asked when nobody else is there', () => {
  assert.deepEqual(asked([healthy, refusing, refusing]), [[1, 0, 0], false]);
  assert.deepEqual(asked([suspected, refusing]), [[1, 0], true]);
  assert.deepEqual(asked([refusing, draining]), [[1, 0], false]);
});

test('the draining come last, and some never', () => {
  assert.deepEqual(asked([draining, never]), [[1, 0], false]);
  assert.deepEqual(asked([never]), [[0], false]);
  assert.deepEqual(asked([healthy, draining]), [[1, 0], false]);
});

test('a threshold of 0 asks nobody rather than the suspected', () => {
  assert.deepEqual(asked([suspected, refusing], 0), [[0, 0], false]);
  assert.deepEqual(asked([draining], 0), [[1], false]);
});

test('another threshold is another threshold', () => {
  assert.deepEqual(asked([healthy, healthy, suspected], 70), [[1, 1, 1], true]);
  assert.deepEqual(asked([healthy, suspected, suspected], 30), [[1, 0, 0], false]);
});

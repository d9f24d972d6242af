import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fillAvailable } from './panic.ts';

function filled(healthy: readonly number[], thresholdPercent?: number): [boolean, number[]] {
  const available = new Uint8Array(healthy.length);
  const panic = fillAvailable(Uint8Array.from(healthy), available, thresholdPercent);
  return [panic, [...available]];
}

test('below half healthy everyone is asked, from half on the healthy ones', () => {
  assert.deepEqual(filled([1, 0, 0]), [true, [1, 1, 1]]);
  assert.deepEqual(filled([1, 0]), [false, [1, 0]]);
  assert.deepEqual(filled([0, 0]), [true, [1, 1]]);
  assert.deepEqual(filled([]), [false, []]);
});

test('the threshold can be moved and turned off', () => {
  assert.deepEqual(filled([1, 0, 0], 30), [false, [1, 0, 0]]);
  assert.deepEqual(filled([0, 0], 0), [false, [0, 0]]);
  assert.deepEqual(filled([1, 1, 0], 100), [true, [1, 1, 1]]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '@portolan/testkit/balancer-suite.ts';
import { backOffDefaults, retryBackOffMs } from './retry-back-off.ts';

test('the longest pause doubles from 25 ms to 250 ms', () => {
  const longest = [1, 2, 3, 4, 5, 6, 1_000].map((retry) => retryBackOffMs(retry, backOffDefaults, () => 1));
  assert.deepEqual(longest, [25, 50, 100, 200, 250, 250, 250]);
});

test('the pause is spread over the whole of it', () => {
  const random = seeded(1);
  const pauses = Array.from({ length: 10_000 }, () => retryBackOffMs(2, backOffDefaults, random));
  const mean = pauses.reduce((sum, pause) => sum + pause, 0) / pauses.length;
  // σ of the mean of 10,000 uniform numbers below 50.
  assert.ok(Math.abs(mean - 25) < (3 * 50) / Math.sqrt(12 * 10_000), `${mean}`);
  assert.ok(Math.min(...pauses) < 1 && Math.max(...pauses) > 49);
});

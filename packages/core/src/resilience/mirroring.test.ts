import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '@portolan/testkit/balancer-suite.ts';
import { mirrorHost, shouldMirror } from './mirroring.ts';

test('the percentage of requests is copied', () => {
  const random = seeded(1);
  let copied = 0;
  for (let request = 0; request < 10_000; request++) {
    if (shouldMirror({ cluster: 'next', percent: 5 }, { bodyBytes: 0, maxBodyBytes: 0 }, random)) copied++;
  }
  assert.ok(Math.abs(copied - 500) < 3 * Math.sqrt(10_000 * 0.05 * 0.95), `${copied}`);
});

test('bodies too long or of unknown length are not copied', () => {
  const at = (bodyBytes: number | undefined) =>
    shouldMirror({ cluster: 'next', percent: 100 }, { bodyBytes, maxBodyBytes: 1_024 }, () => 0);
  assert.deepEqual([at(0), at(1_024), at(1_025), at(undefined)], [true, true, false, false]);
  assert.equal(
    shouldMirror({ cluster: 'next', percent: 0 }, { bodyBytes: 0, maxBodyBytes: 1 }, () => 0),
    false,
  );
});

test('the copy’s host tells that it is one', () => {
  assert.deepEqual(['a.test', 'a.test:80', '[::1]:80', '[::1]', '::1'].map(mirrorHost), [
    'a.test-shadow',
    'a.test-shadow:80',
    '[::1]-shadow:80',
    '[::1]-shadow',
    '::1-shadow',
  ]);
});

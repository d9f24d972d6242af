import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertDistribution, seeded } from '@portolan/testkit/balancer-suite.ts';
import { drawFault } from './fault-injection.ts';

test('delay and abort are drawn independently', () => {
  const random = seeded(1);
  const policy = { delay: { percent: 50, delayMs: 100 }, abort: { percent: 20, status: 503 } };
  const counts = [0, 0, 0, 0];
  for (let request = 0; request < 20_000; request++) {
    const { delayMs, abortStatus } = drawFault(policy, 0, random);
    const kind = (delayMs === 100 ? 1 : 0) + (abortStatus === 503 ? 2 : 0);
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  assertDistribution(counts, [40, 40, 10, 10], 3);
});

test('0 % never, 100 % always, and none above the number at once', () => {
  const at = (percent: number, active: number) =>
    drawFault({ abort: { percent, status: 500 }, maxActive: 2 }, active, () => 0.999_999).abortStatus;
  assert.deepEqual([at(0, 0), at(100, 0), at(100, 1), at(100, 2)], [0, 500, 500, 0]);
  assert.deepEqual(
    drawFault({}, 0, () => 0),
    { delayMs: 0, abortStatus: 0 },
  );
});

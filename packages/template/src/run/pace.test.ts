import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pace } from './pace.ts';

/** How many renderings changes every `everyMs` for `forMs` make. */
function renderings(everyMs: number, forMs: number): number {
  const pace = new Pace();
  let count = 0;
  let dueMs: number | undefined;
  for (let now = 0; now <= forMs; now++) {
    if (now % everyMs === 0) dueMs ??= now + pace.waitMs(now);
    if (dueMs === undefined || now < dueMs) continue;
    pace.note(now);
    count++;
    dueMs = undefined;
  }
  return count;
}

test('changes that are apart do not wait', () => {
  assert.equal(renderings(200, 10_000), 51);
  assert.equal(renderings(60, 6000), 101);
});

test('a burst makes few renderings, however long it lasts', () => {
  assert.ok(renderings(1, 2000) <= 46, `${renderings(1, 2000)}`);
  assert.ok(renderings(1, 20_000) <= 406, `${renderings(1, 20_000)}`);
});

test('after a burst the next change goes at once', () => {
  const pace = new Pace();
  for (let now = 0; now < 10; now++) pace.note(now);
  assert.ok(pace.waitMs(10) > 40);
  assert.equal(pace.waitMs(1000), 0);
});

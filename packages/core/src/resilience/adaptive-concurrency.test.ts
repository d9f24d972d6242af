import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AdaptiveConcurrency, adaptiveDefaults, nextLimit } from './adaptive-concurrency.ts';
import { SampleWindow } from './sample-window.ts';

test('the limit is limit × gradient + its root, gradient = best × 1.25 ÷ latency in 0.5 … 2', () => {
  const at = (limit: number, bestMs: number, latencyMs: number): number =>
    nextLimit(limit, bestMs, latencyMs, adaptiveDefaults);
  assert.equal(at(100, 10, 12.5), 110); // 100 + 10
  assert.equal(at(100, 10, 25), 57); // 50 + 7.07
  assert.equal(at(100, 10, 1_000), 57); // no steeper
  assert.equal(at(50, 10, 1), 110); // 100 + 10
  assert.equal(at(900, 10, 10), 1_000);
  assert.equal(at(3, 10, 1_000), 3); // 1.5 + 1.22, below the least
  assert.equal(at(8, 0, 0), 20); // 16 + 4
});

/** Sends `count` requests one after the other that take `latencyMs` each. */
function serve(control: AdaptiveConcurrency, fromMs: number, count: number, latencyMs: number): number {
  let nowMs = fromMs;
  for (let request = 0; request < count; request++) {
    const startedMs = nowMs;
    assert.ok(control.acquire(nowMs));
    nowMs += latencyMs;
    control.release(startedMs, nowMs);
  }
  return nowMs;
}

test('it begins with a measurement at the lowest limit, then grows while latency stays good', () => {
  const control = new AdaptiveConcurrency(adaptiveDefaults, () => 0, 0);
  assert.deepEqual(
    [0, 0, 0, 0].map((nowMs) => control.acquire(nowMs)),
    [true, true, true, false],
  );
  for (let request = 0; request < 3; request++) control.cancel();
  const measuredMs = serve(control, 0, 49, 10);
  assert.ok(control.measuring);
  const nowMs = serve(control, measuredMs, 1, 10);
  assert.deepEqual([control.measuring, control.limit, nowMs], [false, 3, 500]);
  serve(control, nowMs, 10, 10); // one window of 100 ms: 3 × 1.25 + 1.94
  assert.equal(control.limit, 5);
});

test('it shrinks when latency rises, and measures anew when that does not help', () => {
  const control = new AdaptiveConcurrency(adaptiveDefaults, () => 0, 0);
  let nowMs = serve(control, 0, 50, 10);
  nowMs = serve(control, nowMs, 200, 10);
  const grown = control.limit;
  assert.ok(grown > 50, `${grown}`);
  nowMs = serve(control, nowMs, 1, 200);
  assert.ok(control.limit < grown);
  for (let window = 0; window < 40 && !control.measuring; window++) nowMs = serve(control, nowMs, 1, 200);
  assert.ok(control.measuring);
  serve(control, nowMs, 50, 200); // 200 ms is the best now
  assert.ok(!control.measuring);
});

test('the best latency is measured again after a minute, and the limit comes back', () => {
  const control = new AdaptiveConcurrency({ ...adaptiveDefaults, jitterPercent: 10 }, () => 0.5, 0);
  let nowMs = serve(control, 0, 50, 10);
  nowMs = serve(control, nowMs, 100, 10);
  const { limit } = control;
  assert.ok(control.acquire(500 + 62_999));
  assert.equal(control.measuring, false);
  control.cancel();
  const again = limit === control.limit ? limit : control.limit;
  assert.ok(control.acquire(500 + 63_000));
  assert.deepEqual([control.measuring, control.limit], [true, 3]);
  control.release(nowMs, 500 + 63_010); // asked before: does not count
  const lastMs = serve(control, 500 + 63_010, 49, 10);
  assert.ok(control.measuring);
  serve(control, lastMs, 1, 10);
  assert.deepEqual([control.measuring, control.limit], [false, again]);
});

test('never more under way than allowed, never a limit out of bounds, no count lost', () => {
  const step = fc.tuple(fc.constantFrom('acquire', 'release', 'cancel'), fc.nat(80));
  const policy = { ...adaptiveDefaults, measureCount: 5, maxConcurrency: 10, measureMs: 1_000 };
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const control = new AdaptiveConcurrency(policy, () => 0.3, 0);
      const started: number[] = [];
      let nowMs = 0;
      for (const [what, pauseMs] of steps) {
        nowMs += pauseMs;
        if (what === 'acquire') {
          if (control.acquire(nowMs)) {
            started.push(nowMs);
            assert.ok(started.length <= control.limit);
          }
        } else {
          const startedMs = started.shift();
          if (startedMs === undefined) continue;
          if (what === 'release') control.release(startedMs, nowMs);
          else control.cancel();
        }
        assert.equal(control.underWay, started.length);
        assert.ok(control.limit >= 3 && control.limit <= 10);
      }
    }),
  );
});

test('a percentile is a sample of the window', () => {
  const window = new SampleWindow();
  assert.equal(window.percentile(50), 0);
  for (const sample of [40, 10, 30, 20]) window.add(sample);
  assert.deepEqual(
    [0, 25, 50, 75, 99, 100].map((percent) => window.percentile(percent)),
    [10, 10, 20, 30, 40, 40],
  );
  for (let sample = 0; sample < 2_000; sample++) window.add(7);
  assert.equal(window.percentile(100), 7);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { newOutlierRecord, type Outcome, OutlierDetector } from './outlier.ts';

const policy = {
  consecutiveLocalFailures: 3,
  consecutive5xx: 5,
  baseEjectionMs: 30_000,
  maxEjectionMs: 300_000,
  maxEjectionPercent: 10,
};

function detectorWith(size: number) {
  const detector = new OutlierDetector(policy);
  const records = Array.from({ length: size }, newOutlierRecord);
  const at = (index: number) => records[index] ?? newOutlierRecord();
  const report = (index: number, outcome: Outcome, nowMs = 0) =>
    detector.report(at(index), outcome, size, nowMs);
  return { detector, at, report };
}

test('five 5xx in a row eject, four and a success do not', () => {
  const { report } = detectorWith(10);
  for (let index = 0; index < 4; index++) assert.equal(report(0, 'server-error'), false);
  report(0, 'ok');
  for (let index = 0; index < 4; index++) assert.equal(report(0, 'server-error'), false);
  assert.equal(report(0, 'server-error'), true);
});

test('local failures have a count of their own, which an answer of any kind ends', () => {
  const { report } = detectorWith(10);
  report(0, 'local-failure');
  report(0, 'local-failure');
  report(0, 'server-error');
  assert.equal(report(0, 'local-failure'), false);
  report(0, 'local-failure');
  assert.equal(report(0, 'local-failure'), true);
});

test('who hangs does not come back for taking a connection, and who was unreachable does', () => {
  for (const [outcome, back] of [
    ['no-answer', false],
    ['local-failure', true],
    ['refused', true],
  ] as const) {
    const { detector, at, report } = detectorWith(3);
    for (let times = 0; times < 3; times++) report(0, outcome);
    assert.equal(at(0).state.kind, 'ejected');
    assert.equal(detector.probed(at(0)), back);
  }
});

test('what is told never to eject does not, on trial neither', () => {
  const off = new OutlierDetector({ ...policy, consecutive5xx: 0, consecutiveLocalFailures: 0 });
  const record = newOutlierRecord();
  for (const state of ['in', 'trial'] as const) {
    record.state = { kind: state };
    for (const outcome of ['server-error', 'gateway-error', 'local-failure', 'refused'] as const) {
      for (let times = 0; times < 10; times++) assert.equal(off.report(record, outcome, 3, 0), false);
    }
  }
});

test('a refused connection ejects at once, however many are ejected already', () => {
  const { detector, report } = detectorWith(3);
  assert.deepEqual(
    [0, 1, 2].map((index) => report(index, 'refused')),
    [true, true, true],
  );
  assert.equal(detector.ejected, 3);
});

test('no more than the allowed share is ejected for its answers, but one always may be', () => {
  const { report } = detectorWith(3);
  const fail = (index: number) =>
    Array.from({ length: 5 }, () => report(index, 'server-error')).includes(true);
  assert.deepEqual([fail(0), fail(1), fail(2)], [true, false, false]);
  const twenty = detectorWith(20);
  const ejected = Array.from({ length: 20 }, (_, index) =>
    Array.from({ length: 5 }, () => twenty.report(index, 'server-error')).includes(true),
  );
  assert.equal(ejected.filter((is) => is).length, 2);
});

test('each ejection is longer than the last, up to the longest; good behaviour shortens the next', () => {
  const { detector, at, report } = detectorWith(2);
  const lengths: number[] = [];
  let nowMs = 0;
  for (let round = 0; round < 12; round++) {
    report(0, 'refused', nowMs);
    const { state } = at(0);
    assert.equal(state.kind, 'ejected');
    if (state.kind !== 'ejected') return;
    lengths.push(state.untilMs - nowMs);
    assert.equal(detector.expire(at(0), state.untilMs - 1), false);
    nowMs = state.untilMs;
    assert.equal(detector.expire(at(0), nowMs), true);
  }
  assert.deepEqual(lengths.slice(0, 3), [30_000, 60_000, 90_000]);
  assert.equal(lengths.at(-1), 300_000);
  report(0, 'ok', nowMs);
  assert.deepEqual([at(0).state.kind, at(0).ejections], ['in', 11]);
});

test('on trial one failure is enough', () => {
  const { detector, at, report } = detectorWith(2);
  report(0, 'refused');
  detector.expire(at(0), 30_000);
  assert.equal(at(0).state.kind, 'trial');
  assert.equal(report(0, 'server-error', 30_000), true);
});

test('a probe brings back what was unreachable, not what answered badly', () => {
  const { detector, at, report } = detectorWith(10);
  report(0, 'refused');
  assert.equal(detector.probed(at(0)), true);
  for (let index = 0; index < 5; index++) report(1, 'server-error');
  assert.equal(detector.probed(at(1)), false);
});

test('gateway failures eject by a count of their own when that is enforced, and not by default', () => {
  const gentle = { ...policy, consecutive5xx: 100 };
  const ejects = (detector: OutlierDetector, outcomes: readonly Outcome[]): boolean => {
    const record = newOutlierRecord();
    return outcomes.map((outcome) => detector.report(record, outcome, 10, 0)).includes(true);
  };
  const five = new Array<Outcome>(5).fill('gateway-error');
  assert.equal(ejects(new OutlierDetector(gentle), five), false);
  const strict = () => new OutlierDetector(gentle, { consecutive: 5, enforcingPercent: 100 }, () => 0.99);
  assert.equal(ejects(strict(), five), true);
  assert.equal(ejects(strict(), five.slice(1)), false);
  const interrupted = (by: Outcome): Outcome[] => [...five.slice(1), by, ...five.slice(1)];
  assert.equal(ejects(strict(), interrupted('server-error')), false);
  assert.equal(ejects(strict(), interrupted('ok')), false);
});

test('gateway failures count as 5xx too', () => {
  const { detector, at, report } = detectorWith(10);
  const five: Outcome[] = ['gateway-error', 'server-error', 'gateway-error', 'server-error', 'gateway-error'];
  assert.deepEqual(
    five.map((outcome) => report(0, outcome)),
    [false, false, false, false, true],
  );
  assert.equal(detector.probed(at(0)), false);
});

test('an endpoint that was found out by comparison is ejected within the allowed share', () => {
  const { detector, at } = detectorWith(10);
  assert.equal(detector.eject(at(0), 'server-error', 10, 0), true);
  assert.equal(detector.eject(at(0), 'server-error', 10, 0), false);
  assert.equal(detector.eject(at(1), 'server-error', 10, 0), false);
  assert.equal(detector.ejected, 1);
});

test('the count of ejected endpoints is right after any sequence', () => {
  const step = fc.tuple(
    fc.nat(4),
    fc.constantFrom<Outcome | 'expire' | 'probe' | 'compare'>(
      'ok',
      'gateway-error',
      'compare',
      'server-error',
      'refused',
      'local-failure',
      'expire',
      'probe',
    ),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const { detector, at, report } = detectorWith(5);
      for (const [index, [endpoint, what]] of steps.entries()) {
        if (what === 'expire') detector.expire(at(endpoint), index * 10_000);
        else if (what === 'probe') detector.probed(at(endpoint));
        else if (what === 'compare') detector.eject(at(endpoint), 'server-error', 5, index * 10_000);
        else report(endpoint, what, index * 10_000);
      }
      const ejected = [0, 1, 2, 3, 4].filter((index) => at(index).state.kind === 'ejected');
      assert.equal(detector.ejected, ejected.length);
    }),
  );
});

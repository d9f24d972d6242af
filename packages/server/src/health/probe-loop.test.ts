import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FakeClock, fakeClock } from '@portolan/testkit/fake-clock.ts';
import { createActiveTime } from './active-time.ts';
import type { ProbeResult, Prober } from './probe.ts';
import { ProbeLoop, ProbeTask } from './probe-loop.ts';

interface Target {
  readonly task: ProbeTask;
  /** Runs started. */
  started: number;
  results: ProbeResult[];
  cancelled: number;
  /** Ends the run under way; undefined: none is. */
  answer: ((status: ProbeResult['status']) => void) | undefined;
}

interface Setup {
  readonly clock: FakeClock;
  readonly loop: ProbeLoop;
}

/** Numbers that look random and are the same each time. */
function seeded(): () => number {
  let state = 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

function setup(maxRunning = 512): Setup {
  const clock = fakeClock();
  const time = createActiveTime(clock);
  const loop = new ProbeLoop({ time, random: seeded(), maxRunning });
  time.start((nowMs) => loop.advanceTo(nowMs));
  return { clock, loop };
}

/** A task whose target answers at once, or only when the test says so. */
function target(
  answers: 'at once' | 'on demand' = 'at once',
  intervalMs = 10_000,
  timeoutMs = 5_000,
): Target {
  const prober: Prober = {
    start(done) {
      made.started += 1;
      const finish = (status: ProbeResult['status']): void => {
        made.answer = undefined;
        done({ status, output: '' });
      };
      made.answer = finish;
      if (answers === 'at once') queueMicrotask(() => made.answer?.('passing'));
      return {
        timeOut: () => made.answer?.('critical'),
        cancel: () => {
          made.cancelled += 1;
          made.answer = undefined;
        },
      };
    },
  };
  const task = new ProbeTask(prober, { intervalMs, timeoutMs }, (result) => made.results.push(result));
  const made: Target = { task, started: 0, results: [], cancelled: 0, answer: undefined };
  return made;
}

/** Lets time pass in steps, so that answers that come "at once" do. */
async function pass(clock: FakeClock, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 50) {
    clock.advance(Math.min(50, left));
    await Promise.resolve();
    await Promise.resolve();
  }
}

test('a new check is probed at once and then once an interval', async () => {
  const { clock, loop } = setup();
  const one = target();
  loop.soon(one.task);
  await pass(clock, 150);
  assert.equal(one.started, 1);
  await pass(clock, 10_000);
  assert.equal(one.started, 2);
  await pass(clock, 50_000);
  assert.equal(one.started, 7);
});

test('known checks start spread over their interval', async () => {
  const { clock, loop } = setup();
  const many = Array.from({ length: 1_000 }, () => target());
  for (const one of many) loop.add(one.task);
  const perSecond: number[] = [];
  for (let second = 0, before = 0; second < 10; second += 1) {
    await pass(clock, 1_000);
    const started = many.reduce((sum, one) => sum + one.started, 0);
    perSecond.push(started - before);
    before = started;
  }
  assert.ok(Math.max(...perSecond) < 200, `in each second: ${perSecond}`);
  assert.ok(many.filter((one) => one.started > 0).length > 950);
});

test('never more run than allowed, new ones take three quarters, and all get their turn', async () => {
  const { clock, loop } = setup(8);
  const many = Array.from({ length: 60 }, () => target('on demand', 10_000, 5_000));
  for (const one of many) loop.soon(one.task);
  for (let round = 0; round < 10; round += 1) {
    await pass(clock, 100);
    assert.ok(round === 0 ? loop.running === 6 : loop.running <= 8);
    for (const answer of many.map((one) => one.answer)) answer?.('passing');
  }
  assert.ok(many.every((one) => one.started >= 1));
  // Known by now, and all due within one interval.
  clock.suspend(60_000);
  for (const one of many) loop.soon(one.task);
  await pass(clock, 200);
  assert.equal(loop.running, 8);
});

test('targets that hang, however many come at once, keep no healthy one waiting for long', async () => {
  const { clock, loop } = setup(20);
  const healthy = target('at once', 1_000);
  loop.soon(healthy.task);
  await pass(clock, 1_000);
  const hanging = Array.from({ length: 200 }, () => target('on demand', 1_000, 60_000));
  for (const one of hanging) loop.soon(one.task);
  await pass(clock, 1_000);
  const before = healthy.started;
  await pass(clock, 60_000);
  assert.ok(healthy.started - before >= 55, `it ran ${healthy.started - before} times in 60 s`);
  const late = target('at once', 1_000);
  loop.soon(late.task);
  await pass(clock, 60_000);
  assert.ok(late.started >= 50, `the one that came late ran ${late.started} times in 60 s`);
  assert.ok(hanging.every((one) => one.results.length >= 1));
});

test('a target that takes its time within its timeout passes, also when others hang', async () => {
  const { clock, loop } = setup(20);
  const hanging = Array.from({ length: 50 }, () => target('on demand', 1_000, 20_000));
  const slow = target('on demand', 10_000, 20_000);
  for (const one of [...hanging, slow]) loop.soon(one.task);
  await pass(clock, 15_000);
  assert.equal(slow.started, 1);
  slow.answer?.('passing');
  assert.deepEqual(
    slow.results.map(({ status }) => status),
    ['passing'],
  );
});

test('a probe that takes too long is ended, and says so', async () => {
  const { clock, loop } = setup();
  const slow = target('on demand');
  loop.soon(slow.task);
  await pass(clock, 5_000);
  assert.equal(slow.results.length, 0);
  await pass(clock, 250);
  assert.deepEqual(
    slow.results.map((result) => result.status),
    ['critical'],
  );
});

test('a pause of ours fails no probe', async () => {
  const { clock, loop } = setup();
  const slow = target('on demand');
  loop.soon(slow.task);
  await pass(clock, 150);
  assert.equal(slow.started, 1);
  clock.suspend(3_600_000);
  await pass(clock, 100);
  assert.equal(slow.results.length, 0);
  slow.answer?.('passing');
  assert.equal(slow.results.length, 1);
});

test('a failure that came out of a pause is looked at once more, and then counts', async () => {
  const { clock, loop } = setup();
  const one = target('on demand');
  loop.soon(one.task);
  await pass(clock, 150);
  clock.suspend(60_000);
  one.answer?.('critical');
  assert.equal(one.results.length, 0);
  await pass(clock, 150);
  assert.equal(one.started, 2);
  clock.suspend(60_000);
  one.answer?.('critical');
  assert.equal(one.results.length, 1);
});

test('no storm follows a pause', async () => {
  const { clock, loop } = setup();
  const many = Array.from({ length: 1_000 }, () => target());
  for (const one of many) loop.add(one.task);
  await pass(clock, 20_000);
  const before = many.reduce((sum, one) => sum + one.started, 0);
  clock.suspend(3_600_000);
  await pass(clock, 1_000);
  const after = many.reduce((sum, one) => sum + one.started, 0);
  assert.ok(after - before < 200, `${after - before} probes in the second after`);
});

test('a removed check is not probed again, and its run is broken off', async () => {
  const { clock, loop } = setup(1);
  const running = target('on demand');
  const queued = target('on demand');
  loop.soon(running.task);
  await pass(clock, 150);
  loop.soon(queued.task);
  await pass(clock, 150);
  loop.remove(running.task);
  loop.remove(queued.task);
  assert.equal(running.cancelled, 1);
  await pass(clock, 60_000);
  assert.equal(running.started + queued.started, 1);
  assert.equal(loop.running, 0);
});

test('a prober that throws is a critical check, not the end of the loop', async () => {
  const { clock, loop } = setup();
  const results: ProbeResult[] = [];
  const broken: Prober = {
    start() {
      throw new Error('what was that');
    },
  };
  const times = { intervalMs: 1_000, timeoutMs: 1_000 };
  loop.soon(new ProbeTask(broken, times, (result) => results.push(result)));
  await pass(clock, 3_000);
  assert.ok(results.length >= 2);
  assert.deepEqual(results[0], { status: 'critical', output: 'what was that' });
});

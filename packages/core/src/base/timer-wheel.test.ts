import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TimerWheel, WheelTimer } from './timer-wheel.ts';

class Named extends WheelTimer {
  readonly name: string;

  constructor(name: string) {
    super();
    this.name = name;
  }
}

function wheelOf(options = { tickMs: 10, slots: 8 }) {
  const expired: string[] = [];
  const wheel = new TimerWheel<Named>(options, (timer) => expired.push(timer.name));
  return { wheel, expired };
}

test('a timer expires at the first tick that is not before its deadline, never earlier', () => {
  const { wheel, expired } = wheelOf();
  wheel.set(new Named('a'), 25);
  wheel.advanceTo(24);
  assert.deepEqual(expired, []);
  wheel.advanceTo(29);
  assert.deepEqual(expired, []);
  wheel.advanceTo(30);
  assert.deepEqual(expired, ['a']);
  assert.equal(wheel.size, 0);
});

test('a renewed timer does not expire at its old deadline', () => {
  const { wheel, expired } = wheelOf();
  const timer = new Named('a');
  wheel.set(timer, 20);
  wheel.set(timer, 200);
  wheel.advanceTo(199);
  assert.deepEqual(expired, []);
  assert.equal(wheel.size, 1);
  wheel.advanceTo(200);
  assert.deepEqual(expired, ['a']);
});

test('a deadline may be moved nearer', () => {
  const { wheel, expired } = wheelOf();
  const timer = new Named('a');
  wheel.set(timer, 500);
  wheel.set(timer, 20);
  wheel.advanceTo(20);
  assert.deepEqual(expired, ['a']);
});

test('a cancelled timer never expires, and can be set again', () => {
  const { wheel, expired } = wheelOf();
  const timer = new Named('a');
  assert.equal(wheel.cancel(timer), false);
  wheel.set(timer, 20);
  assert.equal(wheel.cancel(timer), true);
  assert.equal(wheel.cancel(timer), false);
  wheel.advanceTo(100);
  assert.deepEqual(expired, []);
  wheel.set(timer, 120);
  wheel.advanceTo(120);
  assert.deepEqual(expired, ['a']);
});

test('what expires may set and cancel timers, also itself', () => {
  const names: string[] = [];
  const second = new Named('second');
  const wheel = new TimerWheel<Named>({ tickMs: 10, slots: 8 }, (timer) => {
    names.push(timer.name);
    wheel.cancel(second);
    if (names.length < 3) wheel.set(timer, names.length * 10);
  });
  wheel.set(new Named('first'), 10);
  wheel.set(second, 10);
  for (let now = 10; now <= 100; now += 10) wheel.advanceTo(now);
  assert.deepEqual(names, ['first', 'first', 'first']);
  assert.equal(wheel.size, 0);
});

test('a wheel that was not advanced for long looks at each timer once', () => {
  const { wheel, expired } = wheelOf();
  for (let i = 0; i < 100; i++) wheel.set(new Named(String(i)), i * 50);
  wheel.advanceTo(1e9);
  assert.equal(expired.length, 100);
  wheel.set(new Named('late'), 1e9 + 25);
  wheel.advanceTo(1e9 + 20);
  assert.equal(expired.length, 100);
  wheel.advanceTo(1e9 + 30);
  assert.equal(expired.at(-1), 'late');
});

test('100,000 timers that are renewed and cancelled leave nothing behind', () => {
  const { wheel, expired } = wheelOf({ tickMs: 100, slots: 1024 });
  const timers = Array.from({ length: 100_000 }, (_, i) => new Named(String(i)));
  for (const timer of timers) wheel.set(timer, 10_000);
  for (let now = 0; now < 50_000; now += 5_000) {
    wheel.advanceTo(now);
    for (const timer of timers) wheel.set(timer, now + 10_000);
  }
  assert.equal(expired.length, 0);
  assert.equal(wheel.size, 100_000);
  for (const timer of timers) wheel.cancel(timer);
  assert.equal(wheel.size, 0);
});

test('any sequence of set, cancel and advance does what a plain map of deadlines does', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('set' as const), timer: fc.nat(5), inMs: fc.nat(300) }),
    fc.record({ do: fc.constant('cancel' as const), timer: fc.nat(5), inMs: fc.constant(0) }),
    fc.record({ do: fc.constant('advance' as const), timer: fc.constant(0), inMs: fc.nat(120) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const { wheel, expired } = wheelOf();
      const timers = Array.from({ length: 6 }, (_, i) => new Named(String(i)));
      const model = new Map<string, number>();
      let ticks = 0;
      for (const { do: what, timer: index, inMs } of steps) {
        const timer = timers[index] ?? new Named('none');
        if (what === 'set') {
          wheel.set(timer, ticks * 10 + inMs);
          model.set(timer.name, ticks * 10 + inMs);
        } else if (what === 'cancel') {
          assert.equal(wheel.cancel(timer), model.delete(timer.name));
        } else {
          // Whole ticks: what is due in the tick under way may wait for the next one.
          const target = ticks + Math.floor(inMs / 10);
          expired.length = 0;
          wheel.advanceTo(target * 10);
          // A deadline that was due already when it was set goes with the next tick that passes.
          const due = target === ticks ? [] : [...model].filter(([, deadline]) => deadline <= target * 10);
          ticks = target;
          assert.deepEqual(expired.toSorted(), due.map(([name]) => name).toSorted());
          for (const [name] of due) model.delete(name);
        }
        assert.equal(wheel.size, model.size);
      }
    }),
  );
});

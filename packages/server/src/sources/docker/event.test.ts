import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Fault } from '@portolan/core/base/fault.ts';
import fc from 'fast-check';
import { asksToEnd, readEvent } from './event.ts';
import { lineSplitter } from './event-lines.ts';
import { Inbox } from './inbox.ts';
import { limits } from './limits.ts';

const recording = readFileSync(new URL('testdata/events-20.10.jsonl', import.meta.url));

test('the recorded life of a container reads as its events, the networks’ with it', () => {
  const actions: string[] = [];
  const split = lineSplitter((line) => {
    const event = readEvent(line);
    assert.equal(event?.container, '660a26d446a90dcfc193e321c049102fde526f4882ce0a3872b1e03fff354e08');
    actions.push(`${event.action}${event.signal === '' ? '' : ` ${event.signal}`}`);
  });
  split(recording);
  assert.deepEqual(actions, [
    ...['pause', 'unpause', 'rename', 'connect', 'kill 15', 'kill 9', 'die', 'disconnect', 'disconnect'],
    ...['connect', 'connect', 'start', 'kill 9', 'die', 'disconnect', 'disconnect', 'destroy'],
  ]);
});

test('lines are the same however their bytes arrive', () => {
  const whole = recording.toString().trim().split('\n');
  fc.assert(
    fc.property(fc.array(fc.nat(recording.length), { maxLength: 20 }), (cuts) => {
      const lines: string[] = [];
      const split = lineSplitter((line) => lines.push(line));
      let from = 0;
      for (const cut of cuts.toSorted((a, b) => a - b).concat(recording.length)) {
        split(recording.subarray(from, cut));
        from = cut;
      }
      assert.deepEqual(lines, whole);
    }),
    { numRuns: 50 },
  );
});

test('a line without end is refused', () => {
  const split = lineSplitter(() => undefined, 10);
  split(Buffer.from('12345'));
  assert.throws(() => split(Buffer.from('6789012')), { code: 'too-large' });
});

test('what is no event is none, or one fault', () => {
  assert.equal(readEvent('{"Type":"network","Action":"create"}'), undefined);
  assert.equal(readEvent('[]'), undefined);
  assert.throws(
    () => readEvent('{'),
    (error) => error instanceof Fault && error.code === 'invalid',
  );
});

test('SIGTERM, SIGKILL and the image’s own stop signal ask to end, others do not', () => {
  for (const signal of ['15', '9', 'SIGTERM', 'term', 'KILL']) assert.ok(asksToEnd(signal, ''), signal);
  for (const signal of ['1', 'HUP', '3', 'SIGQUIT', '10', '']) assert.ok(!asksToEnd(signal, ''), signal);
  assert.ok(asksToEnd('3', 'SIGQUIT'));
  assert.ok(asksToEnd('2', 'INT'));
  assert.ok(asksToEnd('37', 'SIGRTMIN+3'));
  assert.ok(!asksToEnd('1', 'SIGQUIT'));
});

const event = (container: string, action: string, signal = '') => ({ container, action, signal });

test('the inbox keeps the last signal of a run, and forgets it when the run is over', () => {
  const inbox = new Inbox();
  let woken = 0;
  inbox.onNext(() => {
    woken += 1;
  });
  inbox.add(event('a', 'kill', '15'));
  inbox.add(event('a', 'disconnect'));
  inbox.add(event('b', 'kill', '15'));
  inbox.add(event('b', 'die'));
  inbox.add(event('c', 'start'));
  inbox.add(event('c', 'kill', '9'));
  assert.equal(woken, 6);
  const { containers, overflowed } = inbox.take();
  assert.deepEqual(Object.fromEntries(containers), {
    a: { signal: '15', renewed: false },
    b: { signal: undefined, renewed: true },
    c: { signal: '9', renewed: true },
  });
  assert.equal(overflowed, false);
  assert.ok(inbox.isEmpty);
});

test('the inbox is bounded: beyond that everything is to be looked at', () => {
  const inbox = new Inbox();
  for (let at = 0; at <= limits.maxChanged; at++) inbox.add(event(`c${at}`, 'start'));
  const { containers, overflowed } = inbox.take();
  assert.deepEqual([containers.size, overflowed], [limits.maxChanged, true]);
});

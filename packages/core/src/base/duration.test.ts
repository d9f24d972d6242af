import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseDurationMs } from './duration.ts';

test('durations are numbers with units, one after another', () => {
  assert.equal(parseDurationMs('10s'), 10_000);
  assert.equal(parseDurationMs('1h2m3s4ms'), 3_723_004);
  assert.equal(parseDurationMs('1.5s'), 1_500);
  assert.equal(parseDurationMs('2d'), 172_800_000);
  assert.equal(parseDurationMs('0'), 0);
});

test('what is no duration is none', () => {
  for (const text of [
    '',
    '10',
    's',
    '-1s',
    '1 s',
    '1w',
    '1s ',
    '1e3s',
    'Infinitys',
    '9'.repeat(400),
    '999999999999999d',
  ]) {
    assert.equal(parseDurationMs(text), undefined, text);
  }
});

test('any text gives a whole number of milliseconds or nothing', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const ms = parseDurationMs(text);
      assert.ok(ms === undefined || (Number.isSafeInteger(ms) && ms >= 0));
    }),
  );
});

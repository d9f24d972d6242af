import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatGoDuration, parseGoDuration } from './go-duration.ts';

test('durations are read as Go reads them', () => {
  const cases: readonly (readonly [string, number | undefined])[] = [
    ['10s', 10_000],
    ['60000ms', 60_000],
    ['1h30m', 5_400_000],
    ['1.5s', 1_500],
    ['.5s', 500],
    ['1h2m3.5s', 3_723_500],
    ['100us', 0.1],
    ['100µs', 0.1],
    ['1000000ns', 1],
    ['0', 0],
    ['-5m', -300_000],
    ['+5m', 300_000],
    ['', undefined],
    ['10', undefined],
    ['s', undefined],
    ['10 s', undefined],
    ['ten', undefined],
    ['1d', undefined],
    ['10s5', undefined],
    ['1.2.3s', undefined],
    ['-', undefined],
    ['1'.repeat(200), undefined],
  ];
  for (const [text, ms] of cases) assert.equal(parseGoDuration(text), ms, text);
});

test('durations are written as Go writes them', () => {
  const cases: readonly (readonly [number, string])[] = [
    [0, '0s'],
    [100, '100ms'],
    [10_000, '10s'],
    [90_000, '1m30s'],
    [3_600_000, '1h0m0s'],
    [1_500, '1.5s'],
  ];
  for (const [ms, text] of cases) assert.equal(formatGoDuration(ms), text);
});

test('what is written is read back', () => {
  fc.assert(
    fc.property(fc.nat({ max: 1e9 }), (ms) => {
      const back = parseGoDuration(formatGoDuration(ms)) ?? Number.NaN;
      assert.ok(Math.abs(back - ms) < 0.01, `${ms} → ${formatGoDuration(ms)} → ${back}`);
    }),
  );
});

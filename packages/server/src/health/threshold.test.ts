import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Health } from '@portolan/core/catalog/records.ts';
import fc from 'fast-check';
import { judge, noStreak, type Thresholds } from './threshold.ts';

function statuses(thresholds: Thresholds, results: readonly Health[]): (Health | undefined)[] {
  let streak = noStreak;
  return results.map((result) => {
    const judged = judge(streak, result, thresholds);
    streak = judged.streak;
    return judged.status;
  });
}

const atOnce: Thresholds = { successBeforePassing: 0, failuresBeforeWarning: 0, failuresBeforeCritical: 0 };

test('without thresholds every result counts at once', () => {
  assert.deepEqual(statuses(atOnce, ['passing', 'critical', 'warning', 'passing']), [
    'passing',
    'critical',
    'warning',
    'passing',
  ]);
});

test('passing waits for successes in a row, and a failure starts the count anew', () => {
  const thresholds = { ...atOnce, successBeforePassing: 3 };
  const results: Health[] = ['passing', 'passing', 'critical', 'passing', 'passing', 'passing', 'passing'];
  assert.deepEqual(statuses(thresholds, results), [
    undefined,
    undefined,
    'critical',
    undefined,
    undefined,
    'passing',
    'passing',
  ]);
});

test('failures first warn, then are critical', () => {
  const thresholds = { ...atOnce, failuresBeforeWarning: 2, failuresBeforeCritical: 4 };
  const results: Health[] = ['critical', 'critical', 'critical', 'critical', 'passing', 'critical'];
  assert.deepEqual(statuses(thresholds, results), [
    undefined,
    'warning',
    'warning',
    'critical',
    'passing',
    undefined,
  ]);
});

test('without a warning threshold nothing warns on the way to critical', () => {
  const thresholds = { ...atOnce, failuresBeforeCritical: 3 };
  assert.deepEqual(statuses(thresholds, ['critical', 'critical', 'critical']), [
    undefined,
    undefined,
    'critical',
  ]);
});

test('a check turns critical only after as many failures in a row as asked, and then always', () => {
  const health = fc.constantFrom<Health>('passing', 'warning', 'critical');
  fc.assert(
    fc.property(fc.array(health), fc.nat(5), fc.nat(5), fc.nat(5), (results, success, warning, critical) => {
      const thresholds = {
        successBeforePassing: success,
        failuresBeforeWarning: warning,
        failuresBeforeCritical: critical,
      };
      const said = statuses(thresholds, results);
      said.forEach((status, index) => {
        const lastSuccess = results.slice(0, index + 1).findLastIndex((result) => result !== 'critical');
        assert.equal(status === 'critical', index - lastSuccess >= Math.max(1, critical));
      });
    }),
  );
});

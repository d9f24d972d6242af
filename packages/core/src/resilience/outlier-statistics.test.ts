import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  failurePercentageOutliers,
  newTally,
  outlierStatisticsDefaults,
  successRateOutliers,
  successRateThreshold,
  type Tally,
} from './outlier-statistics.ts';

const { successRate, failurePercentage } = outlierStatisticsDefaults;
/** Endpoints with 100 requests each, of which so many succeeded. */
const tallies = (...succeeded: number[]): Tally[] =>
  succeeded.map((count) => ({ total: 100, succeeded: count }));

test('the threshold is the mean less 1.9 standard deviations', () => {
  // Mean 98, deviations 2 2 2 2 -8: σ = 4.
  assert.equal(successRateThreshold(tallies(100, 100, 100, 100, 90), successRate), 98 - 1.9 * 4);
  assert.deepEqual(successRateOutliers(tallies(100, 100, 100, 100, 90), successRate), [4]);
  assert.deepEqual(successRateOutliers(tallies(99, 98, 97, 99, 98), successRate), []);
  assert.deepEqual(successRateOutliers(tallies(50, 50, 50, 50, 50), successRate), []);
});

test('endpoints without enough requests neither count nor are judged', () => {
  const few = [...tallies(100, 100, 100, 100), { total: 99, succeeded: 0 }];
  assert.equal(successRateThreshold(few, successRate), undefined);
  assert.deepEqual(successRateOutliers([...few, ...tallies(100)], successRate), []);
  assert.deepEqual(successRateOutliers([], successRate), []);
  assert.deepEqual(
    successRateOutliers([newTally()], { ...successRate, minimumHosts: 0, requestVolume: 0 }),
    [],
  );
});

test('who fails 85 of 100 is out, whatever the others do, with five to choose from', () => {
  assert.deepEqual(failurePercentageOutliers(tallies(15, 16, 0, 100, 15), failurePercentage), [0, 2, 4]);
  assert.deepEqual(failurePercentageOutliers(tallies(15, 16, 0, 100), failurePercentage), []);
  const light = [...tallies(1, 1, 1, 1, 1), { total: 49, succeeded: 0 }];
  assert.deepEqual(failurePercentageOutliers(light, failurePercentage), [0, 1, 2, 3, 4]);
});

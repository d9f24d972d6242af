import type { OutlierDetection } from '../traffic/model.ts';

/** What an endpoint did in one interval of outlier detection. */
export interface Tally {
  /** Requests that ended. */
  total: number;
  succeeded: number;
}

export function newTally(): Tally {
  return { total: 0, succeeded: 0 };
}

/** Comparing endpoints with one another at the end of each interval. Names and defaults are Envoy's; percentages are of 100. */
export interface OutlierStatistics {
  readonly intervalMs: number;
  readonly successRate: {
    /** Endpoints that had `requestVolume`; with fewer nothing is compared. */
    readonly minimumHosts: number;
    readonly requestVolume: number;
    /** Thousandths of a standard deviation below the mean. */
    readonly stdevFactor: number;
    readonly enforcingPercent: number;
  };
  readonly failurePercentage: {
    readonly minimumHosts: number;
    readonly requestVolume: number;
    readonly thresholdPercent: number;
    readonly enforcingPercent: number;
  };
}

export const outlierStatisticsDefaults: OutlierStatistics = Object.freeze({
  intervalMs: 10_000,
  successRate: { minimumHosts: 5, requestVolume: 100, stdevFactor: 1_900, enforcingPercent: 100 },
  failurePercentage: { minimumHosts: 5, requestVolume: 50, thresholdPercent: 85, enforcingPercent: 0 },
});

/**
 * The success rate (percent) below which an endpoint is an outlier: mean − σ × factor ÷ 1000 over the endpoints that had enough
 * requests, σ being that of the whole population. Undefined: too few of them.
 */
export function successRateThreshold(
  tallies: readonly Tally[],
  policy: OutlierStatistics['successRate'],
): number | undefined {
  const rates = tallies.filter(({ total }) => total >= policy.requestVolume).map(successRate);
  if (rates.length === 0 || rates.length < policy.minimumHosts) return undefined;
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
  const variance = rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / rates.length;
  return mean - (Math.sqrt(variance) * policy.stdevFactor) / 1_000;
}

/** The indices of endpoints that succeed too seldom, compared with the others. */
export function successRateOutliers(
  tallies: readonly Tally[],
  policy: OutlierStatistics['successRate'],
): number[] {
  const threshold = successRateThreshold(tallies, policy);
  if (threshold === undefined) return [];
  return indicesWhere(
    tallies,
    (tally) => tally.total >= policy.requestVolume && successRate(tally) < threshold,
  );
}

/** The indices of endpoints that fail too often, whatever the others do. */
export function failurePercentageOutliers(
  tallies: readonly Tally[],
  policy: OutlierStatistics['failurePercentage'],
): number[] {
  const isJudged = ({ total }: Tally): boolean => total > 0 && total >= policy.requestVolume;
  if (tallies.filter(isJudged).length < policy.minimumHosts) return [];
  return indicesWhere(
    tallies,
    (tally) => isJudged(tally) && 100 - successRate(tally) >= policy.thresholdPercent,
  );
}

/** The indices of all that a cluster's settings put out at the end of an interval. */
export function comparedOutliers(policy: OutlierDetection, tallies: readonly Tally[]): ReadonlySet<number> {
  const found = new Set<number>();
  const { successRate: rate, failurePercentage: share } = policy;
  if (rate !== undefined) {
    for (const index of successRateOutliers(tallies, { ...rate, enforcingPercent: 100 })) found.add(index);
  }
  if (share !== undefined) {
    const { threshold, minimumHosts, requestVolume } = share;
    const rules = { minimumHosts, requestVolume, thresholdPercent: threshold, enforcingPercent: 100 };
    for (const index of failurePercentageOutliers(tallies, rules)) found.add(index);
  }
  return found;
}

function successRate({ total, succeeded }: Tally): number {
  return total === 0 ? 100 : (succeeded * 100) / total;
}

function indicesWhere(tallies: readonly Tally[], matches: (tally: Tally) => boolean): number[] {
  return [...tallies.keys()].filter((index) => {
    const tally = tallies[index];
    return tally !== undefined && matches(tally);
  });
}

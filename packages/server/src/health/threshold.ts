import type { CheckDefinition, Health } from '@portolan/core/catalog/records.ts';

/** How many probes in a row came out alike. */
export interface Streak {
  readonly successes: number;
  readonly failures: number;
}

export const noStreak: Streak = { successes: 0, failures: 0 };

export type Thresholds = Pick<
  CheckDefinition,
  'successBeforePassing' | 'failuresBeforeWarning' | 'failuresBeforeCritical'
>;

/**
 * What a probe's result does to a check: the new streak, and the status it should have now; undefined: as it was.
 * A warning is a success that warns, as in Consul. 0 and 1 both mean "the first one"; without a threshold of its own the
 * warning is skipped.
 */
export function judge(
  streak: Streak,
  result: Health,
  thresholds: Thresholds,
): { readonly streak: Streak; readonly status: Health | undefined } {
  if (result === 'critical') {
    const failures = streak.failures + 1;
    return { streak: { successes: 0, failures }, status: afterFailures(failures, thresholds) };
  }
  const successes = streak.successes + 1;
  const enough = successes >= thresholds.successBeforePassing;
  return { streak: { successes, failures: 0 }, status: enough ? result : undefined };
}

function afterFailures(failures: number, thresholds: Thresholds): Health | undefined {
  if (failures >= thresholds.failuresBeforeCritical) return 'critical';
  const warnAt = thresholds.failuresBeforeWarning;
  return warnAt > 0 && failures >= warnAt ? 'warning' : undefined;
}

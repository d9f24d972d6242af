/** What the checks of one endpoint have said so far. */
export interface CheckRecord {
  state: 'unknown' | 'passing' | 'failing';
  /** Results in a row that speak against the state. */
  streak: number;
  /** When it is next checked (monotonic). */
  atMs: number;
  /** Ends the check that is under way. */
  cancel: (() => void) | undefined;
}

export function newCheckRecord(): CheckRecord {
  return { state: 'unknown', streak: 0, atMs: Number.NEGATIVE_INFINITY, cancel: undefined };
}

/**
 * Notes a result; true when the state changed in a way that counts. The first result decides alone, as in Envoy; from then on so many in a
 * row are wanted.
 */
export function noteCheck(
  record: CheckRecord,
  passed: boolean,
  thresholds: { readonly healthyThreshold: number; readonly unhealthyThreshold: number },
): boolean {
  const said = passed ? 'passing' : 'failing';
  const before = record.state;
  if (said === before) {
    record.streak = 0;
    return false;
  }
  record.streak++;
  const wanted = passed ? thresholds.healthyThreshold : thresholds.unhealthyThreshold;
  if (before !== 'unknown' && record.streak < wanted) return false;
  record.state = said;
  record.streak = 0;
  return before === 'failing' || said === 'failing';
}

/** What one endpoint said of late, compared with the others. */
export interface SilenceRecord {
  /** Its count of answers when it was last heard of, and of requests. */
  heard: number;
  asked: number;
  /** When that was (monotonic). */
  sinceMs: number;
  /** The count of the others' answers then. */
  others: number;
}

export function newSilenceRecord(): SilenceRecord {
  return { heard: unknown, asked: 0, sinceMs: 0, others: 0 };
}

/** Whatever it was, it begins anew with the next look. */
export function forgetSilence(record: SilenceRecord): void {
  record.heard = unknown;
}

const unknown = -1;

/** What is counted of an endpoint now; all but `underWay` only ever grow. */
export interface SilenceCounts {
  readonly heard: number;
  readonly asked: number;
  readonly underWay: number;
  /** Answers of all the others. */
  readonly others: number;
}

/** Longer than a garbage collection or a moment's overload. */
const leastPatienceMs = 2_000;
/** So many times what nine of ten requests take: an endpoint that is new to a slow service has answered nobody either. */
const usualTimes = 3;
/** Fewer answers of others are no comparison. */
const leastOthers = 10;

/**
 * Whether an endpoint hangs: a process that is stopped, or whose event loop is blocked, still takes connections and requests. Nothing was
 * heard of it for two seconds, or three times `usualMs`, although `enough` requests were sent to it since, while the others answered as
 * many, and 10 at least: where requests are spread evenly, that is no accident. Ours: Envoy waits for timeouts, of which there may be none.
 * Called now and then.
 *
 * @param usualMs what nine of ten requests of the cluster take at most
 */
export function isHanging(
  record: SilenceRecord,
  counts: SilenceCounts,
  enough: number,
  usualMs: () => number,
  nowMs: number,
): boolean {
  if (counts.heard !== record.heard || counts.underWay === 0) {
    record.heard = counts.heard;
    record.asked = counts.asked;
    record.sinceMs = nowMs;
    record.others = counts.others;
    return false;
  }
  const unanswered = counts.asked - record.asked;
  const silentMs = nowMs - record.sinceMs;
  if (silentMs < leastPatienceMs || unanswered < enough) return false;
  if (counts.others - record.others < Math.max(leastOthers, unanswered)) return false;
  return silentMs >= usualTimes * usualMs();
}

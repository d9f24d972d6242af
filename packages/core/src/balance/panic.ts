/** Below this share of healthy endpoints health is not believed any more (Envoy's `healthy_panic_threshold`). */
const defaultThresholdPercent = 50;

/** How much is to be said against asking an endpoint: the least objectionable ones are asked. */
export const rank = Object.freeze({
  healthy: 0,
  /** Somebody thinks it is ill: outlier detection, or a check. That may be wrong. */
  suspected: 1,
  /** Nobody listens there. That is certain. */
  refusing: 2,
  /** Asked to leave; takes nothing new as long as there is anybody else. */
  draining: 3,
  /** Not to be asked at all. */
  never: 4,
});

export interface Availability {
  /** Endpoints that may be asked. */
  readonly count: number;
  /** Whether some of them are thought to be ill. */
  readonly panic: boolean;
}

/**
 * Fills `available` from each endpoint's `rank`: with the healthy ones; when these are too few a part of those that could be, with the
 * suspected too, as what is left would fall over under the whole load, and a wrong guess about health must not become an outage. Envoy's
 * panic, but that endpoints at which nobody listens are no matter of opinion and count on neither side. When there is nobody better,
 * whoever is there is asked; a threshold of 0 asks nobody rather than the suspected.
 */
export function fillAvailable(
  ranks: Uint8Array,
  available: Uint8Array,
  thresholdPercent = defaultThresholdPercent,
): Availability {
  const counts = [0, 0, 0, 0, 0];
  for (let index = 0; index < ranks.length; index++) {
    const at = ranks[index] as number;
    counts[at] = (counts[at] as number) + 1;
  }
  const worst = worstAsked(counts, thresholdPercent);
  let count = 0;
  for (let index = 0; index < ranks.length; index++) {
    const at = ranks[index] as number;
    const open = worst === rank.suspected ? at <= rank.suspected : at === worst;
    available[index] = open ? 1 : 0;
    if (open) count++;
  }
  return { count, panic: worst === rank.suspected && (counts[rank.suspected] as number) > 0 };
}

/** The last rank that is asked. */
function worstAsked([fit = 0, ill = 0, absent = 0]: readonly number[], thresholdPercent: number): number {
  if (fit * 100 < thresholdPercent * (fit + ill)) return rank.suspected;
  if (fit > 0 || (thresholdPercent === 0 && ill + absent > 0)) return rank.healthy;
  return absent > 0 ? rank.refusing : rank.draining;
}

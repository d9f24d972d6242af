/** Below this share of healthy endpoints health is not believed any more (Envoy's `healthy_panic_threshold`). */
const defaultThresholdPercent = 50;

/**
 * Fills `available` from `healthy`, or with everyone when too few are healthy: what is left would fall over under the whole load, and
 * a wrong guess about health must not become an outage. True: panic. A threshold of 0 turns it off.
 */
export function fillAvailable(
  healthy: Uint8Array,
  available: Uint8Array,
  thresholdPercent = defaultThresholdPercent,
): boolean {
  let count = 0;
  for (let index = 0; index < healthy.length; index++) count += healthy[index] as number;
  const panic = count * 100 < thresholdPercent * healthy.length;
  if (panic) available.fill(1);
  else available.set(healthy);
  return panic;
}

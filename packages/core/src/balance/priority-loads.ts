/** A level keeps its whole load until more than about 28 % of it is gone (Envoy's `overprovisioning_factor`). */
const defaultOverprovisioningPercent = 140;

/**
 * Which percentage of the requests each level of endpoints gets, the most wanted level first: a level's health is its healthy share ×
 * 1.4, at most 100 %; each takes as much of what is left as its health is, and if all healths together are below 100 % they are
 * scaled up to it. Whole percentages, as in Envoy ("Priority levels"). All 0 when nothing is healthy.
 */
export function priorityLoads(
  healthy: readonly number[],
  sizes: readonly number[],
  overprovisioningPercent = defaultOverprovisioningPercent,
): number[] {
  const healths = healthy.map((count, level) => {
    const size = sizes[level] ?? 0;
    return size === 0 ? 0 : Math.min(100, Math.floor((overprovisioningPercent * count) / size));
  });
  const together = Math.min(
    100,
    healths.reduce((sum, health) => sum + health, 0),
  );
  if (together === 0) return healths;
  let left = 100;
  const loads = healths.map((health) => {
    const load = Math.min(left, Math.floor((health * 100) / together));
    left -= load;
    return load;
  });
  const first = loads.findIndex((load) => load > 0);
  // Rounding loses a percent or two: they are the first one's.
  loads[first] = (loads[first] ?? 0) + left;
  return loads;
}

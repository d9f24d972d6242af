/**
 * The weight of a Dubbo provider that started `uptimeMs` ago: grows in a line from 1 to `weight` over `warmUpMs`, in Java's single
 * precision, so that both sides come to the same number. A provider from the future has 1.
 */
export function dubboWarmUpWeight(uptimeMs: number, weight = 100, warmUpMs = 600_000): number {
  if (weight <= 0) return 0;
  if (uptimeMs < 0) return 1;
  if (uptimeMs === 0 || uptimeMs >= warmUpMs) return weight;
  const grown = Math.trunc(
    Math.fround(Math.fround(uptimeMs) / Math.fround(Math.fround(warmUpMs) / Math.fround(weight))),
  );
  return grown < 1 ? 1 : Math.min(grown, weight);
}

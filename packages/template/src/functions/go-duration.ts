const unitsNs: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** Go's `time.ParseDuration` in milliseconds: `-1.5h`, `1h30m`; undefined: not one. */
export function parseGoDuration(source: string): number | undefined {
  const [, sign = '', body = ''] = /^([+-]?)(.*)$/s.exec(source) ?? [];
  if (body === '0') return 0;
  if (!/^(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(body)) return undefined;
  let totalNs = 0;
  for (const [, number, unit = ''] of body.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g))
    totalNs += Number(number) * (unitsNs[unit] ?? 0);
  return ((sign === '-' ? -1 : 1) * totalNs) / 1e6;
}

/** Go's `Duration.String` of whole seconds: `1h0m5s`. */
export function formatGoSeconds(seconds: number): string {
  const total = Math.abs(seconds);
  const sign = seconds < 0 ? '-' : '';
  const [hours, minutes, rest] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
  if (hours > 0) return `${sign}${hours}h${minutes}m${rest}s`;
  return minutes > 0 ? `${sign}${minutes}m${rest}s` : `${sign}${rest}s`;
}

const roundUnits: readonly (readonly [unit: string, seconds: number])[] = [
  ['y', 365 * 86_400],
  ['mo', 30 * 86_400],
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
  ['s', 1],
];

/** The largest unit that the duration is longer than, its size without a sign: `2h`, `3mo`, `0s`. */
export function roundGoDuration(ms: number): string {
  const seconds = Math.abs(ms) / 1000;
  const found = roundUnits.find(([, size]) => seconds > size);
  return found === undefined ? '0s' : `${Math.floor(seconds / found[1])}${found[0]}`;
}

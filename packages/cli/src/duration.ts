import { Fault } from '@portolan/core/base/fault.ts';

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `500ms`, `10s`, `1m30s`, `2h` as milliseconds, above 0. A bare number is refused: nobody knows its unit. */
export function durationMs(text: string, flag: string): number {
  let totalMs = 0;
  const rest = text.replaceAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g, (_, amount: string, unit: string) => {
    totalMs += Number(amount) * (unitMs[unit] ?? 0);
    return '';
  });
  if (rest !== '' || totalMs <= 0 || totalMs > 2_147_483_647) {
    throw new Fault(
      'invalid',
      `${flag}: '${text}' is not a duration; write something like 10s, 500ms or 1m30s`,
      {
        path: flag,
      },
    );
  }
  return totalMs;
}

import { parseDurationMs } from '@portolan/core/base/duration.ts';
import { Fault } from '@portolan/core/base/fault.ts';

/** Longer ones do not fit into a timer. */
const maxMs = 2_147_483_647;

/** `500ms`, `10s`, `1m30s`, `2h` as milliseconds, above 0. A bare number is refused: nobody knows its unit. */
export function durationMs(text: string, flag: string): number {
  const ms = parseDurationMs(text);
  if (ms === undefined || ms <= 0 || ms > maxMs) {
    throw new Fault(
      'invalid',
      `${flag}: '${text}' is not a duration; write something like 10s, 500ms or 1m30s`,
      { path: flag },
    );
  }
  return ms;
}

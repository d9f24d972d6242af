import type { Clock } from '@portolan/core/base/clock.ts';

/** What goes wrong again and again is told once a minute. */
const everyMs = 60_000;

/** Passes messages on to `tell`, but the same one not again within a minute. */
export function toldSeldom(clock: Clock, tell: (message: string) => void): (message: string) => void {
  let last = '';
  let toldMs = Number.NEGATIVE_INFINITY;
  return (message) => {
    const nowMs = clock.monotonicMs();
    if (message === last && nowMs - toldMs < everyMs) return;
    last = message;
    toldMs = nowMs;
    tell(message);
  };
}

import type { Clock } from '@portolan/core/base/clock.ts';

/** The machine's own time. */
export const systemClock: Clock = {
  wallMs: Date.now,
  monotonicMs: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

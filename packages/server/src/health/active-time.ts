import type { Clock } from '@portolan/core/base/clock.ts';

/** How exactly checks keep their times. */
export const tickMs = 50;
/** A tick later than this: the process was stopped, or its event loop blocked. What a probe then says is about us. */
const pauseMs = 250;

/**
 * The time in which this process really ran: monotonic milliseconds that do not count a pause. Probes, their time limits and
 * "critical for so long" are measured in it, so that a pause of ours fails nobody and sets off no storm.
 */
export interface ActiveTime {
  nowMs(): number;
  /** How many pauses there were. Notices one that ended just now, before any tick. */
  pauses(): number;
  start(onTick: (nowMs: number) => void): void;
  /** Time stands still until the next start. */
  stop(): void;
}

export function createActiveTime(clock: Clock): ActiveTime {
  let activeMs = 0;
  let tickedAtMs = clock.monotonicMs();
  let pauses = 0;
  /** Set while time goes on. */
  let cancelTick: (() => void) | undefined;

  /** Takes over what passed since the last look. */
  function look(): number {
    const nowMs = clock.monotonicMs();
    const elapsedMs = nowMs - tickedAtMs;
    tickedAtMs = nowMs;
    if (cancelTick === undefined) return activeMs;
    if (elapsedMs > tickMs + pauseMs) {
      pauses += 1;
      activeMs += tickMs;
    } else {
      activeMs += elapsedMs;
    }
    return activeMs;
  }

  function tickOn(onTick: (nowMs: number) => void): void {
    cancelTick = clock.after(tickMs, () => {
      onTick(look());
      if (cancelTick !== undefined) tickOn(onTick);
    });
  }

  return {
    nowMs: look,
    pauses() {
      look();
      return pauses;
    },
    start(onTick) {
      if (cancelTick !== undefined) return;
      tickedAtMs = clock.monotonicMs();
      tickOn(onTick);
    },
    stop() {
      look();
      cancelTick?.();
      cancelTick = undefined;
    },
  };
}

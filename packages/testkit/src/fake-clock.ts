import type { Clock } from '@portolan/core/base/clock.ts';

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** Time that stands still until a test moves it. Timers run inside `advance`, in order of their due time. */
export interface FakeClock extends Clock {
  /** Lets `ms` pass; every timer runs exactly when it is due. */
  advance(ms: number): void;
  /** The wall clock alone jumps, as when somebody sets it. */
  jumpWall(ms: number): void;
  /** The process is stopped for `ms`: both clocks move on, timers that fell due in between run late, at the end. */
  suspend(ms: number): void;
  /** Timers not yet run or cancelled. */
  readonly pending: number;
}

export function fakeClock(startWallMs = Date.UTC(2026, 0, 1)): FakeClock {
  const timers = new Set<Timer>();
  let nowMs = 0;
  let wallOffsetMs = startWallMs;
  let order = 0;

  const nextDue = (untilMs: number): Timer | undefined => {
    let next: Timer | undefined;
    for (const timer of timers) {
      if (timer.dueMs > untilMs) continue;
      if (
        next === undefined ||
        timer.dueMs < next.dueMs ||
        (timer.dueMs === next.dueMs && timer.order < next.order)
      ) {
        next = timer;
      }
    }
    return next;
  };

  return {
    wallMs: () => wallOffsetMs + nowMs,
    monotonicMs: () => nowMs,
    after(delayMs, callback) {
      order += 1;
      const timer = { dueMs: nowMs + Math.max(0, delayMs), order, callback };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    advance(ms) {
      const endMs = nowMs + ms;
      for (let timer = nextDue(endMs); timer !== undefined; timer = nextDue(endMs)) {
        timers.delete(timer);
        nowMs = Math.max(nowMs, timer.dueMs);
        timer.callback();
      }
      // A callback may itself have let time pass.
      nowMs = Math.max(nowMs, endMs);
    },
    jumpWall(ms) {
      wallOffsetMs += ms;
    },
    suspend(ms) {
      nowMs += ms;
      // Only what was due already: a timer that runs late and sets another one does not run that at once.
      const dueAtWake = [...timers].filter((timer) => timer.dueMs <= nowMs);
      dueAtWake.sort((left, right) => left.dueMs - right.dueMs || left.order - right.order);
      for (const timer of dueAtWake) if (timers.delete(timer)) timer.callback();
    },
    get pending() {
      return timers.size;
    },
  };
}

import type { Clock } from '@portolan/core/base/clock.ts';

/**
 * Calls `onTick` about every `tickMs` with the milliseconds since the last call (the first time: since the start), until the
 * returned function is called.
 */
export function startTicker(clock: Clock, tickMs: number, onTick: (elapsedMs: number) => void): () => void {
  let lastMs = clock.monotonicMs();
  let cancel = clock.after(tickMs, tick);
  let stopped = false;

  function tick(): void {
    const nowMs = clock.monotonicMs();
    const elapsedMs = nowMs - lastMs;
    lastMs = nowMs;
    onTick(elapsedMs);
    if (!stopped) cancel = clock.after(tickMs, tick);
  }

  return () => {
    stopped = true;
    cancel();
  };
}

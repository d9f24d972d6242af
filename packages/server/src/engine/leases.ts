import type { Clock } from '@portolan/core/base/clock.ts';
import { TimerWheel, WheelTimer } from '@portolan/core/base/timer-wheel.ts';
import type { Logger } from 'pino';
import type { Leases } from '../contract.ts';
import { startTicker } from './ticker.ts';

/** How late an expiry may be. Liveness is a matter of seconds in every dialect. */
const tickMs = 100;
/** Span of 102 s; most TTLs are shorter. */
const slots = 1024;
/** A tick later than this means that we stood still, and so did every heartbeat that was meant for us. */
const pauseMs = 1_000;
/** Wall and monotonic time apart by more than this between two ticks is worth a line in the log. */
const wallJumpMs = 5_000;

/** `Leases` that is to be started and stopped. `lostMs` is how long all deadlines were moved on for pauses of ours, in total. */
export interface LeaseTable extends Leases {
  start(): void;
  stop(): void;
  readonly lostMs: number;
}

class Lease extends WheelTimer {
  readonly id: string;
  readonly ttlMs: number;
  readonly onExpire: () => void;

  constructor(id: string, ttlMs: number, onExpire: () => void) {
    super();
    this.id = id;
    this.ttlMs = ttlMs;
    this.onExpire = onExpire;
  }
}

/**
 * Deadlines are on a time of the table's own, which follows the monotonic clock tick by tick but does not count a pause: a stop
 * (SIGSTOP, a frozen container) or a blocked event loop moves all deadlines on at once, at no cost. The wall clock decides
 * nothing. A machine that sleeps stops the monotonic clock itself.
 */
export function createLeases({ clock, log }: { clock: Clock; log: Logger }): LeaseTable {
  const leases = new Map<string, Lease>();
  const wheel = new TimerWheel<Lease>({ tickMs, slots }, expire);
  let leaseTimeMs = 0;
  let tickedAtMs = clock.monotonicMs();
  let wallOffsetMs = clock.wallMs() - tickedAtMs;
  let lostMs = 0;
  let stopTicker: (() => void) | undefined;

  function expire(lease: Lease): void {
    leases.delete(lease.id);
    try {
      lease.onExpire();
    } catch (error) {
      log.error({ err: error, lease: lease.id }, 'the end of a lease could not be handled');
    }
  }

  /** Lease time between two ticks. Never less than what the next tick will count, so that no deadline is early. */
  function nowMs(): number {
    return leaseTimeMs + Math.min(clock.monotonicMs() - tickedAtMs, tickMs + pauseMs);
  }

  function tick(elapsedMs: number): void {
    tickedAtMs = clock.monotonicMs();
    noteWallJump();
    const lateMs = elapsedMs - tickMs;
    if (lateMs > pauseMs) {
      lostMs += lateMs;
      log.warn(
        { pausedMs: Math.round(lateMs), leases: leases.size },
        'this process stood still; leases were extended',
      );
    }
    leaseTimeMs += lateMs > pauseMs ? tickMs : elapsedMs;
    wheel.advanceTo(leaseTimeMs);
  }

  function noteWallJump(): void {
    const offsetMs = clock.wallMs() - tickedAtMs;
    const jumpMs = offsetMs - wallOffsetMs;
    wallOffsetMs = offsetMs;
    if (Math.abs(jumpMs) > wallJumpMs) {
      log.info(
        { jumpMs: Math.round(jumpMs) },
        'the wall clock jumped, or the machine slept; no lease is affected',
      );
    }
  }

  return {
    grant(id, ttlMs, onExpire) {
      const previous = leases.get(id);
      if (previous !== undefined) wheel.cancel(previous);
      const lease = new Lease(id, ttlMs, onExpire);
      leases.set(id, lease);
      wheel.set(lease, nowMs() + ttlMs);
    },
    renew(id) {
      const lease = leases.get(id);
      if (lease === undefined) return false;
      wheel.set(lease, nowMs() + lease.ttlMs);
      return true;
    },
    revoke(id) {
      const lease = leases.get(id);
      if (lease === undefined) return false;
      leases.delete(id);
      wheel.cancel(lease);
      return true;
    },
    remainingMs(id) {
      const lease = leases.get(id);
      return lease === undefined ? undefined : Math.max(0, lease.deadlineMs - nowMs());
    },
    get size() {
      return leases.size;
    },
    get lostMs() {
      return lostMs;
    },
    start() {
      tickedAtMs = clock.monotonicMs();
      stopTicker ??= startTicker(clock, tickMs, tick);
    },
    stop() {
      stopTicker?.();
      stopTicker = undefined;
    },
  };
}

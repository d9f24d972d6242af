/**
 * A hashed timing wheel (Varghese and Lauck, 1987): setting, renewing and cancelling a timer cost O(1) however many there are.
 * It keeps no time of its own: its owner calls `advanceTo`. A renewed timer stays filed where it was and is filed anew when the
 * wheel comes to it, so that renewing is two stores; a timer beyond the wheel's span is filed at its far end in the same way.
 */
export class TimerWheel<T extends WheelTimer> {
  readonly #tickMs: number;
  readonly #slots: WheelSlot[];
  readonly #expire: (timer: T) => void;
  #tick = 0;
  #size = 0;

  /** `tickMs` is how late a timer may be. `slots` × `tickMs` is the span: a longer timer is looked at once each span. */
  constructor(options: { tickMs: number; slots: number }, expire: (timer: T) => void) {
    this.#tickMs = options.tickMs;
    this.#slots = Array.from({ length: options.slots }, () => new WheelSlot());
    this.#expire = expire;
  }

  /** Timers that are set. */
  get size(): number {
    return this.#size;
  }

  /** Starts the timer, or moves its deadline, to either side. */
  set(timer: T, deadlineMs: number): void {
    const earlier = deadlineMs < timer.deadlineMs;
    timer.deadlineMs = deadlineMs;
    if (timer.next === undefined) {
      this.#size += 1;
      this.#file(timer);
    } else if (earlier) {
      unlink(timer);
      this.#file(timer);
    }
  }

  /** False: it was not set. */
  cancel(timer: T): boolean {
    if (timer.next === undefined) return false;
    unlink(timer);
    this.#size -= 1;
    return true;
  }

  /**
   * Calls `expire` for every timer whose deadline is not after `nowMs`; they are no longer set then. `expire` may set and
   * cancel any timer, and must not throw. Time that was passed does not come back: a smaller `nowMs` does nothing.
   */
  advanceTo(nowMs: number): void {
    const target = Math.floor(nowMs / this.#tickMs);
    // After a long time every slot is due, but each only once.
    if (target - this.#tick > this.#slots.length) this.#tick = target - this.#slots.length;
    while (this.#tick < target) {
      this.#tick += 1;
      this.#empty(this.#slotAt(this.#tick), nowMs);
    }
  }

  #empty(slot: WheelSlot, nowMs: number): void {
    // What is filed here meanwhile, because it is a whole turn away, must not be looked at in this pass.
    const due = new WheelSlot();
    due.takeAll(slot);
    for (let timer = due.next; timer !== due; timer = due.next) {
      unlink(timer);
      // Slots link timers of type T only; see `set`.
      const owned = timer as T;
      if (owned.deadlineMs > nowMs) {
        this.#file(owned);
      } else {
        this.#size -= 1;
        this.#expire(owned);
      }
    }
  }

  #file(timer: T): void {
    const dueTick = Math.ceil(timer.deadlineMs / this.#tickMs);
    const ticksAway = Math.min(Math.max(dueTick - this.#tick, 1), this.#slots.length);
    this.#slotAt(this.#tick + ticksAway).append(timer);
  }

  #slotAt(tick: number): WheelSlot {
    return this.#slots[tick % this.#slots.length] as WheelSlot;
  }
}

interface Link {
  next: Link | undefined;
  previous: Link | undefined;
}

/** What a wheel holds. Extend it with what the timer is for. */
export class WheelTimer implements Link {
  /** Milliseconds on the clock of whoever advances the wheel. */
  deadlineMs = Number.POSITIVE_INFINITY;
  /** The wheel's own. */
  next: Link | undefined = undefined;
  /** The wheel's own. */
  previous: Link | undefined = undefined;
}

/** The head of a ring of timers; empty, it links to itself. */
class WheelSlot implements Link {
  next: Link = this;
  previous: Link = this;

  append(timer: Link): void {
    timer.next = this;
    timer.previous = this.previous;
    this.previous.next = timer;
    this.previous = timer;
  }

  takeAll(other: WheelSlot): void {
    if (other.next === other) return;
    this.next = other.next;
    this.previous = other.previous;
    this.next.previous = this;
    this.previous.next = this;
    other.next = other;
    other.previous = other;
  }
}

function unlink(timer: Link): void {
  const { next, previous } = timer;
  if (next !== undefined) next.previous = previous;
  if (previous !== undefined) previous.next = next;
  timer.next = undefined;
  timer.previous = undefined;
}

import type { ContainerEvent } from './event.ts';
import { limits } from './limits.ts';

/** What happened to a container since it was last looked at. */
export interface ContainerNews {
  /** The signal of the last `kill`, if nothing ended or started it since. */
  readonly signal: string | undefined;
  /** It ended or started: whatever it was told before is over. */
  readonly renewed: boolean;
}

/** What `take` gives. */
export interface News {
  readonly containers: ReadonlyMap<string, ContainerNews>;
  /** More changed than can be remembered: look at all. */
  readonly overflowed: boolean;
}

/** Collects events, the newest state of each container, until somebody has time for them. */
export class Inbox {
  #containers = new Map<string, ContainerNews>();
  #overflowed = false;
  #wake: () => void = () => undefined;

  add({ container, action, signal }: ContainerEvent): void {
    const before = this.#containers.get(container);
    if (before === undefined && this.#containers.size >= limits.maxChanged) {
      this.#overflowed = true;
    } else {
      this.#containers.set(container, newsAfter(before, action, signal));
    }
    this.#wake();
  }

  get isEmpty(): boolean {
    return this.#containers.size === 0 && !this.#overflowed;
  }

  /** Called at the next event, once; the caller looks at `isEmpty` before. */
  onNext(wake: () => void): void {
    this.#wake = wake;
  }

  /** Everything so far; it is no longer here then. */
  take(): News {
    const news = { containers: this.#containers, overflowed: this.#overflowed };
    this.#containers = new Map();
    this.#overflowed = false;
    return news;
  }
}

function newsAfter(before: ContainerNews | undefined, action: string, signal: string): ContainerNews {
  const renewed = before?.renewed ?? false;
  if (action === 'kill') return { signal, renewed };
  if (action === 'die' || action === 'start') return { signal: undefined, renewed: true };
  return { signal: before?.signal, renewed };
}

import type { Clock } from '@portolan/core/base/clock.ts';
import { Fault } from '@portolan/core/base/fault.ts';

/** A user event as it was fired. Source: https://developer.hashicorp.com/consul/api-docs/event */
export interface UserEvent {
  /** UUID. */
  readonly id: string;
  readonly name: string;
  /** Base64; '' for none. */
  readonly payload: string;
  readonly nodeFilter: string;
  readonly serviceFilter: string;
  readonly tagFilter: string;
  /** Rises by one with each event. */
  readonly time: number;
}

/** What of a response tells that its client has gone. */
export interface Closing {
  once(event: 'close', listener: () => void): unknown;
  off(event: 'close', listener: () => void): unknown;
}

/** The newest events, in memory as in Consul: they are signals, not records. Bounded; the oldest goes first. */
export interface EventLog {
  fire(event: Omit<UserEvent, 'time'>): UserEvent;
  /** Oldest first; '' = of every name. */
  list(name: string): readonly UserEvent[];
  /** `X-Consul-Index` of a list: that of its newest event. */
  indexOf(name: string): string;
  /**
   * Resolves when the index is another one than `index`, when the time is over or the log is closed. Rejects with `cancelled`
   * when the client has gone.
   */
  wait(name: string, index: string, timeoutMs: number, response: Closing): Promise<void>;
  /** Lets all who wait go. */
  close(): void;
}

export function eventLog(clock: Clock, maxEvents: number): EventLog {
  const events: UserEvent[] = [];
  const waiting = new Set<() => void>();
  let time = 0;
  let closed = false;

  const list = (name: string): readonly UserEvent[] =>
    name === '' ? [...events] : events.filter((event) => event.name === name);

  const indexOf = (name: string): string => {
    const newest = list(name).at(-1);
    return newest === undefined ? '1' : indexOfId(newest.id);
  };

  return {
    fire(event) {
      time += 1;
      const fired = { ...event, time };
      events.push(fired);
      if (events.length > maxEvents) events.shift();
      for (const look of [...waiting]) look();
      return fired;
    },
    list,
    indexOf,
    wait(name, index, timeoutMs, response) {
      if (closed) return Promise.resolve();
      return new Promise((resolve, reject) => {
        const finish = (settle: () => void): void => {
          waiting.delete(look);
          cancelTimer();
          response.off('close', gone);
          settle();
        };
        const look = (): void => {
          if (closed || indexOf(name) !== index) finish(resolve);
        };
        const gone = (): void => finish(() => reject(new Fault('cancelled', 'The client went away.')));
        const cancelTimer = clock.after(timeoutMs, () => finish(resolve));
        response.once('close', gone);
        waiting.add(look);
      });
    },
    close() {
      closed = true;
      for (const look of [...waiting]) look();
    },
  };
}

/**
 * The index that belongs to an event's UUID: its two halves, each 64 bits, by exclusive or. Consul's clients compute the same to find
 * the events that are new to them.
 */
export function indexOfId(uuid: string): string {
  const hex = uuid.replaceAll('-', '');
  return (BigInt(`0x${hex.slice(0, 16)}`) ^ BigInt(`0x${hex.slice(16)}`)).toString();
}

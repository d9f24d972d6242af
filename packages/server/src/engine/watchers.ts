import type { Clock } from '@portolan/core/base/clock.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import { TimerWheel, WheelTimer } from '@portolan/core/base/timer-wheel.ts';
import { type CatalogDelta, type Topic, topicOf } from '@portolan/core/catalog/reader.ts';
import { apiVersionsOf } from '@portolan/core/catalog/record-key.ts';
import { startTicker } from './ticker.ts';

/** How late a timeout may be; the longest waits of a blocking query are minutes. */
const tickMs = 25;
const slots = 4096;
const prefixTopic = 'kv-prefix/';

/** Everyone who waits for a topic to move. */
export interface Watchers {
  /** See `Engine.watch`; the caller has seen that the topic's index is not above `after` yet. */
  wait(topic: Topic, after: number, options: { timeoutMs: number; signal?: AbortSignal }): Promise<number>;
  /** Wakes, in one pass for each topic, whoever waits for something that `delta` touched. */
  wake(delta: CatalogDelta): void;
  /** Rejects everyone, now and from now on. */
  close(fault: Fault): void;
  readonly size: number;
}

/** `indexOf` gives a topic's index as of now; it is asked once for each topic that is woken. */
export function createWatchers(options: {
  clock: Clock;
  indexOf: (topic: Topic) => number;
  maxWaiters: number;
}): Watchers {
  return new WatcherTable(options.clock, options.indexOf, options.maxWaiters);
}

class WatcherTable implements Watchers {
  readonly #clock: Clock;
  readonly #indexOf: (topic: Topic) => number;
  readonly #maxWaiters: number;
  readonly #byTopic = new Map<Topic, Set<Waiter>>();
  /** How many watched prefixes there are of each length: only these are cut from a changed key. */
  readonly #prefixLengths = new Map<number, number>();
  readonly #wheel: TimerWheel<Waiter>;
  #stopTicker: (() => void) | undefined;
  #closed: Fault | undefined;

  constructor(clock: Clock, indexOf: (topic: Topic) => number, maxWaiters: number) {
    this.#clock = clock;
    this.#indexOf = indexOf;
    this.#maxWaiters = maxWaiters;
    this.#wheel = new TimerWheel<Waiter>({ tickMs, slots }, (waiter) => this.#timeOut(waiter));
  }

  get size(): number {
    return this.#wheel.size;
  }

  wait(topic: Topic, after: number, options: { timeoutMs: number; signal?: AbortSignal }): Promise<number> {
    const { signal, timeoutMs } = options;
    return new Promise((resolve, reject) => {
      if (this.#closed !== undefined) throw this.#closed;
      if (signal?.aborted) throw cancelled(topic);
      if (this.size >= this.#maxWaiters) {
        throw new Fault(
          'unavailable',
          `${this.#maxWaiters} watches are open, which is the limit: try again later`,
        );
      }
      this.#add(new Waiter(this, topic, after, signal, resolve, reject), timeoutMs);
    });
  }

  wake(delta: CatalogDelta): void {
    if (this.#byTopic.size === 0) return;
    for (const service of delta.services) this.#wakeTopic(`service/${service}`);
    if (delta.serviceList) this.#wakeTopic('services');
    for (const node of delta.nodes) this.#wakeTopic(`node/${node}`);
    if (delta.nodeList) this.#wakeTopic('nodes');
    if (delta.checkList) this.#wakeTopic('checks');
    for (const key of delta.kvKeys) this.#wakeKey(key);
    if (delta.rules) this.#wakeTopic('rules');
    for (const apiVersion of apiVersionsOf(delta.ruleKeys)) this.#wakeTopic(topicOf.rulesOf(apiVersion));
    if (delta.leases.length > 0) this.#wakeTopic('leases');
    this.#wakeTopic('all');
  }

  close(fault: Fault): void {
    this.#closed = fault;
    for (const waiters of [...this.#byTopic.values()]) {
      for (const waiter of [...waiters]) {
        this.#remove(waiter);
        waiter.reject(fault);
      }
    }
    this.#stopTicker?.();
    this.#stopTicker = undefined;
  }

  abort(waiter: Waiter): void {
    this.#remove(waiter);
    waiter.reject(cancelled(waiter.topic));
  }

  #add(waiter: Waiter, timeoutMs: number): void {
    let waiters = this.#byTopic.get(waiter.topic);
    if (waiters === undefined) {
      waiters = new Set();
      this.#byTopic.set(waiter.topic, waiters);
      this.#countPrefix(waiter.topic, 1);
    }
    waiters.add(waiter);
    const nowMs = this.#clock.monotonicMs();
    if (this.#stopTicker === undefined) {
      this.#wheel.advanceTo(nowMs);
      this.#stopTicker = startTicker(this.#clock, tickMs, () => this.#tick());
    }
    this.#wheel.set(waiter, nowMs + timeoutMs);
    waiter.signal?.addEventListener('abort', waiter);
  }

  #remove(waiter: Waiter): void {
    waiter.signal?.removeEventListener('abort', waiter);
    this.#wheel.cancel(waiter);
    const waiters = this.#byTopic.get(waiter.topic);
    if (waiters === undefined) return;
    waiters.delete(waiter);
    if (waiters.size > 0) return;
    this.#byTopic.delete(waiter.topic);
    this.#countPrefix(waiter.topic, -1);
  }

  /** The ticker rests while nobody waits. */
  #tick(): void {
    this.#wheel.advanceTo(this.#clock.monotonicMs());
    if (this.size > 0) return;
    this.#stopTicker?.();
    this.#stopTicker = undefined;
  }

  #timeOut(waiter: Waiter): void {
    this.#remove(waiter);
    waiter.resolve(this.#indexOf(waiter.topic));
  }

  #wakeKey(key: string): void {
    this.#wakeTopic(`kv/${key}`);
    for (const length of this.#prefixLengths.keys()) {
      if (length <= key.length) this.#wakeTopic(prefixTopic + key.slice(0, length));
    }
  }

  #wakeTopic(topic: Topic): void {
    const waiters = this.#byTopic.get(topic);
    if (waiters === undefined) return;
    const index = this.#indexOf(topic);
    for (const waiter of waiters) {
      if (index <= waiter.after) continue;
      this.#remove(waiter);
      waiter.resolve(index);
    }
  }

  #countPrefix(topic: Topic, change: 1 | -1): void {
    if (!topic.startsWith(prefixTopic)) return;
    const length = topic.length - prefixTopic.length;
    const count = (this.#prefixLengths.get(length) ?? 0) + change;
    if (count === 0) this.#prefixLengths.delete(length);
    else this.#prefixLengths.set(length, count);
  }
}

/** One watch. It is its own timer and its own abort listener: 10,000 of them need no closures beside their promises. */
class Waiter extends WheelTimer {
  readonly table: WatcherTable;
  readonly topic: Topic;
  readonly after: number;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (index: number) => void;
  readonly reject: (fault: Fault) => void;

  constructor(
    table: WatcherTable,
    topic: Topic,
    after: number,
    signal: AbortSignal | undefined,
    resolve: (index: number) => void,
    reject: (fault: Fault) => void,
  ) {
    super();
    this.table = table;
    this.topic = topic;
    this.after = after;
    this.signal = signal;
    this.resolve = resolve;
    this.reject = reject;
  }

  handleEvent(): void {
    this.table.abort(this);
  }
}

function cancelled(topic: Topic): Fault {
  return new Fault('cancelled', `the watch of ${topic} was cancelled`);
}

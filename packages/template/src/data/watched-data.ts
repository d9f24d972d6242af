import type { Clock } from '@portolan/core/base/clock.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import { sameJson } from '@portolan/core/base/json.ts';
import type { Value } from '../language/values.ts';
import type { Answer, ConsulClient } from './consul-client.ts';
import type { DataReader, Query } from './query.ts';

export interface RetryPolicy {
  /** 0 = never gives up. */
  readonly attempts: number;
  readonly backoffMs: number;
  readonly maxBackoffMs: number;
}

/** consul-template's waits between tries; it gives up after 12, we go on. */
export const defaultRetry: RetryPolicy = { attempts: 0, backoffMs: 250, maxBackoffMs: 60_000 };

export interface WatchedDataOptions {
  readonly client: Pick<ConsulClient, 'get'>;
  readonly clock: Clock;
  readonly retry: RetryPolicy;
  /** How long a blocking query may wait. Consul's `block_query_wait`, 60 s by default. */
  readonly waitMs: number;
  /** A query has a new value. */
  readonly onChange: (key: string) => void;
  /** A query was answered, and there is nothing that a template could use. */
  readonly onNothing?: (key: string) => void;
  /** A query failed; `final`: it will not be asked again. */
  readonly onError: (key: string, fault: Fault, final: boolean) => void;
}

/** What cannot block is asked again this often. */
const pollMs = 60_000;

/**
 * The newest values of all queries in use. `recall` starts watching what it did not know; `retain` ends what is no longer
 * used. Each query has one blocking request open; its value changes only when the decoded content does.
 */
export class WatchedData implements DataReader {
  readonly #options: WatchedDataOptions;
  readonly #watches = new Map<string, Watch>();

  constructor(options: WatchedDataOptions) {
    this.#options = options;
  }

  recall(query: Query): Value | undefined {
    const watch = this.#watches.get(query.key) ?? this.#start(query);
    return watch.value;
  }

  /** Ends every watch whose key is not in `keys`. */
  retain(keys: ReadonlySet<string>): void {
    for (const [key, watch] of this.#watches) {
      if (keys.has(key)) continue;
      watch.stop();
      this.#watches.delete(key);
    }
  }

  stop(): void {
    this.retain(new Set());
  }

  #start(query: Query): Watch {
    const watch = new Watch(query, this.#options);
    this.#watches.set(query.key, watch);
    void watch.run();
    return watch;
  }
}

class Watch {
  value: Value | undefined;
  readonly #query: Query;
  readonly #options: WatchedDataOptions;
  readonly #stopped = new AbortController();
  #body: unknown;
  #index = 0;
  #answered = false;

  constructor(query: Query, options: WatchedDataOptions) {
    this.#query = query;
    this.#options = options;
  }

  stop(): void {
    this.#stopped.abort();
  }

  async run(): Promise<void> {
    const { signal } = this.#stopped;
    let failures = 0;
    while (!signal.aborted) {
      try {
        this.#take(await this.#ask(signal));
        failures = 0;
        if (!this.#query.blocks) await this.#pause(pollMs);
      } catch (thrown) {
        if (signal.aborted) return;
        failures++;
        const final = this.#failed(Fault.from(thrown), failures);
        if (final) return;
        await this.#pause(this.#backoffMs(failures));
      }
    }
  }

  #ask(signal: AbortSignal): Promise<Answer> {
    const block = this.#query.blocks ? { index: this.#index, waitMs: this.#options.waitMs } : undefined;
    return this.#options.client.get(this.#query.path, block, signal);
  }

  #take(answer: Answer): void {
    const { body, index } = answer;
    // An index that went back, or none: start over, as Consul's clients must.
    const unchanged = this.#answered && index !== 0 && index === this.#index;
    this.#index = index < this.#index ? 0 : index;
    if (unchanged || (this.#answered && sameJson(body, this.#body))) return;
    this.#answered = true;
    this.#body = body;
    this.value = this.#query.decode(body);
    if (this.value === undefined) this.#options.onNothing?.(this.#query.key);
    this.#options.onChange(this.#query.key);
  }

  #failed(fault: Fault, failures: number): boolean {
    const { attempts } = this.#options.retry;
    const final = attempts > 0 && failures >= attempts;
    this.#options.onError(this.#query.key, fault, final);
    return final;
  }

  #backoffMs(failures: number): number {
    const { backoffMs, maxBackoffMs } = this.#options.retry;
    return Math.min(maxBackoffMs, backoffMs * 2 ** Math.min(failures - 1, 20));
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(ms, resolve);
      this.#stopped.signal.addEventListener(
        'abort',
        () => {
          cancel();
          resolve();
        },
        { once: true },
      );
    });
  }
}

import { Fault } from '@portolan/core/base/fault.ts';
import type { Transaction } from '@portolan/core/catalog/change.ts';
import type { Catalog, Decision } from '@portolan/core/catalog/contract.ts';
import type { Intent } from '@portolan/core/catalog/draft.ts';
import type { CommitResult, Store } from '@portolan/core/catalog/store.ts';
import type { EngineLimits } from './limits.ts';

/** Turns intents into commits: while one commit is under way the next batch gathers. */
export interface Intake {
  submit<T>(intent: Intent<T>): Promise<T>;
  /** Refuses what waits and what comes, and settles when the commit under way has. */
  close(fault: Fault): Promise<void>;
}

export interface IntakeOptions {
  readonly catalog: Catalog;
  readonly store: Store;
  readonly limits: EngineLimits;
  /** Called when a commit has settled and before its submitters are told; must apply and publish every change so far. */
  readonly publish: () => void;
  /** Told how each commit went that put something. */
  readonly noteStore: (fault: Fault | undefined) => void;
}

interface Pending {
  readonly intent: Intent<unknown>;
  readonly resolve: (result: unknown) => void;
  readonly reject: (fault: Fault) => void;
  attempts: number;
}

export function createIntake(options: IntakeOptions): Intake {
  return new BatchIntake(options);
}

class BatchIntake implements Intake {
  readonly #options: IntakeOptions;
  #queue: Pending[] = [];
  #running: Promise<void> | undefined;
  #closed: Fault | undefined;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  submit<T>(intent: Intent<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#closed !== undefined) throw this.#closed;
      const { maxQueuedIntents } = this.#options.limits;
      if (this.#queue.length >= maxQueuedIntents) {
        throw new Fault(
          'unavailable',
          `${maxQueuedIntents} changes wait for the store, the queue is full: try again`,
        );
      }
      // The intent's own result comes back to it: `decide` does not mix them.
      this.#queue.push({ intent, resolve: resolve as (result: unknown) => void, reject, attempts: 0 });
      this.#running ??= this.#run();
    });
  }

  async close(fault: Fault): Promise<void> {
    this.#closed = fault;
    rejectAll(this.#queue.splice(0), fault);
    await this.#running;
  }

  async #run(): Promise<void> {
    // Whatever the sockets hold for this turn of the event loop joins the first batch.
    await new Promise(setImmediate);
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, this.#options.limits.maxBatchIntents);
      await this.#commit(batch);
    }
    this.#running = undefined;
  }

  async #commit(batch: readonly Pending[]): Promise<void> {
    const decisions = this.#decide(batch);
    if (decisions === undefined) return;
    const count = this.#fitting(decisions);
    if (count < batch.length) this.#queue.unshift(...batch.slice(count));
    const taken = batch.slice(0, count);
    const transactions = transactionsOf(decisions, count);
    try {
      const results = await this.#store(transactions);
      this.#options.publish();
      this.#settle(taken, decisions, results);
    } catch (error) {
      await this.#failed(taken, Fault.from(error));
    }
  }

  /** What an intent throws is its own refusal; should deciding itself fail, nobody must be left waiting. */
  #decide(batch: readonly Pending[]): readonly Decision[] | undefined {
    try {
      return this.#options.catalog.decide(batch.map((pending) => pending.intent));
    } catch (error) {
      const { message } = Fault.from(error);
      rejectAll(
        batch,
        new Fault('internal', `the change could not be decided: ${message}`, { cause: error }),
      );
      return undefined;
    }
  }

  /** Nothing to write and nothing to check is no matter for the store. */
  async #store(transactions: readonly Transaction[]): Promise<readonly CommitResult[]> {
    if (transactions.every(isEmpty)) return transactions.map(() => ({ outcome: 'unchanged' }));
    const results = await this.#options.store.commit(transactions);
    // A full disk takes deletes, and is full all the same.
    if (transactions.some(hasPut)) this.#options.noteStore(undefined);
    return results;
  }

  #settle(batch: readonly Pending[], decisions: readonly Decision[], results: readonly CommitResult[]): void {
    let committed = 0;
    let conflict: string | undefined;
    const again: Pending[] = [];
    batch.forEach((pending, index) => {
      const decision = decisions[index];
      const result = decision?.outcome === 'decided' ? results[committed++] : undefined;
      if (result?.outcome === 'conflict') conflict ??= result.key;
      // Also a refusal behind a conflict was decided upon something that did not happen.
      if (conflict !== undefined) this.#retry(pending, conflict, again);
      else if (decision?.outcome === 'decided') pending.resolve(decision.result);
      else if (decision !== undefined) pending.reject(decision.fault);
    });
    this.#queue.unshift(...again);
  }

  #retry(pending: Pending, key: string, again: Pending[]): void {
    pending.attempts += 1;
    if (this.#closed !== undefined) pending.reject(this.#closed);
    else if (pending.attempts < this.#options.limits.maxAttempts) again.push(pending);
    else
      pending.reject(
        new Fault('conflict', `${key} was changed by others ${pending.attempts} times in a row`),
      );
  }

  /** One intent too large, or a put on a full disk, must not take its neighbours down: each then stands alone. */
  async #failed(batch: readonly Pending[], fault: Fault): Promise<void> {
    const mayDiffer = fault.code === 'full' || fault.code === 'too-large';
    if (mayDiffer && batch.length > 1) {
      for (const pending of batch) await this.#commit([pending]);
      return;
    }
    if (fault.code !== 'too-large') this.#options.noteStore(fault);
    rejectAll(batch, fault);
  }

  /** How many of the decisions one commit takes. */
  #fitting(decisions: readonly Decision[]): number {
    let size = 0;
    for (let index = 0; index < decisions.length; index++) {
      const decision = decisions[index];
      if (decision?.outcome === 'decided') size += roughSize(decision.transaction);
      if (size > this.#options.limits.maxBatchSize && index > 0) return index;
    }
    return decisions.length;
  }
}

function transactionsOf(decisions: readonly Decision[], count: number): Transaction[] {
  const transactions: Transaction[] = [];
  for (let index = 0; index < count; index++) {
    const decision = decisions[index];
    if (decision?.outcome === 'decided') transactions.push(decision.transaction);
  }
  return transactions;
}

/** Only keys' values and rules are ever large; the rest is about this long. */
function roughSize(transaction: Transaction): number {
  let size = 0;
  for (const write of transaction.writes) {
    if (write.op === 'delete') size += 100;
    else if (write.record.kind === 'kv') size += 100 + write.record.value.length;
    else size += 1_000;
  }
  return size;
}

function isEmpty(transaction: Transaction): boolean {
  return transaction.writes.length === 0 && transaction.guards.length === 0;
}

function hasPut(transaction: Transaction): boolean {
  return transaction.writes.some((write) => write.op === 'put');
}

function rejectAll(batch: readonly Pending[], fault: Fault): void {
  for (const pending of batch) pending.reject(fault);
}

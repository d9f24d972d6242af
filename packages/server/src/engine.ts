import type { Clock } from '@portolan/core/base/clock.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import type { Change } from '@portolan/core/catalog/change.ts';
import type { Catalog } from '@portolan/core/catalog/contract.ts';
import type { Intent } from '@portolan/core/catalog/draft.ts';
import type { CatalogDelta, Topic } from '@portolan/core/catalog/reader.ts';
import type { Store } from '@portolan/core/catalog/store.ts';
import type { TrafficDelta } from '@portolan/core/traffic/model.ts';
import type { Planner } from '@portolan/core/traffic/planner.ts';
import type { Logger } from 'pino';
import type { Engine, Leases, View } from './contract.ts';
import { emptyDelta, mergedDelta } from './engine/deltas.ts';
import { createIntake, type Intake } from './engine/intake.ts';
import { createLeases, type LeaseTable } from './engine/leases.ts';
import { defaultEngineLimits, type EngineLimits } from './engine/limits.ts';
import { createPlanning, type Planning } from './engine/planning.ts';
import { createStoreHealth, type StoreHealth } from './engine/store-health.ts';
import { createWatchers, type Watchers } from './engine/watchers.ts';

export interface EngineOptions {
  readonly store: Store;
  /** Empty; the engine fills it. */
  readonly catalog: Catalog;
  readonly planner: Planner;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits?: Partial<EngineLimits>;
}

/** An engine and its life: `start` once, before anything else; `stop` once. */
export interface EngineService extends Engine {
  /** Opens the store, loads what it holds, plans it and publishes the first view. */
  start(): Promise<void>;
  /** Plans everything anew, after something changed that the planner looks at besides the catalog. */
  replan(): void;
  /** Refuses everything from now on, waits for the commit under way, closes the store. */
  stop(): Promise<void>;
}

type Subscriber = Parameters<Engine['subscribe']>[0];

/**
 * The way of a change: `submit` queues an intent; the intake decides a batch of them upon the catalog and commits it; the
 * store tells every committed change, ours and other nodes', through `#arrive`, which applies it; `#publish` then plans all
 * that arrived together, makes one view for it, tells the subscribers and wakes the watchers. Only then is a submitter told.
 */
export function createEngine(options: EngineOptions): EngineService {
  return new CatalogEngine(options);
}

class CatalogEngine implements EngineService {
  readonly #options: EngineOptions;
  readonly #intake: Intake;
  readonly #leases: LeaseTable;
  readonly #planning: Planning;
  readonly #watchers: Watchers;
  readonly #health: StoreHealth;
  readonly #subscribers = new Set<Subscriber>();
  /** Applied, not published yet. */
  #arrived: CatalogDelta[] = [];
  #view: View;
  #started = false;
  #defect: Fault | undefined;

  constructor(options: EngineOptions) {
    const { catalog, clock, log, planner, store } = options;
    const limits = { ...defaultEngineLimits, ...options.limits };
    this.#options = options;
    this.#leases = createLeases({ clock, log });
    this.#planning = createPlanning({
      catalog,
      planner,
      clock,
      log,
      onLate: (traffic) => this.#tell(emptyDelta(catalog.revision), traffic),
    });
    this.#watchers = createWatchers({
      clock,
      indexOf: (topic) => catalog.indexOf(topic),
      maxWaiters: limits.maxWaiters,
    });
    this.#health = createStoreHealth({
      store,
      clock,
      log,
      probeEveryMs: limits.probeEveryMs,
      onTurn: () => {
        this.#view = this.#look();
      },
    });
    this.#intake = createIntake({
      catalog,
      store,
      limits,
      publish: () => this.#publish(),
      noteStore: (fault) => this.#health.note(fault),
    });
    this.#view = this.#look();
  }

  get view(): View {
    return this.#view;
  }

  get leases(): Leases {
    return this.#leases;
  }

  async start(): Promise<void> {
    const { catalog, planner, store } = this.#options;
    // What other nodes write while we load comes after the content it was written upon.
    const early: Change[] = [];
    const content = await store.open((change) => {
      if (this.#started) this.#arrive(change);
      else early.push(change);
    });
    catalog.load(content);
    planner.rebuild(catalog);
    this.#started = true;
    for (const change of early) this.#arrive(change);
    this.#publish();
    this.#view = this.#look();
    this.#leases.start();
  }

  replan(): void {
    const { catalog, planner } = this.#options;
    this.#tell(emptyDelta(catalog.revision), planner.rebuild(catalog));
  }

  async stop(): Promise<void> {
    const fault = new Fault('unavailable', 'the server is stopping');
    this.#leases.stop();
    this.#planning.stop();
    this.#health.stop();
    this.#watchers.close(fault);
    await this.#intake.close(fault);
    this.#started = false;
    await this.#options.store.close();
  }

  submit<T>(intent: Intent<T>): Promise<T> {
    if (!this.#started) return Promise.reject(new Fault('unavailable', 'the engine is not running'));
    return this.#intake.submit(intent);
  }

  watch(topic: Topic, after: number, options: { timeoutMs: number; signal?: AbortSignal }): Promise<number> {
    const index = this.#options.catalog.indexOf(topic);
    return index > after ? Promise.resolve(index) : this.#watchers.wait(topic, after, options);
  }

  subscribe(listener: Subscriber): () => void {
    this.#subscribers.add(listener);
    return () => void this.#subscribers.delete(listener);
  }

  #arrive(change: Change): void {
    if (this.#defect !== undefined) return;
    try {
      this.#arrived.push(this.#options.catalog.apply(change));
    } catch (error) {
      this.#fail(change, error);
      return;
    }
    // Nobody waits for what others wrote; what comes in one go is published in one go.
    if (this.#arrived.length === 1) queueMicrotask(() => this.#publish());
  }

  /** Memory and store are apart now: what is there is served, marked stale, and nothing is written any more. */
  #fail(change: Change, error: unknown): void {
    const message = `revision ${change.revision} could not be applied, which is a defect: restart this server`;
    this.#defect = new Fault('internal', message, { cause: error });
    this.#health.note(this.#defect);
    this.#health.stop();
    void this.#intake.close(this.#defect);
  }

  #publish(): void {
    if (this.#arrived.length === 0) return;
    const delta = mergedDelta(this.#arrived);
    this.#arrived = [];
    this.#tell(delta, this.#planning.plan(delta));
    this.#watchers.wake(delta);
  }

  #tell(delta: CatalogDelta, traffic: TrafficDelta): void {
    this.#view = this.#look();
    for (const subscriber of this.#subscribers) {
      try {
        subscriber(delta, traffic, this.#view);
      } catch (error) {
        this.#options.log.error({ err: error, revision: delta.revision }, 'a subscriber failed on a change');
      }
    }
  }

  #look(): View {
    const { catalog, planner } = this.#options;
    return Object.freeze({
      revision: catalog.revision,
      catalog,
      traffic: planner.model,
      diagnostics: planner.diagnostics,
      stale: this.#health.stale,
    });
  }
}

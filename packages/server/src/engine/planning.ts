import type { Clock } from '@portolan/core/base/clock.ts';
import type { CatalogDelta, CatalogReader } from '@portolan/core/catalog/reader.ts';
import type { TrafficDelta } from '@portolan/core/traffic/model.ts';
import type { Planner } from '@portolan/core/traffic/planner.ts';
import { noTraffic } from '@portolan/core/traffic/tables.ts';
import type { Logger } from 'pino';
import { DeltaSum } from './deltas.ts';

/** Of the event loop's time, at most this share goes to planning while changes keep coming. */
const share = 0.05;
/** Planned at once after a quiet time, however much it is: saved up at that share. */
const savedMs = 20;

/** Keeps the traffic model up with the catalog, without planning each of 10,000 changes a second on its own. */
export interface Planning {
  /** Plans `delta` and what was put off before it, now or, in a burst, a little later. */
  plan(delta: CatalogDelta): TrafficDelta;
  stop(): void;
}

/**
 * A service's plan costs what the service is large, so under a burst of changes planning is put off, merged, and done when its
 * share of time allows. `onLate` is called with what planning gave then.
 */
export function createPlanning(options: {
  catalog: CatalogReader;
  planner: Planner;
  clock: Clock;
  log: Logger;
  onLate: (traffic: TrafficDelta) => void;
}): Planning {
  const { catalog, planner, clock, log, onLate } = options;
  const unplanned = new DeltaSum();
  let budgetMs = savedMs;
  let countedAtMs = clock.monotonicMs();
  let cancelLate: (() => void) | undefined;

  function earn(): void {
    const nowMs = clock.monotonicMs();
    budgetMs = Math.min(savedMs, budgetMs + (nowMs - countedAtMs) * share);
    countedAtMs = nowMs;
  }

  function planAll(): TrafficDelta {
    cancelLate?.();
    cancelLate = undefined;
    const delta = unplanned.take();
    try {
      return planner.update(catalog, delta);
    } catch (error) {
      // The registry must go on though the traffic model cannot; it stays as it was, for the services of this delta at least.
      log.error({ err: error, revision: delta.revision }, 'planning failed, which is a defect');
      return noTraffic;
    } finally {
      budgetMs -= clock.monotonicMs() - countedAtMs;
    }
  }

  function late(): void {
    earn();
    onLate(planAll());
  }

  return {
    plan(delta) {
      unplanned.add(delta);
      earn();
      if (budgetMs > 0) return planAll();
      cancelLate ??= clock.after(Math.ceil(-budgetMs / share) + 1, late);
      return noTraffic;
    },
    stop() {
      cancelLate?.();
      cancelLate = undefined;
    },
  };
}

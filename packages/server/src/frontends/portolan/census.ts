import type { Clock } from '@portolan/core/base/clock.ts';
import type { Health } from '@portolan/core/catalog/records.ts';
import type { Engine } from '../../contract.ts';

/** How much the catalog holds. */
export interface Counts {
  readonly nodes: number;
  readonly services: number;
  readonly instances: number;
  readonly checks: Readonly<Record<Health, number>>;
}

export interface Census {
  counts(): Counts;
}

/** Counting walks the whole catalog, so however many ask, it is done at most this often. */
const minIntervalMs = 2_000;

export function createCensus(engine: Engine, clock: Clock): Census {
  let counted: { readonly revision: number; readonly atMs: number; readonly counts: Counts } | undefined;
  return {
    counts() {
      const { revision } = engine.view;
      const nowMs = clock.monotonicMs();
      if (counted === undefined || (counted.revision !== revision && nowMs - counted.atMs >= minIntervalMs)) {
        counted = { revision, atMs: nowMs, counts: count(engine) };
      }
      return counted.counts;
    },
  };
}

function count(engine: Engine): Counts {
  const { catalog } = engine.view;
  let nodes = 0;
  let services = 0;
  let instances = 0;
  const checks = { passing: 0, warning: 0, critical: 0 };
  for (const _ of catalog.nodes()) nodes += 1;
  for (const service of catalog.services()) {
    services += 1;
    instances += service.size;
  }
  for (const { record } of catalog.checks()) checks[record.status] += 1;
  return { nodes, services, instances, checks };
}

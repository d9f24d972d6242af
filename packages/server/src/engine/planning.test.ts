import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCatalog } from '@portolan/core/catalog/catalog.ts';
import type { CatalogDelta } from '@portolan/core/catalog/reader.ts';
import type { TrafficDelta } from '@portolan/core/traffic/model.ts';
import type { Planner } from '@portolan/core/traffic/planner.ts';
import { emptyTables, noTraffic } from '@portolan/core/traffic/tables.ts';
import { fakeClock } from '@portolan/testkit/fake-clock.ts';
import { pino } from 'pino';
import { emptyDelta } from './deltas.ts';
import { createPlanning } from './planning.ts';

/** A planner whose every run takes `costMs` of the clock, and what it was given. */
function table(costMs: number) {
  const clock = fakeClock();
  const planned: CatalogDelta[] = [];
  const late: TrafficDelta[] = [];
  const planner: Planner = {
    model: { revision: 0, ...emptyTables() },
    diagnostics: [],
    rebuild: () => noTraffic,
    update(_catalog, delta) {
      planned.push(delta);
      clock.suspend(costMs);
      return { ...noTraffic, clusters: new Set(delta.services) };
    },
  };
  const planning = createPlanning({
    catalog: createCatalog(),
    planner,
    clock,
    log: pino({ level: 'silent' }),
    onLate: (traffic) => late.push(traffic),
  });
  return { clock, planning, planned, late };
}

function touching(revision: number, service: string): CatalogDelta {
  return { ...emptyDelta(revision), services: new Set([service]) };
}

test('a change after a quiet time is planned at once', () => {
  const { clock, planning, planned } = table(15);
  for (let revision = 1; revision <= 5; revision++) {
    assert.deepEqual([...planning.plan(touching(revision, 'web')).clusters], ['web']);
    clock.advance(1_000);
  }
  assert.equal(planned.length, 5);
});

test('in a burst planning keeps to its share, and what was put off comes merged, with nothing left out', () => {
  const { clock, planning, planned, late } = table(5);
  const touched = new Set<string>();
  const told = new Set<string>();
  for (let revision = 1; revision <= 1_000; revision++) {
    touched.add(`default/s${revision % 50}`);
    for (const name of planning.plan(touching(revision, `default/s${revision % 50}`)).clusters)
      told.add(name);
    clock.advance(1);
  }
  const share = (planned.length * 5) / clock.monotonicMs();
  assert.ok(share < 0.15, `planned for ${share} of the time`);
  clock.advance(1_000);
  for (const traffic of late) for (const name of traffic.clusters) told.add(name);
  assert.deepEqual(told, touched);
  assert.equal(planned.at(-1)?.revision, 1_000);
  assert.equal(clock.pending, 0);
});

test('after stop nothing is planned late', () => {
  const { clock, planning, late } = table(50);
  planning.plan(touching(1, 'web'));
  planning.plan(touching(2, 'web'));
  planning.stop();
  clock.advance(10_000);
  assert.equal(late.length, 0);
});

test('a planner that throws keeps nobody from going on', () => {
  const clock = fakeClock();
  let broken = true;
  const planner: Planner = {
    model: { revision: 0, ...emptyTables() },
    diagnostics: [],
    rebuild: () => noTraffic,
    update(_catalog, delta) {
      if (broken) throw new Error('a defect');
      return { ...noTraffic, clusters: new Set(delta.services) };
    },
  };
  const log = pino({ level: 'silent' });
  const planning = createPlanning({ catalog: createCatalog(), planner, clock, log, onLate: () => {} });
  assert.equal(planning.plan(touching(1, 'web')).clusters.size, 0);
  broken = false;
  assert.deepEqual([...planning.plan(touching(2, 'api')).clusters], ['api']);
});

// An engine over the store in argv[2] that takes changes as fast as it can and prints each that was acknowledged, to be killed.
import { writeSync } from 'node:fs';
import { createCatalog } from '@portolan/core/catalog/catalog.ts';
import { createPlanner } from '@portolan/core/traffic/plan.ts';
import { instanceRecord } from '@portolan/testkit/store-records.ts';
import { pino } from 'pino';
import { createEngine } from '../../engine.ts';
import { lmdbStore } from '../../store/store-lmdb.ts';
import { systemClock } from '../system-clock.ts';

const log = pino({ level: 'silent' });
const store = lmdbStore({ path: process.argv[2] ?? '', clock: systemClock, log, reserveBytes: 1024 * 1024 });
const engine = createEngine({
  store,
  catalog: createCatalog(),
  planner: createPlanner({ gatewayDomain: 'localhost' }),
  clock: systemClock,
  log,
});
await engine.start();
const start = engine.view.revision;

async function submit(worker: number): Promise<never> {
  for (let i = 0; ; i++) {
    const id = `${start}-${worker}-${i}`;
    await engine.submit((draft) => draft.put(instanceRecord(`service-${worker}`, id)));
    writeSync(1, `${id}\n`);
  }
}

await Promise.all(Array.from({ length: 64 }, (_, worker) => submit(worker)));

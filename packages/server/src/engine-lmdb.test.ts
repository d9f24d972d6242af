import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createCatalog } from '@portolan/core/catalog/catalog.ts';
import type { Draft } from '@portolan/core/catalog/draft.ts';
import type { CatalogReader } from '@portolan/core/catalog/reader.ts';
import { keyOf } from '@portolan/core/catalog/records.ts';
import type { Store } from '@portolan/core/catalog/store.ts';
import { createPlanner } from '@portolan/core/traffic/plan.ts';
import { instanceRecord, kvRecord } from '@portolan/testkit/store-records.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import fc from 'fast-check';
import { pino } from 'pino';
import { systemClock } from './engine/system-clock.ts';
import { createEngine, type EngineService } from './engine.ts';
import { lmdbStore } from './store/store-lmdb.ts';
import { memoryStore } from './store/store-memory.ts';

const log = pino({ level: 'silent' });

async function started(store: Store): Promise<EngineService> {
  const engine = createEngine({
    store,
    catalog: createCatalog(),
    planner: createPlanner({ gatewayDomain: 'localhost' }),
    clock: systemClock,
    log,
  });
  await engine.start();
  return engine;
}

function lmdbAt(path: string): Store {
  return lmdbStore({ path, clock: systemClock, log, reserveBytes: 65_536 });
}

/** Everything in a catalog, in an order of its own. */
function contentOf({ catalog }: { catalog: CatalogReader }): unknown {
  return {
    revision: catalog.revision,
    services: [...catalog.services()].map((service) => ({
      name: service.name,
      instances: [...service.instances()],
    })),
    kv: [...catalog.kvPrefix('')],
  };
}

const service = fc.constantFrom('web', 'api', '__proto__');
const id = fc.constantFrom('1', '2', '3');
const step = fc.oneof(
  fc.record({ act: fc.constant('register' as const), service, id, port: fc.nat(65_535) }),
  fc.record({ act: fc.constant('deregister' as const), service, id, port: fc.constant(0) }),
  fc.record({ act: fc.constant('count' as const), service, id, port: fc.constant(0) }),
  fc.record({ act: fc.constant('refuse' as const), service, id, port: fc.constant(0) }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

function intentOf(one: Step): (draft: Draft) => void {
  return (draft) => {
    const key = keyOf.instance('default', one.service, 'n1', one.id);
    if (one.act === 'register') draft.put(instanceRecord(one.service, one.id, { port: one.port }));
    if (one.act === 'deregister') draft.delete(key);
    if (one.act === 'count') {
      const count = draft.kv(one.service)?.record.value.length ?? 0;
      draft.put(kvRecord(one.service, 'x'.repeat(count + 1)));
    }
    if (one.act === 'refuse') {
      draft.delete(key);
      draft.expect(keyOf.kv('absent'), 42);
    }
  };
}

test('random intents give the same catalog on LMDB as in memory, and again after a restart', async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.array(step, { maxLength: 8 }), { maxLength: 8 }), agreeOn), {
    numRuns: 30,
  });
});

async function agreeOn(rounds: readonly (readonly Step[])[]): Promise<void> {
  const directory = tempDir('engine');
  const inMemory = await started(memoryStore());
  let onDisk = await started(lmdbAt(directory.path));
  try {
    for (const round of rounds) {
      const submitAll = (engine: EngineService) =>
        Promise.allSettled(round.map((one) => engine.submit(intentOf(one))));
      const [left, right] = await Promise.all([submitAll(onDisk), submitAll(inMemory)]);
      assert.deepEqual(
        left.map((outcome) => outcome.status),
        right.map((outcome) => outcome.status),
      );
    }
    assert.deepEqual(contentOf(onDisk.view), contentOf(inMemory.view));
    await onDisk.stop();
    onDisk = await started(lmdbAt(directory.path));
    assert.deepEqual(contentOf(onDisk.view), contentOf(inMemory.view));
    assert.deepEqual(onDisk.view.traffic.clusters, inMemory.view.traffic.clusters);
  } finally {
    await Promise.all([onDisk.stop(), inMemory.stop()]);
    directory.remove();
  }
}

test('kill -9 of a server under load loses nothing that it acknowledged', async () => {
  const directory = tempDir('kill');
  const submitter = fileURLToPath(import.meta.resolve('./engine/testdata/submitter.ts'));
  const acknowledged = new Set<string>();
  for (const count of [500, 2_000, 5_000]) {
    const child = spawn(process.execPath, [submitter, directory.path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    let lines = 0;
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      lines += chunk.split('\n').length - 1;
      if (lines >= count) child.kill('SIGKILL');
    });
    await once(child, 'close');
    assert.equal(child.signalCode, 'SIGKILL');
    for (const line of text.split('\n').slice(0, -1)) acknowledged.add(line);
  }
  const engine = await started(lmdbAt(directory.path));
  const kept = new Set<string>();
  for (const view of engine.view.catalog.services()) {
    for (const entry of view.instances()) kept.add(entry.record.id);
  }
  const lost = acknowledged.difference(kept);
  assert.equal(lost.size, 0, `lost ${[...lost].slice(0, 5).join(', ')}`);
  assert.ok(acknowledged.size >= 7_500);
  await engine.stop();
  directory.remove();
});

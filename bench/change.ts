import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createCatalog } from '@portolan/core/catalog/catalog.ts';
import type { Write } from '@portolan/core/catalog/change.ts';
import type { Catalog } from '@portolan/core/catalog/contract.ts';
import type { Draft, Intent } from '@portolan/core/catalog/draft.ts';
import {
  type CatalogRecord,
  type CheckRecord,
  type InstanceRecord,
  recordKey,
} from '@portolan/core/catalog/records.ts';
import type { StoredEntry } from '@portolan/core/catalog/store.ts';
import { createPlanner } from '@portolan/core/traffic/plan.ts';
import { systemClock } from '@portolan/server/engine/system-clock.ts';
import { createEngine, type EngineService } from '@portolan/server/engine.ts';
import { memoryStore } from '@portolan/server/store/store-memory.ts';
import { pino } from 'pino';

/** What one change costs the catalog in memory, by its size; and what loading the largest costs. */

const sizes = [1_000, 10_000, 100_000];
const instancesPerService = 10;
const instancesPerNode = 100;
const rounds = 15;
const changesPerRound = 2_000;

interface Subject {
  readonly size: number;
  readonly catalog: Catalog;
}

type Work = (subject: Subject, round: number) => { readonly run: () => void; readonly undo: () => void };

export async function changeBench(): Promise<void> {
  const subjects = sizes.map((size): Subject => ({ size, catalog: loaded(size) }));
  console.log(`One change, µs of CPU, median of ${rounds} interleaved rounds of ${changesPerRound}:`);
  const works: readonly [string, Work][] = [
    ['apply: register instance + check', registering],
    ['apply: status of a check', flipping],
    ['decide + apply: register instance + check', deciding],
    ['decide + apply: status of a check', decidingFlips],
  ];
  const rows: Record<string, Record<string, string>> = {};
  for (const [title, work] of works) {
    const medians = measure(subjects, work);
    const row: Record<string, string> = {};
    subjects.forEach(({ size }, at) => {
      row[`${size} instances`] = (medians[at] ?? 0).toFixed(2);
    });
    row['largest / smallest'] = ((medians.at(-1) ?? 0) / (medians[0] ?? 1)).toFixed(2);
    rows[title] = row;
  }
  console.table(rows);
  console.table(await wholeChanges());
  const self = fileURLToPath(import.meta.url);
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', self, '--load']);
  console.log(stdout.trimEnd());
}

/** From `submit` to published, through the engine over a memory store: planning and waking included. One after the other. */
async function wholeChanges(): Promise<Record<string, Record<string, string>>> {
  const engines = await Promise.all(sizes.map(async (size) => ({ size, engine: await engineOf(size) })));
  const samples = engines.map((): number[] => []);
  for (let round = -2; round < wholeRounds; round++) {
    for (const [at, { size, engine }] of engines.entries()) {
      const before = process.cpuUsage();
      for (let n = 0; n < changesPerWholeRound; n++) {
        const { node, id } = checkOf(scattered(n + (round + 2) * changesPerWholeRound, size));
        await engine.submit((draft) => draft.put(flipped(draft, node, id)));
      }
      const spent = process.cpuUsage(before);
      if (round >= 0) samples[at]?.push((spent.user + spent.system) / changesPerWholeRound);
    }
  }
  const medians = samples.map(median);
  const row: Record<string, string> = {};
  for (const [at, { size, engine }] of engines.entries()) {
    row[`${size} instances`] = (medians[at] ?? 0).toFixed(2);
    await engine.stop();
  }
  row['largest / smallest'] = ((medians.at(-1) ?? 0) / (medians[0] ?? 1)).toFixed(2);
  return { 'submit → published: status of a check': row };
}

const wholeRounds = 9;
const changesPerWholeRound = 1_000;

async function engineOf(size: number): Promise<EngineService> {
  const engine = createEngine({
    store: memoryStore(),
    catalog: createCatalog(),
    planner: createPlanner({ gatewayDomain: 'localhost' }),
    clock: systemClock,
    log: pino({ level: 'silent' }),
  });
  await engine.start();
  const perIntent = 500;
  for (let from = 0; from < size; from += perIntent) {
    await engine.submit((draft) => {
      for (let number = from; number < Math.min(size, from + perIntent); number++) {
        draft.put(instanceOf(number));
        draft.put(checkOf(number));
      }
    });
  }
  return engine;
}

/** CPU time per change of each subject. */
function measure(subjects: readonly Subject[], work: Work): number[] {
  const samples = subjects.map((): number[] => []);
  for (let round = -2; round < rounds; round++) {
    subjects.forEach((subject, at) => {
      const { run, undo } = work(subject, round);
      const before = process.cpuUsage();
      run();
      const spent = process.cpuUsage(before);
      undo();
      // The first rounds only warm the compiler up.
      if (round >= 0) samples[at]?.push((spent.user + spent.system) / changesPerRound);
    });
  }
  return samples.map(median);
}

function registering({ size, catalog }: Subject, round: number): ReturnType<Work> {
  const batches = newcomers(size, round);
  return {
    run: () => {
      for (const records of batches) apply(catalog, records.map(putting));
    },
    undo: () => {
      for (const records of batches) apply(catalog, records.map(deleting));
    },
  };
}

function flipping({ size, catalog }: Subject, round: number): ReturnType<Work> {
  const changes: Write[][] = [];
  for (let at = 0; at < changesPerRound; at++) {
    const { node, id } = checkOf(scattered(at + round * changesPerRound, size));
    changes.push([{ op: 'put', record: flipped(catalog, node, id) }]);
  }
  return {
    run: () => {
      for (const writes of changes) apply(catalog, writes);
    },
    undo: () => {},
  };
}

function decidingFlips({ size, catalog }: Subject, round: number): ReturnType<Work> {
  const checks: CheckRecord[] = [];
  for (let at = 0; at < changesPerRound; at++)
    checks.push(checkOf(scattered(at + round * changesPerRound, size)));
  return {
    run: () => {
      for (const { node, id } of checks) commit(catalog, (draft) => draft.put(flipped(draft, node, id)));
    },
    undo: () => {},
  };
}

function flipped(catalog: Pick<Draft, 'check'>, node: string, id: string): CheckRecord {
  const record = catalog.check(node, id)?.record;
  if (record === undefined) throw new Error(`The bench lost ${id}.`);
  return { ...record, status: record.status === 'critical' ? 'passing' : 'critical' };
}

function deciding({ size, catalog }: Subject, round: number): ReturnType<Work> {
  const batches = newcomers(size, round);
  return {
    run: () => {
      for (const records of batches) {
        commit(catalog, (draft) => {
          for (const record of records) draft.put(record);
        });
      }
    },
    undo: () => {
      for (const records of batches) apply(catalog, records.map(deleting));
    },
  };
}

/** What the engine does with an intent, but for the store. */
function commit(catalog: Catalog, intent: Intent<void>): void {
  const [decision] = catalog.decide([intent]);
  if (decision?.outcome !== 'decided') throw new Error('The bench was refused.');
  apply(catalog, decision.transaction.writes);
}

function apply(catalog: Catalog, writes: readonly Write[]): void {
  catalog.apply({ revision: catalog.revision + 1, writes });
}

function newcomers(size: number, round: number): CatalogRecord[][] {
  const batches: CatalogRecord[][] = [];
  for (let at = 0; at < changesPerRound; at++) {
    const number = scattered(at + round * changesPerRound, size);
    const newcomer = `new-${round}-${at}`;
    const instance = instanceOf(number);
    const id = `${instance.service}-${newcomer}`;
    const check = {
      ...checkOf(number),
      id: `service:${id}`,
      instance: { namespace: 'default', service: instance.service, id },
    };
    batches.push([{ ...instance, id }, check]);
  }
  return batches;
}

/** Somewhere among `size`, everywhere in turn: 7919 shares no factor with the sizes. */
function scattered(at: number, size: number): number {
  return Math.abs(at * 7919) % size;
}

function loaded(size: number): Catalog {
  const catalog = createCatalog();
  catalog.load({ revision: size * 2, entries: stored(size) });
  return catalog;
}

/** As a store gives them: each fresh from its JSON. */
function* stored(size: number): Generator<StoredEntry> {
  for (let number = 0; number < size; number++) {
    for (const record of [instanceOf(number), checkOf(number)]) {
      const fresh = JSON.parse(JSON.stringify(record)) as CatalogRecord;
      yield { record: fresh, createRevision: number + 1, modifyRevision: number + 1 };
    }
  }
}

const origin = { dialect: 'consul', source: 'agent', node: 'bench' };

function instanceOf(number: number): InstanceRecord {
  const service = `service-${Math.floor(number / instancesPerService)}`;
  return {
    kind: 'instance',
    namespace: 'default',
    service,
    node: `node-${Math.floor(number / instancesPerNode)}`,
    id: `${service}-${number}`,
    address: `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`,
    port: 8000 + (number % 1000),
    tags: ['http', 'v1'],
    metadata: { version: 'v1' },
    taggedAddresses: {},
    weights: { passing: 1, warning: 1 },
    adminState: 'in-service',
    adminReason: '',
    enableTagOverride: false,
    origin,
  };
}

function checkOf(number: number): CheckRecord {
  const { service, node, id, address, port } = instanceOf(number);
  return {
    kind: 'check',
    node,
    id: `service:${id}`,
    name: `Service '${service}' check`,
    status: 'passing',
    output: 'HTTP GET: 200 OK',
    notes: '',
    instance: { namespace: 'default', service, id },
    definition: {
      probe: {
        type: 'http',
        url: `http://${address}:${port}/health`,
        method: 'GET',
        headers: {},
        body: '',
        tlsServerName: '',
        tlsSkipVerify: false,
      },
      intervalMs: 10_000,
      timeoutMs: 10_000,
      successBeforePassing: 0,
      failuresBeforeWarning: 0,
      failuresBeforeCritical: 0,
      deregisterAfterMs: 0,
    },
    origin,
  };
}

function putting(record: CatalogRecord): Write {
  return { op: 'put', record };
}

function deleting(record: CatalogRecord): Write {
  return { op: 'delete', key: recordKey(record) };
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[values.length >> 1] ?? 0;
}

/** Runs in a process of its own, so that the memory is this catalog's. */
function loadBench(): void {
  const size = sizes.at(-1) ?? 0;
  let catalog: Catalog | undefined;
  const loading = timed(() => {
    catalog = loaded(size);
  });
  globalThis.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  let records = 0;
  const parsing = timed(() => {
    for (const _ of stored(size)) records++;
  });
  const mib = (bytes: number) => (bytes / 1024 / 1024).toFixed(0);
  console.log(`load ${size} instances with a check each: ${(loading - parsing).toFixed(0)} ms`);
  console.log(`  (and ${parsing.toFixed(0)} ms to make and parse the ${records} records)`);
  console.log(`then: RSS ${mib(rss)} MiB, heap ${mib(heapUsed)} MiB, revision ${catalog?.revision}`);
}

function timed(run: () => void): number {
  const start = performance.now();
  run();
  return performance.now() - start;
}

if (import.meta.main) {
  if (process.argv.includes('--load')) loadBench();
  else await changeBench();
}

// For tests and benchmarks only: a real engine over a store in memory, and the outlet on a free port.
import type { Clock } from '@portolan/core/base/clock.ts';
import { labelsFrom } from '@portolan/core/base/labels.ts';
import { createCatalog } from '@portolan/core/catalog/catalog.ts';
import type { Catalog } from '@portolan/core/catalog/contract.ts';
import type {
  CatalogRecord,
  CheckRecord,
  Health,
  InstanceRecord,
  NodeRecord,
} from '@portolan/core/catalog/records.ts';
import type { Planner } from '@portolan/core/traffic/planner.ts';
import { emptyTables, noTraffic } from '@portolan/core/traffic/tables.ts';
import { pino } from 'pino';
import type { Context, ListenerAddress } from '../../contract.ts';
import { systemClock } from '../../engine/system-clock.ts';
import { createEngine, type EngineService } from '../../engine.ts';
import { memoryStore } from '../../store/store-memory.ts';
import { type DnsConfig, dnsConfig } from './config.ts';
import { CatalogDirectory } from './directory.ts';
import { dnsOutlet } from './outlet.ts';

const origin = { dialect: 'test', source: 'test', node: 'here' } as const;

export function nodeRecord(name: string, address: string, rest: Partial<NodeRecord> = {}): NodeRecord {
  return {
    kind: 'node',
    name,
    id: '',
    address,
    datacenter: 'dc1',
    taggedAddresses: labelsFrom({}),
    metadata: labelsFrom({}),
    adminState: 'in-service',
    adminReason: '',
    origin,
    ...rest,
  };
}

/** Instance `id` of `service` on `node`, on port 80, with no address of its own. */
export function instanceRecord(
  service: string,
  node: string,
  id: string,
  rest: Partial<InstanceRecord> = {},
): InstanceRecord {
  return {
    kind: 'instance',
    namespace: 'default',
    service,
    node,
    id,
    address: '',
    port: 80,
    tags: [],
    metadata: labelsFrom({}),
    taggedAddresses: {},
    weights: { passing: 1, warning: 1 },
    adminState: 'in-service',
    adminReason: '',
    enableTagOverride: false,
    origin,
    ...rest,
  };
}

/** A check of `instance`, or of the node when there is none. */
export function checkRecord(
  node: string,
  id: string,
  status: Health,
  instance?: InstanceRecord,
): CheckRecord {
  return {
    kind: 'check',
    node,
    id,
    name: id,
    status,
    output: '',
    notes: '',
    ...(instance === undefined
      ? {}
      : { instance: { namespace: 'default', service: instance.service, id: instance.id } }),
    origin,
  };
}

/** A catalog that holds these records, as DNS sees it. */
export function directoryOf(
  ...records: readonly CatalogRecord[]
): CatalogDirectory & { readonly stored: Catalog } {
  const stored = createCatalog();
  stored.apply({ revision: 7, writes: records.map((record) => ({ op: 'put', record })) });
  return Object.assign(new CatalogDirectory(() => ({ catalog: stored, traffic: planner.model })), { stored });
}

export interface DnsRig extends AsyncDisposable {
  readonly engine: EngineService;
  readonly address: string;
  readonly port: number;
  put(...records: readonly CatalogRecord[]): Promise<void>;
  stop(): Promise<void>;
}

export async function startDns(
  settings: Partial<DnsConfig> = {},
  records: readonly CatalogRecord[] = [],
  clock: Clock = systemClock,
): Promise<DnsRig> {
  const log = pino({ level: 'silent' });
  const engine = createEngine({
    store: memoryStore(),
    catalog: createCatalog(),
    planner,
    clock: systemClock,
    log,
  });
  await engine.start();
  const listeners: ListenerAddress[] = [];
  const context: Context = {
    engine,
    identity: { node: 'here', nodeId: '', datacenter: 'dc1', address: '127.0.0.1', version: '0' },
    clock,
    random: Math.random,
    log,
    http: { mount: unused },
    health: { report: unused, outputOf: unused },
    listeners: {
      announce: (listener) => {
        listeners.push(listener);
        return () => {};
      },
      list: () => listeners,
    },
  };
  const outlet = dnsOutlet(context, dnsConfig({ listen: { address: '127.0.0.1', port: 0 }, ...settings }));
  try {
    await outlet.start();
  } catch (error) {
    await engine.stop();
    throw error;
  }
  const [listener] = listeners;
  if (listener === undefined) throw new Error('the outlet announced nothing');
  const put = async (...more: readonly CatalogRecord[]): Promise<void> => {
    await engine.submit((draft) => {
      for (const record of more) draft.put(record);
    });
  };
  await put(...records);
  const stop = async (): Promise<void> => {
    await outlet.stop(1_000);
    await engine.stop();
  };
  return { engine, address: listener.address, port: listener.port, put, stop, [Symbol.asyncDispose]: stop };
}

function unused(): never {
  throw new Error('the DNS outlet has no business here');
}

const planner: Planner = {
  model: { revision: 0, ...emptyTables() },
  diagnostics: [],
  rebuild: () => noTraffic,
  update: () => noTraffic,
};

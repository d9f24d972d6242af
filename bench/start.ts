import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { labels, noLabels } from '@portolan/core/base/labels.ts';
import type {
  CatalogRecord,
  CheckRecord,
  InstanceRecord,
  NodeRecord,
} from '@portolan/core/catalog/records.ts';
import { systemClock } from '@portolan/server/engine/system-clock.ts';
import { lmdbStore } from '@portolan/server/store/store-lmdb.ts';
import { freePort } from '@portolan/testkit/free-port.ts';
import { pino } from 'pino';

/** How long the real server takes from the start of its process until it is ready, with 100,000 instances on its disk. */

const instances = 100_000;
const services = 1_000;
const nodes = 200;
const runs = 3;
const targetSeconds = 3;
const targetMb = 400;

const origin = { dialect: 'consul', source: 'agent', node: 'bench' };

export async function startBench(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'portolan-bench-start-'));
  try {
    await fill(join(directory, 'store'));
    const rows: Record<string, object> = {};
    for (let count = 1; count <= runs; count += 1) rows[`start ${count}`] = await measure(directory);
    console.log(
      `\nStart of the server with ${instances} instances of ${services} services, a check each (target ≤ ${targetSeconds} s, ≤ ${targetMb} MB):`,
    );
    console.table(rows);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function fill(path: string): Promise<void> {
  const store = lmdbStore({ path, clock: systemClock, log: pino({ level: 'warn' }) });
  await store.open(() => {});
  let writes: { op: 'put'; record: CatalogRecord }[] = [];
  const flush = async () => {
    await store.commit([{ writes, guards: [] }]);
    writes = [];
  };
  for (let index = 0; index < nodes; index += 1) writes.push({ op: 'put', record: nodeRecord(index) });
  for (let index = 0; index < instances; index += 1) {
    const instance = instanceRecord(index);
    writes.push({ op: 'put', record: instance }, { op: 'put', record: checkRecord(instance) });
    if (writes.length >= 5_000) await flush();
  }
  await flush();
  await store.close();
}

function nodeRecord(index: number): NodeRecord {
  return {
    kind: 'node',
    name: `node-${index}`,
    id: '',
    address: `10.1.${index >> 8}.${index & 255}`,
    datacenter: 'dc1',
    taggedAddresses: noLabels,
    metadata: noLabels,
    adminState: 'in-service',
    adminReason: '',
    origin,
  };
}

function instanceRecord(index: number): InstanceRecord {
  return {
    kind: 'instance',
    namespace: 'default',
    service: `service-${index % services}`,
    node: `node-${index % nodes}`,
    id: `instance-${index}`,
    address: `10.${2 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`,
    port: 8080,
    tags: ['http', 'v1'],
    metadata: labels([
      ['version', 'v1'],
      ['zone', `zone-${index % 3}`],
    ]),
    taggedAddresses: {},
    weights: { passing: 1, warning: 1 },
    adminState: 'in-service',
    adminReason: '',
    enableTagOverride: false,
    origin,
  };
}

/** TTL, so that what is measured is the start and not the load of the checks. */
function checkRecord(of: InstanceRecord): CheckRecord {
  return {
    kind: 'check',
    node: of.node,
    id: `service:${of.id}`,
    name: `Service '${of.service}' check`,
    status: 'passing',
    output: '',
    notes: '',
    instance: { namespace: of.namespace, service: of.service, id: of.id },
    definition: {
      probe: { type: 'ttl', ttlMs: 600_000 },
      intervalMs: 0,
      timeoutMs: 0,
      successBeforePassing: 0,
      failuresBeforeWarning: 0,
      failuresBeforeCritical: 0,
      deregisterAfterMs: 0,
    },
    origin,
  };
}

const bin = fileURLToPath(new URL('../packages/cli/bin/portolan.mjs', import.meta.url));

async function measure(directory: string): Promise<object> {
  // Ports that are known beforehand, as in use: with port 0 the model is planned once more when they are.
  const names = ['http', 'dns', 'gateway', 'gateway-tls', 'proxy-admin'];
  const ports = await Promise.all(names.map(() => freePort()));
  const listen = names.map((name, index) => `${name}=127.0.0.1:${ports[index]}`);
  const port = ports[0] ?? 0;
  const args = [bin, 'server', '--data-dir', directory, '--node', 'bench'];
  const startedMs = performance.now();
  const child = spawn(process.execPath, [...args, ...listen.flatMap((one) => ['--listen', one])], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const exited = once(child, 'exit');
  try {
    while ((await statusOf(port)) !== 200) await new Promise((resolve) => setTimeout(resolve, 5));
    const seconds = (performance.now() - startedMs) / 1000;
    const pid = child.pid ?? 0;
    const server = rssMb(pid);
    const gateways = childrenOf(pid);
    const workers = gateways.flatMap(childrenOf).map((worker) => `${rssMb(worker)}`);
    return {
      'until ready': `${seconds.toFixed(2)} s`,
      'server RSS': `${server} MB`,
      peak: `${rssMb(pid, 'VmHWM')} MB`,
      'gateway RSS': `${gateways.map((one) => rssMb(one)).join(' + ')} MB`,
      'workers RSS': `${workers.join(' + ')} MB`,
    };
  } finally {
    child.kill('SIGTERM');
    await exited;
  }
}

function statusOf(port: number): Promise<number> {
  return new Promise((resolve) => {
    const request = get({ host: '127.0.0.1', port, path: '/readyz', agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on('error', () => resolve(0));
  });
}

/** As the kernel tells it: resident now (VmRSS), or at the most so far (VmHWM). */
function rssMb(pid: number, field = 'VmRSS'): number {
  const kilobytes = new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(
    readFileSync(`/proc/${pid}/status`, 'utf8'),
  )?.[1];
  return Math.round(Number(kilobytes) / 1024);
}

function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && parentOf(pid) === parent);
}

function parentOf(pid: number): number {
  try {
    return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch {
    return 0;
  }
}

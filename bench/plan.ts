// `npm run bench -- plan`: CPU time of the planner, 10,000 routes upon 100,000 instances.
import { labelsFrom } from '@portolan/core/base/labels.ts';
import { createCatalog } from '@portolan/core/catalog/catalog.ts';
import type { Write } from '@portolan/core/catalog/change.ts';
import type { Catalog } from '@portolan/core/catalog/contract.ts';
import type { CatalogDelta } from '@portolan/core/catalog/reader.ts';
import type { InstanceRecord, NodeRecord, RuleRecord } from '@portolan/core/catalog/records.ts';
import { createPlanner } from '@portolan/core/traffic/plan.ts';
import type { Planner } from '@portolan/core/traffic/planner.ts';

const services = 10_000;
const copies = 10;
const nodes = 500;
const changes = 2_000;
const origin = { dialect: 'portolan', source: 'bench', node: 'n0' };

function nodeRecord(index: number): NodeRecord {
  return {
    kind: 'node',
    name: `n${index}`,
    id: '',
    address: `10.0.${index >> 8}.${index & 255}`,
    datacenter: 'dc1',
    taggedAddresses: labelsFrom({}),
    metadata: labelsFrom({}),
    adminState: 'in-service',
    adminReason: '',
    origin,
  };
}

function instanceRecord(service: number, copy: number, port = 8_080): InstanceRecord {
  return {
    kind: 'instance',
    namespace: 'default',
    service: `s${service}`,
    node: `n${(service * copies + copy) % nodes}`,
    id: `s${service}-${copy}`,
    address: `10.${1 + (service >> 8)}.${service & 255}.${copy}`,
    port,
    tags: [],
    metadata: labelsFrom({ app: `s${service}`, version: copy % 2 === 0 ? 'v1' : 'v2' }),
    taggedAddresses: {},
    weights: { passing: 1, warning: 1 },
    adminState: 'in-service',
    adminReason: '',
    enableTagOverride: false,
    origin,
  };
}

function rule(apiVersion: string, kind: string, name: string, spec: object): RuleRecord {
  const metadata = { name, namespace: 'default', creationTimestamp: '2026-01-01T00:00:00.000Z' };
  const manifest = JSON.parse(JSON.stringify({ apiVersion, kind, metadata, spec }));
  return { kind: 'rule', apiVersion, ruleKind: kind, namespace: 'default', name, manifest, origin };
}

function serviceRule(index: number, port = 80): RuleRecord {
  const ports = [{ name: 'http', port, targetPort: 8_080 }];
  return rule('v1', 'Service', `s${index}`, { selector: { app: `s${index}` }, ports });
}

/** @param host one for all, or one for each */
function ingressRule(index: number, host: string, path = '/'): RuleRecord {
  const backend = { service: { name: `s${index}`, port: { number: 80 } } };
  const paths = [{ path, pathType: 'Prefix', backend }];
  return rule('networking.k8s.io/v1', 'Ingress', `i${index}`, { rules: [{ host, http: { paths } }] });
}

function put(...records: (NodeRecord | InstanceRecord | RuleRecord)[]): Write[] {
  return records.map((record) => ({ op: 'put', record }));
}

interface World {
  readonly catalog: Catalog;
  readonly planner: Planner;
}

/** Milliseconds of the planner alone, without the catalog's own part. */
function timed({ catalog, planner }: World, delta: CatalogDelta): number {
  const start = performance.now();
  planner.update(catalog, delta);
  return performance.now() - start;
}

/** Of this thread: what others do on the machine does not count, nor do helpers of the garbage collector. It moves in steps of some ms. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

function filled(manyHosts: boolean): World {
  const catalog = createCatalog();
  const writes: Write[] = [];
  for (let index = 0; index < nodes; index++) writes.push(...put(nodeRecord(index)));
  for (let service = 0; service < services; service++) {
    for (let copy = 0; copy < copies; copy++) writes.push(...put(instanceRecord(service, copy)));
    const host = manyHosts ? `h${service}.test` : 'one.test';
    const path = manyHosts ? '/' : `/p${service}`;
    writes.push(...put(serviceRule(service), ingressRule(service, host, path)));
  }
  catalog.apply({ revision: 1, writes });
  return { catalog, planner: createPlanner({ gatewayDomain: 'localhost' }) };
}

function measure(name: string, manyHosts: boolean): void {
  const world = filled(manyHosts);
  const start = cpuMs();
  world.planner.rebuild(world.catalog);
  const fullMs = cpuMs() - start;
  console.log(
    `\nplan: ${services} Ingress routes ${name}, ${services} Services, ${services * copies} instances`,
  );
  console.log(`full plan: ${fullMs.toFixed(0)} ms of CPU (limit 2000)`);
  console.log(
    '| change | mean ms of CPU | p50 ms | p90 ms | p99 ms | limit |\n| --- | --- | --- | --- | --- | --- |',
  );
  const row = (name: string, count: number, limit: number, writesOf: (index: number) => Write[]): void => {
    const all = Array.from({ length: count }, (_, index) => writesOf((index * 7_919) % services));
    const deltas = all.map((writes) => {
      const { catalog } = world;
      return catalog.apply({ revision: catalog.revision + 1, writes });
    });
    const start = cpuMs();
    const times = deltas.map((delta) => timed(world, delta));
    const meanMs = (cpuMs() - start) / count;
    times.sort((left, right) => left - right);
    const at = (share: number): string =>
      (times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0).toFixed(3);
    console.log(`| ${name} | ${meanMs.toFixed(3)} | ${at(0.5)} | ${at(0.9)} | ${at(0.99)} | ${limit} |`);
  };
  const host = (index: number): string => (manyHosts ? `h${index}.test` : 'one.test');
  const rules = manyHosts ? changes : 100;
  row('an endpoint', changes, 1, (index) => put(instanceRecord(index, 3, 8_090)));
  row('an Ingress', rules, 10, (index) => put(ingressRule(index, host(index), '/changed')));
  row('a Service', rules, 10, (index) => put(serviceRule(index, 81)));
}

export async function planBench(): Promise<void> {
  measure('on as many hosts', true);
  measure('on one host', false);
}

if (import.meta.main) await planBench();

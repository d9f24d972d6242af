// `npm run bench -- plan`: CPU time of the planner, 10,000 routes upon 100,000 instances.
import { performance } from 'node:perf_hooks';
import { labelsFrom } from '@portolan/core/base/labels.ts';
import { createCatalog } from '@portolan/core/catalog/catalog.ts';
import type { Write } from '@portolan/core/catalog/change.ts';
import type { Catalog } from '@portolan/core/catalog/contract.ts';
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
function timed({ catalog, planner }: World, writes: readonly Write[]): number {
  const delta = catalog.apply({ revision: catalog.revision + 1, writes });
  const start = performance.now();
  planner.update(catalog, delta);
  return performance.now() - start;
}

function row(name: string, times: number[], limitMs: number): void {
  times.sort((left, right) => left - right);
  const at = (share: number): string =>
    (times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0).toFixed(3);
  console.log(`| ${name} | ${at(0.5)} | ${at(0.99)} | ${at(1)} | ${limitMs} |`);
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
  const start = performance.now();
  world.planner.rebuild(world.catalog);
  const fullMs = performance.now() - start;
  console.log(
    `\nplan: ${services} Ingress routes ${name}, ${services} Services, ${services * copies} instances`,
  );
  console.log(`full plan: ${fullMs.toFixed(0)} ms (limit 2000)`);
  console.log('| change | p50 ms | p99 ms | max ms | limit |\n| --- | --- | --- | --- | --- |');
  const each = (count: number, writesOf: (index: number) => readonly Write[]): number[] =>
    Array.from({ length: count }, (_, index) => timed(world, writesOf((index * 7_919) % services)));
  const host = (index: number): string => (manyHosts ? `h${index}.test` : 'one.test');
  each(changes, (index) => put(instanceRecord(index, 3, 8_070)));
  row(
    'an endpoint',
    each(changes, (index) => put(instanceRecord(index, 3, 8_090))),
    1,
  );
  const rules = manyHosts ? changes : 50;
  row(
    'an Ingress',
    each(rules, (index) => put(ingressRule(index, host(index), '/changed'))),
    10,
  );
  row(
    'a Service',
    each(rules, (index) => put(serviceRule(index, 81))),
    10,
  );
  row(
    'a Service, back',
    each(rules, (index) => put(serviceRule(index, 80))),
    10,
  );
}

export async function planBench(): Promise<void> {
  measure('on as many hosts', true);
  measure('on one host', false);
}

if (import.meta.main) await planBench();

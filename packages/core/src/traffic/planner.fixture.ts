import { sameJson } from '../base/json.ts';
import { labelsFrom, noLabels } from '../base/labels.ts';
import { createCatalog } from '../catalog/catalog.ts';
import type { Write } from '../catalog/change.ts';
import type { Catalog } from '../catalog/contract.ts';
import type {
  CatalogRecord,
  CheckRecord,
  Health,
  InstanceRecord,
  NodeRecord,
  RuleRecord,
} from '../catalog/records.ts';
import { clusterScope, ruleKindOf } from '../rules/rule-kinds.ts';
import type { TrafficDelta, TrafficModel } from './model.ts';
import { createPlanner, type PlannerOptions } from './plan.ts';
import type { Planner } from './planner.ts';

const origin = { dialect: 'portolan', source: 'test', node: 'n1' };

export function node(name: string, more: Partial<NodeRecord> = {}): NodeRecord {
  return {
    kind: 'node',
    name,
    id: '',
    address: '10.0.0.1',
    datacenter: 'dc1',
    taggedAddresses: noLabels,
    metadata: noLabels,
    adminState: 'in-service',
    adminReason: '',
    origin,
    ...more,
  };
}

export function instance(service: string, id: string, more: Partial<InstanceRecord> = {}): InstanceRecord {
  return {
    kind: 'instance',
    namespace: 'default',
    service,
    node: 'n1',
    id,
    address: '',
    port: 8080,
    tags: [],
    metadata: noLabels,
    taggedAddresses: {},
    weights: { passing: 1, warning: 1 },
    adminState: 'in-service',
    adminReason: '',
    enableTagOverride: false,
    origin,
    ...more,
  };
}

/** An instance with an address of its own and labels. */
export function labelled(
  service: string,
  address: string,
  labels: Readonly<Record<string, string>> = {},
  more: Partial<InstanceRecord> = {},
): InstanceRecord {
  return instance(service, address, { address, metadata: labelsFrom(labels), ...more });
}

export function check(of: InstanceRecord, status: Health): CheckRecord {
  return {
    kind: 'check',
    node: of.node,
    id: `check-${of.id}`,
    name: '',
    status,
    output: '',
    notes: '',
    instance: { namespace: of.namespace, service: of.service, id: of.id },
    origin,
  };
}

/** A manifest as somebody writes it. */
export interface WrittenManifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly labels?: Readonly<Record<string, string>>;
    readonly creationTimestamp?: string;
  };
  readonly [field: string]: unknown;
}

/** As the reader of manifests stores it: with a namespace, and a time. */
export function rule(manifest: WrittenManifest): RuleRecord {
  const { apiVersion, kind, metadata } = manifest;
  const namespaced = ruleKindOf(apiVersion, kind)?.namespaced ?? true;
  const namespace = namespaced ? (metadata.namespace ?? 'default') : clusterScope;
  const stored = {
    ...manifest,
    metadata: {
      creationTimestamp: '2026-01-01T00:00:00.000Z',
      ...metadata,
      ...(namespaced ? { namespace } : {}),
    },
  };
  return {
    kind: 'rule',
    apiVersion,
    ruleKind: kind,
    namespace,
    name: metadata.name,
    manifest: JSON.parse(JSON.stringify(stored)),
    origin,
  };
}

/** A catalog and a planner that follows it. */
export interface World {
  readonly catalog: Catalog;
  readonly planner: Planner;
  write(writes: readonly Write[]): TrafficDelta;
}

export function world(options: PlannerOptions): World {
  const catalog = createCatalog();
  const planner = createPlanner(options);
  planner.rebuild(catalog);
  return {
    catalog,
    planner,
    write: (writes) => planner.update(catalog, catalog.apply({ revision: catalog.revision + 1, writes })),
  };
}

export function put(...records: readonly CatalogRecord[]): Write[] {
  return records.map((record) => ({ op: 'put', record }));
}

/** The whole plan as JSON has it, in order of name. What is empty is left out. */
export function plain({ model, diagnostics }: Planner): Readonly<Record<string, unknown>> {
  const kinds = {
    listeners: sorted(model.listeners),
    tlsHosts: sorted(model.tlsHosts),
    virtualHosts: sorted(model.virtualHosts),
    clusters: sorted(model.clusters),
    certificates: sorted(model.certificates),
    diagnostics,
  };
  return JSON.parse(JSON.stringify(kinds));
}

function sorted<T>(map: ReadonlyMap<string, T>): T[] {
  return [...map].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, value]) => value);
}

export function copy(model: TrafficModel): TrafficModel {
  return {
    revision: model.revision,
    certificates: new Map(model.certificates),
    clusters: new Map(model.clusters),
    tlsHosts: new Map(model.tlsHosts),
    virtualHosts: new Map(model.virtualHosts),
    listeners: new Map(model.listeners),
  };
}

/** What a delta between the two must name. */
export function difference(before: TrafficModel, after: TrafficModel): TrafficDelta {
  const names = (left: ReadonlyMap<string, unknown>, right: ReadonlyMap<string, unknown>) =>
    new Set(
      [...new Set([...left.keys(), ...right.keys()])].filter(
        (name) => !sameJson(left.get(name), right.get(name)) || left.has(name) !== right.has(name),
      ),
    );
  return {
    certificates: names(before.certificates, after.certificates),
    clusters: names(before.clusters, after.clusters),
    tlsHosts: names(before.tlsHosts, after.tlsHosts),
    virtualHosts: names(before.virtualHosts, after.virtualHosts),
    listeners: names(before.listeners, after.listeners),
  };
}

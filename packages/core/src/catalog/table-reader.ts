import { listed, type OneOrMany } from '../base/one-or-many.ts';
import { repeatable } from '../base/repeatable.ts';
import { find, items, run } from '../base/sorted-tree.ts';
import { byKvKey, byLeaseId, byRule, rulesOf, startingWith, underPrefix, versionsOf } from './orders.ts';
import type { CatalogReader, ServiceView } from './reader.ts';
import {
  type CheckRecord,
  defaultNamespace,
  type Entry,
  type Health,
  type InstanceRecord,
  type KvRecord,
  type LeaseRecord,
  type NodeRecord,
  type RuleRecord,
  type RuleVersionRecord,
} from './records.ts';
import type { Tables } from './tables.ts';

const none: readonly never[] = Object.freeze([]);

/** The queries, over tables. */
export abstract class TableReader implements Omit<CatalogReader, 'indexOf' | 'revision'> {
  protected readonly tables: Tables;

  constructor(tables: Tables) {
    this.tables = tables;
  }

  node(name: string): Entry<NodeRecord> | undefined {
    return this.tables.nodes.get(name)?.entry;
  }

  nodes(): Iterable<Entry<NodeRecord>> {
    return repeatable(() => this.#nodes());
  }

  services(namespace?: string): Iterable<ServiceView> {
    return repeatable(() => this.#services(namespace));
  }

  checks(): Iterable<Entry<CheckRecord>> {
    return repeatable(() => this.#checks());
  }

  *#nodes(): Generator<Entry<NodeRecord>> {
    for (const name of items(this.tables.nodes.names)) {
      const entry = this.tables.nodes.get(name)?.entry;
      if (entry !== undefined) yield entry;
    }
  }

  *#services(namespace: string | undefined): Generator<ServiceView> {
    const keys = this.tables.services.keys;
    for (const key of namespace === undefined ? items(keys) : run(keys, startingWith, `${namespace}/`)) {
      const state = this.tables.services.get(key);
      if (state !== undefined) yield state;
    }
  }

  service(name: string, namespace = defaultNamespace): ServiceView | undefined {
    return this.tables.services.get(`${namespace}/${name}`);
  }

  servicesByFoldedName(lowerCaseName: string, namespace = defaultNamespace): readonly ServiceView[] {
    const views: ServiceView[] = [];
    for (const key of items(this.tables.services.folded(namespace, lowerCaseName))) {
      const state = this.tables.services.get(key);
      if (state !== undefined) views.push(state);
    }
    return views;
  }

  instance(namespace: string, service: string, node: string, id: string): Entry<InstanceRecord> | undefined {
    return this.tables.instance({ namespace, service, node, id });
  }

  instanceOnNode(node: string, id: string): Entry<InstanceRecord> | undefined {
    for (const { instance } of listed(this.tables.nodes.get(node)?.slots.get(id))) {
      if (instance !== undefined) return instance;
    }
    return undefined;
  }

  instancesOnNode(node: string): Iterable<Entry<InstanceRecord>> {
    return this.tables.nodes.get(node)?.sortedInstances() ?? none;
  }

  instancesOnLease(lease: string): Iterable<Entry<InstanceRecord>> {
    const tree = this.tables.leaseInstances.get(lease);
    return tree === undefined ? none : items(tree);
  }

  check(node: string, id: string): Entry<CheckRecord> | undefined {
    return this.tables.check(node, id);
  }

  checksOnNode(node: string): Iterable<Entry<CheckRecord>> {
    return this.tables.nodes.get(node)?.sortedChecks() ?? none;
  }

  nodeChecks(node: string): Iterable<Entry<CheckRecord>> {
    return listed(this.tables.nodes.get(node)?.own.checks);
  }

  checksOfInstance(instance: InstanceRecord): Iterable<Entry<CheckRecord>> {
    return listed(this.tables.nodes.get(instance.node)?.slot(instance.id, instance)?.checks);
  }

  *#checks(): Generator<Entry<CheckRecord>> {
    for (const name of items(this.tables.nodes.names)) yield* this.checksOnNode(name);
  }

  healthOf(instance: InstanceRecord): Health {
    const node = this.tables.nodes.get(instance.node);
    if (node === undefined) return 'passing';
    return worse(worst(node.own.checks), worst(node.slot(instance.id, instance)?.checks));
  }

  lease(id: string): Entry<LeaseRecord> | undefined {
    return find(this.tables.roots.leases, byLeaseId, id);
  }

  leases(): Iterable<Entry<LeaseRecord>> {
    return items(this.tables.roots.leases);
  }

  kv(key: string): Entry<KvRecord> | undefined {
    return find(this.tables.roots.kvs, byKvKey, key);
  }

  kvPrefix(prefix: string): Iterable<Entry<KvRecord>> {
    return run(this.tables.roots.kvs, underPrefix, prefix);
  }

  rule(apiVersion: string, ruleKind: string, namespace: string, name: string): Entry<RuleRecord> | undefined {
    return find(this.tables.roots.rules, byRule, { apiVersion, ruleKind, namespace, name });
  }

  rules(apiVersion?: string, ruleKind?: string, namespace?: string): Iterable<Entry<RuleRecord>> {
    if (apiVersion === undefined) return items(this.tables.roots.rules);
    return run(this.tables.roots.rules, rulesOf, { apiVersion, ruleKind, namespace });
  }

  versionsOfRule(
    apiVersion: string,
    ruleKind: string,
    namespace: string,
    name: string,
  ): Iterable<Entry<RuleVersionRecord>> {
    return run(this.tables.roots.ruleVersions, versionsOf, { apiVersion, ruleKind, namespace, name });
  }

  ruleVersions(): Iterable<Entry<RuleVersionRecord>> {
    return items(this.tables.roots.ruleVersions);
  }
}

function worst(checks: OneOrMany<Entry<CheckRecord>> | undefined): Health {
  let health: Health = 'passing';
  for (const { record } of listed(checks)) health = worse(health, record.status);
  return health;
}

function worse(left: Health, right: Health): Health {
  if (left === 'critical' || right === 'critical') return 'critical';
  return left === 'warning' ? left : right;
}

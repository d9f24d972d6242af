import { find, items, run } from '../base/sorted-tree.ts';
import { byKvKey, byLeaseId, ofBearer, underPrefix, withId } from './orders.ts';
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
} from './records.ts';
import { foldedKey, type Tables } from './tables.ts';

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

  *nodes(): Generator<Entry<NodeRecord>> {
    for (const name of items(this.tables.roots.nodeNames)) {
      const entry = this.tables.nodes.get(name)?.entry;
      if (entry !== undefined) yield entry;
    }
  }

  *services(namespace?: string): Generator<ServiceView> {
    const keys = this.tables.roots.serviceKeys;
    for (const key of namespace === undefined ? items(keys) : run(keys, startingWith, `${namespace}/`)) {
      const state = this.tables.services.get(key);
      if (state !== undefined) yield state;
    }
  }

  service(name: string, namespace = defaultNamespace): ServiceView | undefined {
    return this.tables.services.get(`${namespace}/${name}`);
  }

  servicesByFoldedName(lowerCaseName: string, namespace = defaultNamespace): readonly ServiceView[] {
    const keys = this.tables.folded.get(foldedKey(namespace, lowerCaseName));
    if (keys === undefined) return none;
    const views: ServiceView[] = [];
    for (const key of items(keys)) {
      const state = this.tables.services.get(key);
      if (state !== undefined) views.push(state);
    }
    return views;
  }

  instance(namespace: string, service: string, node: string, id: string): Entry<InstanceRecord> | undefined {
    return this.tables.instance({ namespace, service, node, id });
  }

  instanceOnNode(node: string, id: string): Entry<InstanceRecord> | undefined {
    const state = this.tables.nodes.get(node);
    if (state === undefined) return undefined;
    for (const entry of run(state.instances, withId, id)) return entry;
    return undefined;
  }

  instancesOnNode(node: string): Iterable<Entry<InstanceRecord>> {
    const state = this.tables.nodes.get(node);
    return state === undefined ? none : items(state.instances);
  }

  instancesOnLease(lease: string): Iterable<Entry<InstanceRecord>> {
    const tree = this.tables.leaseInstances.get(lease);
    return tree === undefined ? none : items(tree);
  }

  check(node: string, id: string): Entry<CheckRecord> | undefined {
    return this.tables.check(node, id);
  }

  checksOnNode(node: string): Iterable<Entry<CheckRecord>> {
    const state = this.tables.nodes.get(node);
    return state === undefined ? none : items(state.checks);
  }

  nodeChecks(node: string): Iterable<Entry<CheckRecord>> {
    return this.#checksOf(node, undefined);
  }

  checksOfInstance(instance: InstanceRecord): Iterable<Entry<CheckRecord>> {
    return this.#checksOf(instance.node, instance);
  }

  *checks(): Generator<Entry<CheckRecord>> {
    for (const name of items(this.tables.roots.nodeNames)) yield* this.checksOnNode(name);
  }

  healthOf(instance: InstanceRecord): Health {
    return worse(
      worst(this.#checksOf(instance.node, undefined)),
      worst(this.#checksOf(instance.node, instance)),
    );
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

  rules(): Iterable<Entry<RuleRecord>> {
    return items(this.tables.roots.rules);
  }

  #checksOf(node: string, instance: InstanceRecord | undefined): Iterable<Entry<CheckRecord>> {
    const state = this.tables.nodes.get(node);
    if (state === undefined) return none;
    const bearer =
      instance === undefined
        ? undefined
        : { namespace: instance.namespace, service: instance.service, id: instance.id };
    return run(state.checksByBearer, ofBearer, bearer);
  }
}

function worst(checks: Iterable<Entry<CheckRecord>>): Health {
  let health: Health = 'passing';
  for (const { record } of checks) health = worse(health, record.status);
  return health;
}

function worse(left: Health, right: Health): Health {
  if (left === 'critical' || right === 'critical') return 'critical';
  return left === 'warning' ? left : right;
}

function startingWith(prefix: string, text: string): number {
  return text.startsWith(prefix) ? 0 : prefix < text ? -1 : 1;
}

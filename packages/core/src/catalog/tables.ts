import { excluding, including, listed } from '../base/one-or-many.ts';
import { compareText, emptyTree, find, put, remove, type SortedTree, sizeOf } from '../base/sorted-tree.ts';
import { Journal } from './journal.ts';
import { type Bearer, bearerKey, NodeState, sameBearer } from './node-state.ts';
import {
  byCheckId,
  byKvKey,
  byLeaseId,
  byRule,
  everywhere,
  type InstanceKey,
  inService,
  onNode,
} from './orders.ts';
import { parseRecordKey } from './record-key.ts';
import type {
  CatalogRecord,
  CheckRecord,
  Entry,
  InstanceRecord,
  KvRecord,
  LeaseRecord,
  NodeRecord,
  RecordKey,
  RuleRecord,
  ServiceRecord,
} from './records.ts';
import { countTags, ServiceState } from './service-state.ts';
import { sameList, type Touches } from './touches.ts';

/** Where to go back to. */
export interface Mark {
  readonly journal: number;
  readonly roots: Roots;
}

/** The collections that are one tree for the whole catalog. */
interface Roots {
  readonly leases: SortedTree<Entry<LeaseRecord>>;
  readonly kvs: SortedTree<Entry<KvRecord>>;
  readonly rules: SortedTree<Entry<RuleRecord>>;
  /** `<namespace>/<name>` of every service. */
  readonly serviceKeys: SortedTree<string>;
  /** The names of every node state. */
  readonly nodeNames: SortedTree<string>;
}

/**
 * The records with their secondary indexes. Maps find the service or the node, immutable states hold the rest, so that a
 * write costs what its service and node cost, and can be taken back: between `begin` and `end`, `back` returns to any mark.
 */
export class Tables {
  /** By `<namespace>/<name>`; a namespace has no slash. Only services that exist. */
  readonly services = new Map<string, ServiceState>();
  /** By name; also nodes that only instances or checks name. */
  readonly nodes = new Map<string, NodeState>();
  /** `<namespace>/<lower-cased name>` to the keys of the services so named, in order. */
  readonly folded = new Map<string, SortedTree<string>>();
  /** By lease. */
  readonly leaseInstances = new Map<string, SortedTree<Entry<InstanceRecord>>>();
  roots: Roots = {
    leases: emptyTree(),
    kvs: emptyTree(),
    rules: emptyTree(),
    serviceKeys: emptyTree(),
    nodeNames: emptyTree(),
  };
  readonly #journal = new Journal();

  begin(): void {
    this.#journal.open();
  }

  mark(): Mark {
    return { journal: this.#journal.mark, roots: this.roots };
  }

  back(mark: Mark): void {
    this.#journal.back(mark.journal);
    this.roots = mark.roots;
  }

  end(): void {
    this.#journal.close();
  }

  /** The entry at `key`. */
  get(key: RecordKey): Entry | undefined {
    const parsed = parseRecordKey(key);
    if (parsed === undefined) return undefined;
    const [first = '', second = '', third = '', fourth = ''] = parsed.parts;
    switch (parsed.kind) {
      case 'node':
        return this.nodes.get(first)?.entry;
      case 'instance':
        return this.instance({ namespace: first, service: second, node: third, id: fourth });
      case 'service':
        return this.services.get(`${first}/${second}`)?.entry;
      case 'check':
        return this.check(first, second);
      case 'lease':
        return find(this.roots.leases, byLeaseId, first);
      case 'kv':
        return find(this.roots.kvs, byKvKey, first);
      case 'rule':
        return find(this.roots.rules, byRule, {
          apiVersion: first,
          ruleKind: second,
          namespace: third,
          name: fourth,
        });
    }
  }

  /** The entry that has the key of `record`. */
  current(record: CatalogRecord): Entry | undefined {
    switch (record.kind) {
      case 'node':
        return this.nodes.get(record.name)?.entry;
      case 'instance':
        return this.instance(record);
      case 'service':
        return this.services.get(`${record.namespace}/${record.name}`)?.entry;
      case 'check':
        return this.check(record.node, record.id);
      case 'lease':
        return find(this.roots.leases, byLeaseId, record.id);
      case 'kv':
        return find(this.roots.kvs, byKvKey, record.key);
      case 'rule':
        return find(this.roots.rules, byRule, record);
    }
  }

  instance(key: InstanceKey): Entry<InstanceRecord> | undefined {
    return this.nodes.get(key.node)?.instance(key.namespace, key.service, key.id);
  }

  check(node: string, id: string): Entry<CheckRecord> | undefined {
    return this.nodes.get(node)?.checks.get(id);
  }

  /** Writes `entry` in place of `before`, which must be what has its key now. What it touches gets its modifyRevision. */
  place(entry: Entry, before: Entry | undefined, touches?: Touches): void {
    const { record } = entry;
    switch (record.kind) {
      case 'node':
        this.#node(record.name, entry as Entry<NodeRecord>, entry.modifyRevision, touches);
        break;
      case 'service':
        this.#service(record, entry as Entry<ServiceRecord>, entry.modifyRevision, touches);
        break;
      case 'instance':
        this.#instance(
          record,
          before as Entry<InstanceRecord> | undefined,
          entry as Entry<InstanceRecord>,
          entry.modifyRevision,
          touches,
        );
        break;
      case 'check':
        this.#check(
          record,
          before as Entry<CheckRecord> | undefined,
          entry as Entry<CheckRecord>,
          entry.modifyRevision,
          touches,
        );
        break;
      case 'lease':
        touches?.leases.push(record.id);
        this.#root({
          leases: put(this.roots.leases, byLeaseId, record.id, entry as Entry<LeaseRecord>),
        });
        break;
      case 'kv':
        touches?.kvKeys.push(record.key);
        this.#root({ kvs: put(this.roots.kvs, byKvKey, record.key, entry as Entry<KvRecord>) });
        break;
      case 'rule':
        if (touches !== undefined) touches.rules = true;
        this.#root({ rules: put(this.roots.rules, byRule, record, entry as Entry<RuleRecord>) });
        break;
    }
  }

  /** Removes `before`, which must be there. What it touches gets `revision`. */
  remove(before: Entry, revision: number, touches?: Touches): void {
    const { record } = before;
    switch (record.kind) {
      case 'node':
        this.#node(record.name, undefined, revision, touches);
        break;
      case 'service':
        this.#service(record, undefined, revision, touches);
        break;
      case 'instance':
        this.#instance(record, before as Entry<InstanceRecord>, undefined, revision, touches);
        break;
      case 'check':
        this.#check(record, before as Entry<CheckRecord>, undefined, revision, touches);
        break;
      case 'lease':
        touches?.leases.push(record.id);
        this.#root({ leases: remove(this.roots.leases, byLeaseId, record.id) });
        break;
      case 'kv':
        touches?.kvKeys.push(record.key);
        this.#root({ kvs: remove(this.roots.kvs, byKvKey, record.key) });
        break;
      case 'rule':
        if (touches !== undefined) touches.rules = true;
        this.#root({ rules: remove(this.roots.rules, byRule, record) });
        break;
    }
  }

  #node(name: string, entry: Entry<NodeRecord> | undefined, revision: number, touches?: Touches): void {
    const state = this.nodes.get(name) ?? NodeState.empty(name);
    if (touches !== undefined) touches.nodeList = true;
    this.#setNode(state.exists, state.next(entry, revision), touches);
    this.#touchServicesOn(state, revision, touches);
  }

  #service(
    record: ServiceRecord,
    entry: Entry<ServiceRecord> | undefined,
    revision: number,
    touches?: Touches,
  ): void {
    const state = this.#serviceState(record.namespace, record.name);
    this.#setService(state, state.withRecord(entry, revision), false, touches);
  }

  #instance(
    record: InstanceRecord,
    before: Entry<InstanceRecord> | undefined,
    after: Entry<InstanceRecord> | undefined,
    revision: number,
    touches?: Touches,
  ): void {
    const service = this.#serviceState(record.namespace, record.service);
    const counts = recounted(service.tagCounts, before?.record.tags ?? noTags, after?.record.tags ?? noTags);
    const tree = swapped(service.tree, inService, record, after);
    // One that only comes or goes changes the set of tags only with its size.
    const replaced = before !== undefined && after !== undefined && counts !== service.tagCounts;
    const retagged = replaced || sizeOf(counts) !== sizeOf(service.tagCounts);
    this.#setService(service, service.withInstances(tree, counts, revision), retagged, touches);

    const node = this.nodes.get(record.node) ?? NodeState.empty(record.node);
    const existed = node.exists;
    const sameId = node.instances.get(record.id);
    const held =
      after === undefined ? before && excluding(sameId, before, onNode) : including(sameId, after, onNode);
    this.#journal.write(node.instances, record.id, held);
    this.#setNode(existed, node.next(node.entry, revision), touches);

    const was = before?.record.lease;
    const is = after?.record.lease;
    if (was !== undefined && was !== is) this.#onLease(was, record, undefined);
    if (is !== undefined) this.#onLease(is, record, after);
  }

  #onLease(lease: string, record: InstanceRecord, entry: Entry<InstanceRecord> | undefined): void {
    const tree = swapped(
      this.leaseInstances.get(lease) ?? emptyTree<Entry<InstanceRecord>>(),
      everywhere,
      record,
      entry,
    );
    this.#journal.write(this.leaseInstances, lease, sizeOf(tree) === 0 ? undefined : tree);
  }

  #check(
    record: CheckRecord,
    before: Entry<CheckRecord> | undefined,
    after: Entry<CheckRecord> | undefined,
    revision: number,
    touches?: Touches,
  ): void {
    const node = this.nodes.get(record.node) ?? NodeState.empty(record.node);
    const existed = node.exists;
    const moved = before !== undefined && !sameBearer(before.record.instance, record.instance);
    this.#journal.write(node.checks, record.id, after);
    if (before !== undefined && (moved || after === undefined)) this.#unbear(node, before);
    if (after !== undefined) this.#bear(node, after);
    this.#setNode(existed, node.next(node.entry, revision), touches);
    touches?.checks.push({
      node: record.node,
      id: record.id,
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
    });
    if (moved) this.#touchBearer(node, before.record.instance, revision, touches);
    this.#touchBearer(node, record.instance, revision, touches);
  }

  #bear(node: NodeState, entry: Entry<CheckRecord>): void {
    const key = bearerKey(entry.record.instance);
    this.#journal.write(node.bearers, key, including(node.bearers.get(key), entry, byCheckId));
  }

  #unbear(node: NodeState, entry: Entry<CheckRecord>): void {
    const key = bearerKey(entry.record.instance);
    this.#journal.write(node.bearers, key, excluding(node.bearers.get(key), entry, byCheckId));
  }

  #touchBearer(node: NodeState, bearer: Bearer, revision: number, touches?: Touches): void {
    if (bearer === undefined) {
      this.#touchServicesOn(node, revision, touches);
      return;
    }
    // A check may be there before its instance: then no service shows it yet.
    if (node.instance(bearer.namespace, bearer.service, bearer.id) === undefined) return;
    this.#touchService(this.#serviceState(bearer.namespace, bearer.service), revision, touches);
  }

  #touchServicesOn(node: NodeState, revision: number, touches?: Touches): void {
    for (const held of node.instances.values()) {
      for (const { record } of listed(held)) {
        this.#touchService(this.#serviceState(record.namespace, record.service), revision, touches);
      }
    }
  }

  #touchService(state: ServiceState, revision: number, touches?: Touches): void {
    // Touched by this change already, or (while loading) by a later one.
    if (state.modifyRevision >= revision) return;
    this.#journal.write(this.services, state.key, state.touched(revision));
    touches?.services.add(state.key);
  }

  #serviceState(namespace: string, name: string): ServiceState {
    const key = `${namespace}/${name}`;
    return this.services.get(key) ?? ServiceState.empty(key, namespace, name);
  }

  #setService(before: ServiceState, after: ServiceState, retagged: boolean, touches?: Touches): void {
    const { key } = after;
    const existed = before.exists;
    const { exists } = after;
    if (touches !== undefined) {
      touches.services.add(key);
      if (existed !== exists || retagged) touches.listing(key, existed ? before : undefined);
    }
    this.#journal.write(this.services, key, exists ? after : undefined);
    if (existed === exists) return;
    const present = exists ? key : undefined;
    this.#root({ serviceKeys: swapped(this.roots.serviceKeys, compareText, key, present) });
    const fold = foldedKey(after.namespace, after.name);
    const sameFold = swapped(this.folded.get(fold) ?? emptyTree<string>(), compareText, key, present);
    this.#journal.write(this.folded, fold, sizeOf(sameFold) === 0 ? undefined : sameFold);
  }

  #setNode(existed: boolean, after: NodeState, touches?: Touches): void {
    const { name, exists } = after;
    this.#journal.write(this.nodes, name, exists ? after : undefined);
    touches?.nodes.add(name);
    if (existed === exists) return;
    this.#root({ nodeNames: swapped(this.roots.nodeNames, compareText, name, exists ? name : undefined) });
  }

  #root(changed: Partial<Roots>): void {
    this.roots = { ...this.roots, ...changed };
  }
}

/** The key under which services that differ only in case meet. */
export function foldedKey(namespace: string, name: string): string {
  return `${namespace}/${name.toLowerCase()}`;
}

const noTags: readonly string[] = Object.freeze([]);

function recounted(
  counts: ServiceState['tagCounts'],
  before: readonly string[],
  after: readonly string[],
): ServiceState['tagCounts'] {
  return sameList(before, after) ? counts : countTags(countTags(counts, after, 1), before, -1);
}

/** The tree with `item` at `key`, or (undefined) with nothing there. */
function swapped<K, T>(
  tree: SortedTree<T>,
  seek: (key: K, item: T) => number,
  key: K,
  item: T | undefined,
): SortedTree<T> {
  return item === undefined ? remove(tree, seek, key) : put(tree, seek, key, item);
}

import { emptyTree, find, put, remove, type SortedTree, sizeOf } from '../base/sorted-tree.ts';
import { Journal } from './journal.ts';
import type { Bearer, NodeState, Slot } from './node-state.ts';
import { NodeTable } from './node-table.ts';
import {
  byKvKey,
  byLeaseId,
  byRule,
  byRuleVersion,
  everywhere,
  type InstanceKey,
  inService,
} from './orders.ts';
import { parseRecordKey } from './record-key.ts';
import {
  type CatalogRecord,
  type CheckRecord,
  type Entry,
  type InstanceRecord,
  type KvRecord,
  type LeaseRecord,
  type NodeRecord,
  type RecordKey,
  type RuleRecord,
  type RuleVersionRecord,
  recordKey,
  type ServiceRecord,
} from './records.ts';
import { countTags, type ServiceState } from './service-state.ts';
import { ServiceTable } from './service-table.ts';
import { sameList, type Touches } from './touches.ts';

/** The collections that are one tree for the whole catalog. */
interface Roots {
  readonly leases: SortedTree<Entry<LeaseRecord>>;
  readonly kvs: SortedTree<Entry<KvRecord>>;
  readonly rules: SortedTree<Entry<RuleRecord>>;
  readonly ruleVersions: SortedTree<Entry<RuleVersionRecord>>;
}

/**
 * The records with their secondary indexes. A write costs what its service and its node cost, however many there are, and can
 * be taken back: between `begin` and `end`, `back` returns to any mark.
 */
export class Tables {
  readonly #journal = new Journal();
  readonly services = new ServiceTable(this.#journal);
  readonly nodes = new NodeTable(this.#journal);
  /** By lease. */
  readonly leaseInstances = new Map<string, SortedTree<Entry<InstanceRecord>>>();
  #roots: Roots = { leases: emptyTree(), kvs: emptyTree(), rules: emptyTree(), ruleVersions: emptyTree() };

  begin(): void {
    this.#journal.open();
  }

  mark(): number {
    return this.#journal.mark;
  }

  back(mark: number): void {
    this.#journal.back(mark);
  }

  end(): void {
    this.#journal.close();
  }

  get roots(): Roots {
    return this.#roots;
  }

  /** The entry at `key`. */
  get(key: RecordKey): Entry | undefined {
    const parsed = parseRecordKey(key);
    if (parsed === undefined) return undefined;
    const [first = '', second = '', third = '', fourth = '', fifth = ''] = parsed.parts;
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
      case 'rule-version':
        return find(this.roots.ruleVersions, byRuleVersion, {
          apiVersion: first,
          ruleKind: second,
          namespace: third,
          name: fourth,
          version: Number(fifth),
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
      case 'rule-version':
        return find(this.roots.ruleVersions, byRuleVersion, record);
    }
  }

  instance(key: InstanceKey): Entry<InstanceRecord> | undefined {
    return this.nodes.get(key.node)?.instance(key.id, key);
  }

  check(node: string, id: string): Entry<CheckRecord> | undefined {
    return this.nodes.get(node)?.check(id);
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
        touches?.ruleKeys.add(recordKey(record));
        this.#root({ rules: put(this.roots.rules, byRule, record, entry as Entry<RuleRecord>) });
        break;
      case 'rule-version': {
        const version = entry as Entry<RuleVersionRecord>;
        this.#root({ ruleVersions: put(this.roots.ruleVersions, byRuleVersion, record, version) });
        break;
      }
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
        touches?.ruleKeys.add(recordKey(record));
        this.#root({ rules: remove(this.roots.rules, byRule, record) });
        break;
      case 'rule-version':
        this.#root({ ruleVersions: remove(this.roots.ruleVersions, byRuleVersion, record) });
        break;
    }
  }

  #node(name: string, entry: Entry<NodeRecord> | undefined, revision: number, touches?: Touches): void {
    const node = this.nodes.change(name);
    const before = node.entry;
    this.nodes.changed(node, entry, revision);
    if (touches !== undefined) {
      touches.nodes.add(name);
      touches.nodeList = true;
      touches.admin ||= adminOf(before) !== adminOf(entry);
    }
    this.#touchServicesOn(node, revision, touches);
  }

  #service(
    record: ServiceRecord,
    entry: Entry<ServiceRecord> | undefined,
    revision: number,
    touches?: Touches,
  ): void {
    const cell = this.services.cell(record.namespace, record.name);
    this.services.set(cell, cell.state.withRecord(entry, revision), false, touches);
  }

  #instance(
    record: InstanceRecord,
    before: Entry<InstanceRecord> | undefined,
    after: Entry<InstanceRecord> | undefined,
    revision: number,
    touches?: Touches,
  ): void {
    const cell = this.services.cell(record.namespace, record.service);
    const service = cell.state;
    const counts = recounted(service.tagCounts, before?.record.tags ?? noTags, after?.record.tags ?? noTags);
    const tree = swapped(service.tree, inService, record, after);
    // One that only comes or goes changes the set of tags only with its size.
    const replaced = before !== undefined && after !== undefined && counts !== service.tagCounts;
    const retagged = replaced || sizeOf(counts) !== sizeOf(service.tagCounts);
    this.services.set(cell, service.withInstances(tree, counts, revision), retagged, touches);

    const node = this.nodes.change(record.node);
    this.nodes.setInstance(node, record, after, cell);
    this.nodes.changed(node, node.entry, revision);
    if (touches !== undefined) {
      touches.nodes.add(record.node);
      touches.admin ||= adminOf(before) !== adminOf(after);
    }

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
    const node = this.nodes.change(record.node);
    const moved = before !== undefined && !sameBearer(before.record.instance, record.instance);
    const left =
      before && (moved || after === undefined) ? this.nodes.removeCheck(node, before.record) : undefined;
    const joined = after && this.nodes.addCheck(node, after, before !== undefined && !moved);
    this.nodes.changed(node, node.entry, revision);
    touches?.nodes.add(record.node);
    touches?.checks.push({
      node: record.node,
      id: record.id,
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
    });
    if (left !== undefined) this.#touchBearer(node, left, revision, touches);
    if (joined !== undefined) this.#touchBearer(node, joined, revision, touches);
  }

  #touchBearer(node: NodeState, slot: Slot, revision: number, touches?: Touches): void {
    if (slot === node.own) this.#touchServicesOn(node, revision, touches);
    // A check may be there before its instance: then no service shows it yet.
    else if (slot.cell !== undefined) this.services.touch(slot.cell, revision, touches);
  }

  #touchServicesOn(node: NodeState, revision: number, touches?: Touches): void {
    for (const { cell } of node.allSlots()) {
      if (cell !== undefined) this.services.touch(cell, revision, touches);
    }
  }

  #root(changed: Partial<Roots>): void {
    const before = this.#roots;
    if (this.#journal.isOpen) {
      this.#journal.remember(() => {
        this.#roots = before;
      });
    }
    this.#roots = { ...before, ...changed };
  }
}

const noTags: readonly string[] = Object.freeze([]);

/** How and why something is out of service; '' while it is in service, or not there. */
function adminOf(entry: Entry<InstanceRecord | NodeRecord> | undefined): string {
  if (entry === undefined || entry.record.adminState === 'in-service') return '';
  return `${entry.record.adminState} ${entry.record.adminReason}`;
}

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

function sameBearer(left: Bearer, right: Bearer): boolean {
  if (left === undefined || right === undefined) return left === right;
  return left.id === right.id && left.service === right.service && left.namespace === right.namespace;
}

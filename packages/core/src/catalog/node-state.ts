import { among, listed, type OneOrMany } from '../base/one-or-many.ts';
import { compareText, find, isTree } from '../base/sorted-tree.ts';
import { byCheckId } from './orders.ts';
import type { CheckRecord, Entry, InstanceRecord, NodeRecord } from './records.ts';
import type { ServiceCell } from './service-table.ts';

/** What a check bears on: an instance, or (undefined) the node itself. */
export type Bearer = CheckRecord['instance'];

/**
 * An instance's place on its node, or that of the node's own checks. Here while there is an instance or a check of one:
 * checks may come first.
 */
export class Slot {
  /** Both empty for the node's own checks. */
  readonly namespace: string;
  readonly service: string;
  instance: Entry<InstanceRecord> | undefined;
  /** Of the instance. Its service; a direct way, since every change of a check takes it. */
  cell: ServiceCell | undefined;
  /** In order of id. */
  checks: OneOrMany<Entry<CheckRecord>> | undefined;

  constructor(namespace: string, service: string) {
    this.namespace = namespace;
    this.service = service;
  }
}

type SlotKey = Pick<Slot, 'namespace' | 'service'>;

/**
 * All that is known of one node; here also when only instances or checks name it. It hashes what it holds, since one node may
 * hold any number of instances, and puts it in order when asked.
 */
export class NodeState {
  readonly name: string;
  entry: Entry<NodeRecord> | undefined;
  modifyRevision = 0;
  /** By the instance's id, which different services may share. */
  readonly slots = new Map<string, OneOrMany<Slot>>();
  /** Of the node's own checks. */
  readonly own = new Slot('', '');
  /** Where each check is, by its id. */
  readonly checks = new Map<string, Slot>();
  #sortedInstances: readonly Entry<InstanceRecord>[] | undefined;
  #sortedChecks: readonly Entry<CheckRecord>[] | undefined;

  constructor(name: string) {
    this.name = name;
  }

  /** Whether anything makes it a node. */
  get exists(): boolean {
    return this.entry !== undefined || this.slots.size > 0 || this.checks.size > 0;
  }

  slot(id: string, key: SlotKey): Slot | undefined {
    return among(this.slots.get(id), bySlot, key);
  }

  instance(id: string, key: SlotKey): Entry<InstanceRecord> | undefined {
    return this.slot(id, key)?.instance;
  }

  check(id: string): Entry<CheckRecord> | undefined {
    const held = this.checks.get(id)?.checks;
    // The only one there needs no second look: the less of a large catalog is touched, the faster.
    return held === undefined || !isTree(held) ? held : find(held, byCheckId, id);
  }

  /** By id, then namespace and service. */
  sortedInstances(): readonly Entry<InstanceRecord>[] {
    this.#sortedInstances ??= [...this.instances()].sort(
      ({ record: left }, { record: right }) => compareText(left.id, right.id) || bySlot(left, right),
    );
    return this.#sortedInstances;
  }

  /** By id. */
  sortedChecks(): readonly Entry<CheckRecord>[] {
    this.#sortedChecks ??= Array.from(this.checks.keys(), (id) => this.check(id))
      .filter((entry) => entry !== undefined)
      .sort((left, right) => byCheckId(left.record.id, right));
    return this.#sortedChecks;
  }

  /** What is kept in order is so no longer. */
  unsort(): void {
    this.#sortedInstances = undefined;
    this.#sortedChecks = undefined;
  }

  *instances(): Generator<Entry<InstanceRecord>> {
    for (const { instance } of this.allSlots()) if (instance !== undefined) yield instance;
  }

  *allSlots(): Generator<Slot> {
    for (const held of this.slots.values()) yield* listed(held);
  }
}

/** Among the slots of one id. */
export function bySlot(key: SlotKey, slot: SlotKey): number {
  return compareText(key.namespace, slot.namespace) || compareText(key.service, slot.service);
}

import { excluding, including } from '../base/one-or-many.ts';
import { compareText, emptyTree, put, remove, type SortedTree } from '../base/sorted-tree.ts';
import type { Journal } from './journal.ts';
import { type Bearer, bySlot, NodeState, Slot } from './node-state.ts';
import { byCheckId } from './orders.ts';
import type { CheckRecord, Entry, InstanceRecord, NodeRecord } from './records.ts';
import type { ServiceCell } from './service-table.ts';

/** The nodes and what is on them. Its steps only keep the places; what they touch is the caller's to say. */
export class NodeTable {
  readonly #states = new Map<string, NodeState>();
  #names: SortedTree<string> = emptyTree();
  readonly #journal: Journal;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** Of every node that has a record, an instance or a check, in order. */
  get names(): SortedTree<string> {
    return this.#names;
  }

  get(name: string): NodeState | undefined {
    return this.#states.get(name);
  }

  /** Before anything of a node is written. It may be new, and is in the table only after `changed`. */
  change(name: string): NodeState {
    const node = this.#states.get(name) ?? new NodeState(name);
    if (this.#journal.isOpen) {
      const { entry, modifyRevision } = node;
      this.#journal.remember(() => {
        node.entry = entry;
        node.modifyRevision = modifyRevision;
        node.unsort();
      });
    }
    return node;
  }

  /** After it: `entry` is the node's record now. */
  changed(node: NodeState, entry: Entry<NodeRecord> | undefined, revision: number): void {
    node.entry = entry;
    node.modifyRevision = Math.max(node.modifyRevision, revision);
    node.unsort();
    const { name, exists } = node;
    const known = this.#states.get(name) !== undefined;
    if (known === exists) return;
    this.#journal.write(this.#states, name, exists ? node : undefined);
    if (this.#journal.isOpen) {
      const names = this.#names;
      this.#journal.remember(() => {
        this.#names = names;
      });
    }
    this.#names = exists ? put(this.#names, compareText, name, name) : remove(this.#names, compareText, name);
  }

  /** Puts an instance at its place, or (undefined) takes it from there. */
  setInstance(
    node: NodeState,
    record: InstanceRecord,
    instance: Entry<InstanceRecord> | undefined,
    cell: ServiceCell,
  ): void {
    const slot = node.slot(record.id, record) ?? new Slot(record.namespace, record.service);
    const wasEmpty = isEmpty(slot);
    this.#keep(slot);
    slot.instance = instance;
    slot.cell = instance && cell;
    this.#place(node, record.id, slot, wasEmpty);
  }

  /** Puts a check at its bearer's place, in place of itself or (not `known`) as a new one there. */
  addCheck(node: NodeState, entry: Entry<CheckRecord>, known: boolean): Slot {
    const { id, instance } = entry.record;
    // The way by the check's id is warm already.
    const present = known ? node.checks.get(id) : bearing(node, instance);
    const slot = present ?? newSlot(instance);
    const wasEmpty = isEmpty(slot);
    this.#keep(slot);
    slot.checks = including(slot.checks, byCheckId, id, entry);
    if (!known) this.#journal.write(node.checks, id, slot);
    if (instance !== undefined) this.#place(node, instance.id, slot, wasEmpty);
    return slot;
  }

  /** Takes a check from its bearer's place. */
  removeCheck(node: NodeState, { id, instance }: CheckRecord): Slot | undefined {
    const slot = node.checks.get(id);
    if (slot === undefined) return undefined;
    this.#keep(slot);
    slot.checks = excluding(slot.checks, byCheckId, id);
    this.#journal.write(node.checks, id, undefined);
    if (instance !== undefined) this.#place(node, instance.id, slot, false);
    return slot;
  }

  #keep(slot: Slot): void {
    if (!this.#journal.isOpen) return;
    const { instance, cell, checks } = slot;
    this.#journal.remember(() => {
      slot.instance = instance;
      slot.cell = cell;
      slot.checks = checks;
    });
  }

  /** A slot is in the node's map as long as something is in the slot. */
  #place(node: NodeState, id: string, slot: Slot, wasEmpty: boolean): void {
    if (wasEmpty) {
      this.#journal.write(node.slots, id, including(node.slots.get(id), bySlot, slot, slot));
    } else if (isEmpty(slot)) {
      this.#journal.write(node.slots, id, excluding(node.slots.get(id), bySlot, slot));
    }
  }
}

function bearing(node: NodeState, bearer: Bearer): Slot | undefined {
  return bearer === undefined
    ? node.own
    : node.slot(bearer.id, { namespace: bearer.namespace, service: bearer.service });
}

function newSlot(bearer: Bearer): Slot {
  return bearer === undefined ? new Slot('', '') : new Slot(bearer.namespace, bearer.service);
}

function isEmpty(slot: Slot): boolean {
  return slot.instance === undefined && slot.checks === undefined;
}

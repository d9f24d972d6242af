import { listed, type OneOrMany } from '../base/one-or-many.ts';
import { byCheckId, onNode } from './orders.ts';
import type { CheckRecord, Entry, InstanceRecord, NodeRecord } from './records.ts';

/** What a check bears on: an instance, or (undefined) the node itself. */
export type Bearer = CheckRecord['instance'];

/** What a node holds, hashed and not ordered: one node may hold any number of instances. */
interface Holdings {
  /** By id, which different services may share. */
  readonly instances: Map<string, OneOrMany<Entry<InstanceRecord>>>;
  /** By id. */
  readonly checks: Map<string, Entry<CheckRecord>>;
  /** The same checks by the id of the instance they bear on; '', which no instance has, for the node's own. */
  readonly bearers: Map<string, OneOrMany<Entry<CheckRecord>>>;
}

/**
 * All that is known of one node; here also when only instances or checks name it. The object is replaced at every change; its
 * maps are handed on from one to the next and belong to the newest.
 */
export class NodeState implements Holdings {
  readonly name: string;
  readonly entry: Entry<NodeRecord> | undefined;
  readonly modifyRevision: number;
  readonly instances: Holdings['instances'];
  readonly checks: Holdings['checks'];
  readonly bearers: Holdings['bearers'];
  #sortedInstances: readonly Entry<InstanceRecord>[] | undefined;
  #sortedChecks: readonly Entry<CheckRecord>[] | undefined;

  constructor(
    name: string,
    entry: Entry<NodeRecord> | undefined,
    modifyRevision: number,
    holdings: Holdings,
  ) {
    this.name = name;
    this.entry = entry;
    this.modifyRevision = modifyRevision;
    this.instances = holdings.instances;
    this.checks = holdings.checks;
    this.bearers = holdings.bearers;
  }

  static empty(name: string): NodeState {
    return new NodeState(name, undefined, 0, { instances: new Map(), checks: new Map(), bearers: new Map() });
  }

  /** Whether anything makes it a node. */
  get exists(): boolean {
    return this.entry !== undefined || this.instances.size > 0 || this.checks.size > 0;
  }

  /** The state after a change at `revision`. */
  next(entry: Entry<NodeRecord> | undefined, revision: number): NodeState {
    return new NodeState(this.name, entry, Math.max(this.modifyRevision, revision), this);
  }

  instance(namespace: string, service: string, id: string): Entry<InstanceRecord> | undefined {
    for (const entry of listed(this.instances.get(id))) {
      if (entry.record.service === service && entry.record.namespace === namespace) return entry;
    }
    return undefined;
  }

  /** Those that bear on `bearer`, in order of id. */
  checksOf(bearer: Bearer): readonly Entry<CheckRecord>[] {
    const held = listed(this.bearers.get(bearerKey(bearer)));
    return held.every((entry) => sameBearer(bearer, entry.record.instance))
      ? held
      : held.filter((entry) => sameBearer(bearer, entry.record.instance));
  }

  /** In order `onNode`. */
  sortedInstances(): readonly Entry<InstanceRecord>[] {
    this.#sortedInstances ??= Array.from(this.instances.values(), listed).flat().sort(onNode);
    return this.#sortedInstances;
  }

  /** In order of id. */
  sortedChecks(): readonly Entry<CheckRecord>[] {
    this.#sortedChecks ??= Array.from(this.checks.values()).sort(byCheckId);
    return this.#sortedChecks;
  }
}

/** The key of `bearers`. */
export function bearerKey(bearer: Bearer): string {
  return bearer === undefined ? '' : bearer.id;
}

export function sameBearer(left: Bearer, right: Bearer): boolean {
  if (left === undefined || right === undefined) return left === right;
  return left.id === right.id && left.service === right.service && left.namespace === right.namespace;
}

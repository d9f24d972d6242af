import type { Draft } from '@portolan/core/catalog/draft.ts';
import {
  type CheckRecord,
  type InstanceRecord,
  type LeaseRecord,
  type NodeRecord,
  type Origin,
  type RecordKey,
  recordKey,
} from '@portolan/core/catalog/records.ts';
import { reasonPrefix } from './translate.ts';

/** What this source writes. */
export type Owned = InstanceRecord | CheckRecord | LeaseRecord;

export type Records = ReadonlyMap<RecordKey, Owned>;

export const dialect = 'docker';

/** The sources of this server's other engines. What none of the engines brought is whose comes first. */
export type Others = ReadonlySet<string>;

const none: Others = new Set();

export interface Outcome {
  /** What is in the catalog now by this source. */
  readonly written: Records;
  /** What was left out because somebody else has it, in words. */
  readonly refused: readonly string[];
}

/**
 * Makes the catalog hold exactly `wanted` of this source. `before` is what it held by the last time; undefined: look through
 * everything on the node, also what an earlier configuration of this dialect left. Others' records are never touched.
 */
export function reconcile(
  draft: Draft,
  node: NodeRecord,
  before: Records | undefined,
  wanted: Records,
  others: Others = none,
): Outcome {
  if (draft.node(node.name) === undefined) draft.put(node);
  for (const [key, record] of before ?? ownRecords(draft, node.name, others)) {
    if (!wanted.has(key)) remove(draft, node.name, record, others);
  }
  const written = new Map<RecordKey, Owned>();
  const refused: string[] = [];
  for (const [key, record] of wanted) {
    // The very object that was written the last time: a change costs what changed, not what there is.
    if (before?.get(key) === record) {
      written.set(key, record);
      continue;
    }
    const holder = foreignHolder(draft, node.name, record, others);
    if (holder === undefined) {
      put(draft, record);
      written.set(key, record);
    } else {
      const { dialect: theirs, source } = holder;
      refused.push(`${record.kind} "${record.id}" is not registered: ${theirs} (${source}) has that ID here`);
    }
  }
  return { written, refused };
}

/** Takes away everything of this dialect on the node, but what `others` brought. Says how many records that were. */
export function removeAll(draft: Draft, node: string, others: Others = none): number {
  const records = ownRecords(draft, node, others);
  for (const record of records.values()) remove(draft, node, record, others);
  return records.size;
}

/** Everything of this dialect on the node, but what `others` brought. */
export function ownRecords(
  catalog: Pick<Draft, 'instancesOnNode' | 'checksOnNode' | 'leases'>,
  node: string,
  others: Others = none,
): Records {
  const found = new Map<RecordKey, Owned>();
  const take = (record: Owned): void => {
    if (isOwn(record.origin, node, others)) found.set(recordKey(record), record);
  };
  for (const { record } of catalog.instancesOnNode(node)) take(record);
  for (const { record } of catalog.checksOnNode(node)) take(record);
  for (const { record } of catalog.leases()) take(record);
  return found;
}

function isOwn(origin: Origin, node: string, others: Others): boolean {
  return origin.dialect === dialect && origin.node === node && !others.has(origin.source);
}

/** Who has the record's ID, if it is not this source. */
function foreignHolder(draft: Draft, node: string, record: Owned, others: Others): Origin | undefined {
  const origin = currentOf(draft, record)?.origin ?? sameIdOnNode(draft, record)?.origin;
  return origin === undefined || isOwn(origin, node, others) ? undefined : origin;
}

function currentOf(draft: Draft, record: Owned): Owned | undefined {
  switch (record.kind) {
    case 'instance':
      return draft.instance(record.namespace, record.service, record.node, record.id)?.record;
    case 'check':
      return draft.check(record.node, record.id)?.record;
    case 'lease':
      return draft.lease(record.id)?.record;
  }
}

function sameIdOnNode(draft: Draft, record: Owned): InstanceRecord | undefined {
  return record.kind === 'instance' ? draft.instanceOnNode(record.node, record.id)?.record : undefined;
}

function remove(draft: Draft, node: string, record: Owned, others: Others): void {
  const current = currentOf(draft, record);
  if (current === undefined || !isOwn(current.origin, node, others)) return;
  if (current.kind === 'instance') {
    // Whoever added a check to it, there is nothing left to be checked.
    for (const check of [...draft.checksOfInstance(current)]) draft.delete(recordKey(check.record));
  }
  draft.delete(recordKey(current));
}

function put(draft: Draft, record: Owned): void {
  const current = currentOf(draft, record);
  if (record.kind === 'instance' && current?.kind === 'instance') draft.put(withAdminOf(current, record));
  else if (record.kind === 'check' && current?.kind === 'check') draft.put(withStatusOf(current, record));
  else draft.put(record);
}

/** An administrator's word outlives what Docker says about the container. */
function withAdminOf(current: InstanceRecord, record: InstanceRecord): InstanceRecord {
  const { adminState, adminReason } = current;
  if (adminState === 'in-service' || adminReason.startsWith(reasonPrefix)) return record;
  return { ...record, adminState, adminReason };
}

/** Looking at a container anew is no news about its health. */
function withStatusOf(current: CheckRecord, record: CheckRecord): CheckRecord {
  if (record.definition === undefined) return record;
  return { ...record, status: current.status, output: current.output };
}

import { compareText } from '../base/sorted-tree.ts';
import type { CheckRecord, Entry, InstanceRecord, KvRecord, LeaseRecord, RuleRecord } from './records.ts';

/** The orders in which the catalog keeps and lists its records, and the runs that are read out of them. */

export type InstanceKey = Pick<InstanceRecord, 'namespace' | 'service' | 'node' | 'id'>;
type RuleKey = Pick<RuleRecord, 'apiVersion' | 'ruleKind' | 'namespace' | 'name'>;

/** Within one service: by node, then id. */
export function inService(key: InstanceKey, { record }: Entry<InstanceRecord>): number {
  return compareText(key.node, record.node) || compareText(key.id, record.id);
}

/** Within one node: by id, then namespace and service. */
export function onNode(
  { record: left }: Entry<InstanceRecord>,
  { record: right }: Entry<InstanceRecord>,
): number {
  return (
    compareText(left.id, right.id) ||
    compareText(left.namespace, right.namespace) ||
    compareText(left.service, right.service)
  );
}

/** Anywhere. */
export function everywhere(key: InstanceKey, { record }: Entry<InstanceRecord>): number {
  return (
    compareText(key.namespace, record.namespace) ||
    compareText(key.service, record.service) ||
    compareText(key.node, record.node) ||
    compareText(key.id, record.id)
  );
}

/** Within one node: by id. */
export function byCheckId(left: Entry<CheckRecord>, right: Entry<CheckRecord>): number {
  return compareText(left.record.id, right.record.id);
}

export function byLeaseId(id: string, entry: Entry<LeaseRecord>): number {
  return compareText(id, entry.record.id);
}

export function byKvKey(key: string, entry: Entry<KvRecord>): number {
  return compareText(key, entry.record.key);
}

/** The run of keys that start with `prefix`. */
export function underPrefix(prefix: string, entry: Entry<KvRecord>): number {
  return startingWith(prefix, entry.record.key);
}

/** The run of texts that start with `prefix`. */
export function startingWith(prefix: string, text: string): number {
  return text.startsWith(prefix) ? 0 : compareText(prefix, text);
}

export function byRule(key: RuleKey, { record }: Entry<RuleRecord>): number {
  return (
    compareText(key.apiVersion, record.apiVersion) ||
    compareText(key.ruleKind, record.ruleKind) ||
    compareText(key.namespace, record.namespace) ||
    compareText(key.name, record.name)
  );
}

import { compareText } from '../base/sorted-tree.ts';
import type { CheckRecord, Entry, InstanceRecord, KvRecord, LeaseRecord, RuleRecord } from './records.ts';

/** The orders in which the catalog keeps and lists its records, and the runs that are read out of them. */

export type InstanceKey = Pick<InstanceRecord, 'namespace' | 'service' | 'node' | 'id'>;
type CheckKey = Pick<CheckRecord, 'instance' | 'id'>;
type RuleKey = Pick<RuleRecord, 'apiVersion' | 'ruleKind' | 'namespace' | 'name'>;

/** Within one service: by node, then id. */
export function inService(key: InstanceKey, entry: Entry<InstanceRecord>): number {
  const { record } = entry;
  return compareText(key.node, record.node) || compareText(key.id, record.id);
}

/** Within one node: by id, then namespace and service. */
export function onNode(key: InstanceKey, entry: Entry<InstanceRecord>): number {
  const { record } = entry;
  return (
    compareText(key.id, record.id) ||
    compareText(key.namespace, record.namespace) ||
    compareText(key.service, record.service)
  );
}

/** The run of a node's instances with one id. */
export function withId(id: string, entry: Entry<InstanceRecord>): number {
  return compareText(id, entry.record.id);
}

/** Anywhere. */
export function everywhere(key: InstanceKey, entry: Entry<InstanceRecord>): number {
  const { record } = entry;
  return (
    compareText(key.namespace, record.namespace) ||
    compareText(key.service, record.service) ||
    compareText(key.node, record.node) ||
    compareText(key.id, record.id)
  );
}

/** Within one node: by id. */
export function byCheckId(id: string, entry: Entry<CheckRecord>): number {
  return compareText(id, entry.record.id);
}

/** Within one node: its own checks first, then by instance; each by id. */
export function byBearer(key: CheckKey, entry: Entry<CheckRecord>): number {
  return ofBearer(key.instance, entry) || compareText(key.id, entry.record.id);
}

/** The run of the checks of one instance, or (undefined) of the node itself. */
export function ofBearer(instance: CheckRecord['instance'], entry: Entry<CheckRecord>): number {
  const other = entry.record.instance;
  if (instance === undefined || other === undefined) {
    return instance === other ? 0 : instance === undefined ? -1 : 1;
  }
  return (
    compareText(instance.id, other.id) ||
    compareText(instance.service, other.service) ||
    compareText(instance.namespace, other.namespace)
  );
}

export function byLeaseId(id: string, entry: Entry<LeaseRecord>): number {
  return compareText(id, entry.record.id);
}

export function byKvKey(key: string, entry: Entry<KvRecord>): number {
  return compareText(key, entry.record.key);
}

/** The run of keys that start with `prefix`. */
export function underPrefix(prefix: string, entry: Entry<KvRecord>): number {
  return entry.record.key.startsWith(prefix) ? 0 : compareText(prefix, entry.record.key);
}

export function byRule(key: RuleKey, entry: Entry<RuleRecord>): number {
  const { record } = entry;
  return (
    compareText(key.apiVersion, record.apiVersion) ||
    compareText(key.ruleKind, record.ruleKind) ||
    compareText(key.namespace, record.namespace) ||
    compareText(key.name, record.name)
  );
}

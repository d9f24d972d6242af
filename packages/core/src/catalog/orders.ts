import { compareText } from '../base/sorted-tree.ts';
import type {
  CheckRecord,
  Entry,
  InstanceRecord,
  KvRecord,
  LeaseRecord,
  RuleRecord,
  RuleVersionRecord,
} from './records.ts';

/** The orders in which the catalog keeps and lists its records, and the runs that are read out of them. */

export type InstanceKey = Pick<InstanceRecord, 'namespace' | 'service' | 'node' | 'id'>;
type RuleKey = Pick<RuleRecord, 'apiVersion' | 'ruleKind' | 'namespace' | 'name'>;

/** Within one service: by node, then id. */
export function inService(key: InstanceKey, { record }: Entry<InstanceRecord>): number {
  return compareText(key.node, record.node) || compareText(key.id, record.id);
}

/** Anywhere: by namespace, service, node, id. */
export function everywhere(key: InstanceKey, { record }: Entry<InstanceRecord>): number {
  return (
    compareText(key.namespace, record.namespace) ||
    compareText(key.service, record.service) ||
    compareText(key.node, record.node) ||
    compareText(key.id, record.id)
  );
}

/** Within one node: by id. */
export function byCheckId(id: string, { record }: Entry<CheckRecord>): number {
  return compareText(id, record.id);
}

export function byLeaseId(id: string, { record }: Entry<LeaseRecord>): number {
  return compareText(id, record.id);
}

export function byKvKey(key: string, { record }: Entry<KvRecord>): number {
  return compareText(key, record.key);
}

/** The run of keys that start with `prefix`. */
export function underPrefix(prefix: string, { record }: Entry<KvRecord>): number {
  return startingWith(prefix, record.key);
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

export function byRuleVersion(
  key: RuleKey & { readonly version: number },
  { record }: Entry<RuleVersionRecord>,
): number {
  return (
    compareText(key.apiVersion, record.apiVersion) ||
    compareText(key.ruleKind, record.ruleKind) ||
    compareText(key.namespace, record.namespace) ||
    compareText(key.name, record.name) ||
    key.version - record.version
  );
}

/** The run of versions of one rule. */
export function versionsOf(key: RuleKey, { record }: Entry<RuleVersionRecord>): number {
  return (
    compareText(key.apiVersion, record.apiVersion) ||
    compareText(key.ruleKind, record.ruleKind) ||
    compareText(key.namespace, record.namespace) ||
    compareText(key.name, record.name)
  );
}

interface RulesOf {
  readonly apiVersion: string;
  readonly ruleKind: string | undefined;
  readonly namespace: string | undefined;
}

/** The run of rules of one apiVersion, or of one kind of it, or those in one namespace. */
export function rulesOf(of: RulesOf, { record }: Entry<RuleRecord>): number {
  return (
    compareText(of.apiVersion, record.apiVersion) ||
    (of.ruleKind === undefined ? 0 : compareText(of.ruleKind, record.ruleKind)) ||
    (of.namespace === undefined ? 0 : compareText(of.namespace, record.namespace))
  );
}

import { randomUUID } from 'node:crypto';
import { Fault } from '@portolan/core/base/fault.ts';
import type { Draft } from '@portolan/core/catalog/draft.ts';
import { type Origin, type RecordKey, type RuleRecord, recordKey } from '@portolan/core/catalog/records.ts';
import type { ServiceAddressRanges } from '@portolan/core/rules/cluster-ip.ts';
import type { ResourceKey } from '../../rules/read.ts';
import { type Author, deleteRule, putRule } from '../../rules/write.ts';
import type { Wanted, WantedRule } from './translate.ts';

export const dialect = 'file';

/** The rules that files of this node have brought. */
export function ownRules(catalog: Pick<Draft, 'rules'>, node: string): ReadonlyMap<RecordKey, RuleRecord> {
  const own = new Map<RecordKey, RuleRecord>();
  for (const { record } of catalog.rules())
    if (isOwn(record.origin, node)) own.set(recordKey(record), record);
  return own;
}

function isOwn(origin: Origin, node: string): boolean {
  return origin.dialect === dialect && origin.node === node;
}

/** Of those, what no file wants any more and nothing keeps. `unreadable`: paths below which nothing is known. */
export function surplusOf(
  own: ReadonlyMap<RecordKey, RuleRecord>,
  wanted: Wanted,
  unreadable: Iterable<string>,
): readonly RuleRecord[] {
  const unknown = [...unreadable];
  const surplus: RuleRecord[] = [];
  for (const [key, record] of own) {
    const { source } = record.origin;
    if (wanted.rules.has(key) || wanted.kept.has(key) || wanted.keptFiles.has(source)) continue;
    if (unknown.some((path) => source === path || source.startsWith(`${path}/`))) continue;
    surplus.push(record);
  }
  return surplus;
}

/** Rules that could not be written, and why. */
export interface Refused {
  readonly rule: WantedRule;
  readonly fault: Fault;
}

/** An intent that writes some of the wanted rules. Its result: how many it changed, and what was somebody else's. */
export function writeRules(
  rules: readonly WantedRule[],
  node: string,
  atMs: number,
  serviceAddresses: ServiceAddressRanges | undefined,
): (draft: Draft) => { readonly changed: number; readonly refused: readonly Refused[] } {
  const uids = rules.map(() => randomUUID());
  return (draft) => {
    const refused: Refused[] = [];
    let changed = 0;
    for (const [index, rule] of rules.entries()) {
      const options = { ...authorOf(rule.path, node, atMs), serviceAddresses, uid: uids[index] ?? '' };
      try {
        if (putRule(draft, rule.key, rule.manifest, options).outcome !== 'unchanged') changed += 1;
      } catch (thrown) {
        refused.push({ rule, fault: Fault.from(thrown) });
      }
    }
    return { changed, refused };
  };
}

/** An intent that removes rules, where they are still this node's files'. Its result: how many. */
export function removeRules(
  records: readonly RuleRecord[],
  node: string,
  atMs: number,
): (draft: Draft) => number {
  return (draft) => {
    let removed = 0;
    for (const { apiVersion, ruleKind: kind, namespace, name, origin } of records) {
      const key: ResourceKey = { apiVersion, kind, namespace, name };
      const current = draft.rule(apiVersion, kind, namespace, name)?.record;
      if (current === undefined || !isOwn(current.origin, node)) continue;
      deleteRule(draft, key, authorOf(origin.source, node, atMs));
      removed += 1;
    }
    return removed;
  };
}

function authorOf(path: string, node: string, atMs: number): Author {
  return { origin: { dialect, source: path, node }, by: path, force: false, atMs };
}

import type { CatalogReader } from '../../catalog/reader.ts';
import type { RuleRecord } from '../../catalog/records.ts';
import { type AnyManifest, type Rule, type RuleOf, ruleOf } from '../../rules/rule.ts';

/**
 * The typed view of a record whose manifest has at least metadata, and a spec that is an object if any. What is stored has been read before;
 * this is for what somebody wrote past the reader of manifests, which must not take others with it.
 */
export function readableRule(record: RuleRecord | undefined): Rule | undefined {
  const rule = record === undefined ? undefined : ruleOf(record);
  if (rule === undefined) return undefined;
  const manifest: unknown = rule.manifest;
  if (!isObject(manifest) || !isObject(manifest.metadata)) return undefined;
  return manifest.spec === undefined || isObject(manifest.spec) ? rule : undefined;
}

/** A rule of a kind, as its type. */
export function readRule<M extends AnyManifest>(
  catalog: CatalogReader,
  apiVersion: M['apiVersion'],
  kind: M['kind'],
  namespace: string,
  name: string,
): RuleOf<M> | undefined {
  const rule = readableRule(catalog.rule(apiVersion, kind, namespace, name)?.record);
  return rule as RuleOf<M> | undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

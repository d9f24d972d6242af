import type { InstanceRecord } from '../../catalog/records.ts';

/**
 * What selectors and subsets see of an instance, whatever dialect registered it. The first that has the label decides:
 *
 * 1. metadata, as it is (Docker labels, Consul Meta, Eureka metadata, Dubbo parameters);
 * 2. a tag `key=value` is the label `key`; any tag `NAME` is the label `tag.NAME` with the value `true`;
 * 3. `app`, `service` and `app.kubernetes.io/name` are the service's name.
 */
export function hasLabel(record: InstanceRecord, key: string, value: string): boolean {
  if (Object.hasOwn(record.metadata, key)) return record.metadata[key] === value;
  const { tags } = record;
  // Keys hold no `=`, so that the first tag that says something about the key says all.
  const said = tags.find((tag) => tag.charCodeAt(key.length) === equalsSign && tag.startsWith(key));
  if (said !== undefined) return said.slice(key.length + 1) === value;
  if (key.startsWith(tagPrefix)) return value === 'true' && tags.includes(key.slice(tagPrefix.length));
  return record.service === value && nameLabels.includes(key);
}

/** A condition: the label must have the value. */
export type LabelPair = readonly [key: string, value: string];

export function matchesAll(record: InstanceRecord, pairs: readonly LabelPair[]): boolean {
  for (const [key, value] of pairs) if (!hasLabel(record, key, value)) return false;
  return true;
}

/** Calls `found` with every pair that may hold for the instance: all that do, and perhaps some that do not. */
export function eachPossiblePair(
  { metadata, tags, service }: InstanceRecord,
  found: (key: string, value: string) => void,
): void {
  for (const key in metadata) found(key, metadata[key] ?? '');
  for (const tag of tags) {
    found(`${tagPrefix}${tag}`, 'true');
    const at = tag.indexOf('=');
    if (at >= 0) found(tag.slice(0, at), tag.slice(at + 1));
  }
  for (const key of nameLabels) found(key, service);
}

const tagPrefix = 'tag.';
const nameLabels: readonly string[] = Object.freeze(['app', 'service', 'app.kubernetes.io/name']);
const equalsSign = 61;

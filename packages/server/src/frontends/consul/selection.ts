import { Fault } from '@portolan/core/base/fault.ts';
import type { CatalogReader } from '@portolan/core/catalog/reader.ts';
import type { Entry, InstanceRecord } from '@portolan/core/catalog/records.ts';
import { compileFilter, type FieldType, type Filter } from '@portolan/core/filter/evaluate.ts';
import { linearRegex } from '../../linear-regex.ts';
import type { Call } from './call.ts';
import { nodeMeta } from './query.ts';

/** Instances of the service that the call names, by its `tag`, `node-meta`, `passing` and `near`. */
export function selectInstances(call: Call, catalog: CatalogReader): readonly Entry<InstanceRecord>[] {
  const view = catalog.service(call.argument);
  if (view === undefined) return [];
  const tags = call.query
    .all('tag')
    .filter((tag) => tag !== '')
    .map((tag) => tag.toLowerCase());
  const meta = nodeMeta(call.query);
  const onlyPassing = passing(call);
  const selected: Entry<InstanceRecord>[] = [];
  for (const entry of view.instances()) {
    if (tags.length > 0 && !hasTags(entry.record, tags)) continue;
    if (meta.length > 0 && !nodeHas(catalog, entry.record.node, meta)) continue;
    if (onlyPassing && !isPassing(catalog, entry.record)) continue;
    selected.push(entry);
  }
  return nearFirst(call, selected, (entry) => entry.record.node);
}

/** Consul compares tags without case. */
function hasTags(record: InstanceRecord, lowerCaseTags: readonly string[]): boolean {
  return lowerCaseTags.every((wanted) => record.tags.some((tag) => tag.toLowerCase() === wanted));
}

export function nodeHas(
  catalog: CatalogReader,
  node: string,
  meta: readonly (readonly [string, string])[],
): boolean {
  const metadata = catalog.node(node)?.record.metadata;
  return meta.every(([key, value]) => metadata?.[key] === value);
}

/** Every check passes, and neither the instance nor its node is in maintenance. */
export function isPassing(catalog: CatalogReader, record: InstanceRecord): boolean {
  return (
    record.adminState === 'in-service' &&
    catalog.healthOf(record) === 'passing' &&
    (catalog.node(record.node)?.record.adminState ?? 'in-service') === 'in-service'
  );
}

const trueWords = new Set(['', '1', 't', 'T', 'true', 'TRUE', 'True']);
const falseWords = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False']);

function passing(call: Call): boolean {
  const word = call.query.get('passing');
  if (word === undefined || falseWords.has(word)) return false;
  if (!trueWords.has(word)) throw new Fault('invalid', 'Invalid value for ?passing', { path: 'passing' });
  return true;
}

/**
 * `near=` sorts by distance. All that is known of distances here is that a node is nearest to itself; the rest keeps its order.
 */
export function nearFirst<T>(call: Call, items: readonly T[], nodeOf: (item: T) => string): readonly T[] {
  const near = call.query.get('near');
  if (near === undefined || near === '') return items;
  const node = near === '_agent' ? call.context.identity.node : near;
  return [...items.filter((item) => nodeOf(item) === node), ...items.filter((item) => nodeOf(item) !== node)];
}

/** The call's `filter=` over items of the given shape. Throws `invalid` for a filter that cannot be. */
export function filterOf(call: Call, shape: FieldType): Filter | undefined {
  const source = call.query.get('filter');
  return source === undefined || source === '' ? undefined : compileFilter(source, shape, linearRegex);
}

/** What `filter=` leaves. */
export function filtered<T>(call: Call, shape: FieldType, items: readonly T[]): readonly T[] {
  const filter = filterOf(call, shape);
  return filter === undefined ? items : items.filter(filter);
}

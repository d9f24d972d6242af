import type { Labels } from '../base/labels.ts';
import type { PreparedQuery, PreparedQueryService } from './prepared-query.ts';
import type { CatalogReader, ServiceView } from './reader.ts';
import type { Entry, InstanceRecord } from './records.ts';

/**
 * The instances that a query (rendered) asks for, in the catalog's order. Never one that is critical or out of service.
 */
export function runPreparedQuery(
  catalog: Pick<
    CatalogReader,
    'service' | 'servicesByFoldedName' | 'node' | 'nodeChecks' | 'checksOfInstance'
  >,
  { service: wanted }: PreparedQuery,
): readonly Entry<InstanceRecord>[] {
  const view = catalog.service(wanted.service) ?? foldedService(catalog, wanted.service);
  if (view === undefined) return [];
  const hasTags = tagTest(wanted.tags);
  const ignored = new Set(wanted.ignoreCheckIds);
  const found: Entry<InstanceRecord>[] = [];
  for (const entry of view.instances()) {
    const { record } = entry;
    const node = catalog.node(record.node)?.record;
    if (record.adminState !== 'in-service' || (node?.adminState ?? 'in-service') !== 'in-service') continue;
    if (!hasTags(record.tags) || !holds(record.metadata, wanted.serviceMeta)) continue;
    if (!holds(node?.metadata, wanted.nodeMeta)) continue;
    if (isHealthy(catalog, record, wanted, ignored)) found.push(entry);
  }
  return found;
}

/** DNS asks in lower case. */
function foldedService(
  catalog: Pick<CatalogReader, 'servicesByFoldedName'>,
  name: string,
): ServiceView | undefined {
  return catalog.servicesByFoldedName(name.toLowerCase())[0];
}

function tagTest(wanted: readonly string[]): (tags: readonly string[]) => boolean {
  const folded = wanted.map((tag) => tag.toLowerCase());
  const required = folded.filter((tag) => !tag.startsWith('!'));
  const forbidden = folded.filter((tag) => tag.startsWith('!')).map((tag) => tag.slice(1));
  if (folded.length === 0) return () => true;
  return (tags) => {
    const has = new Set(tags.map((tag) => tag.toLowerCase()));
    return required.every((tag) => has.has(tag)) && !forbidden.some((tag) => has.has(tag));
  };
}

function holds(metadata: Labels | undefined, wanted: Labels): boolean {
  for (const key in wanted) if (metadata?.[key] !== wanted[key]) return false;
  return true;
}

function isHealthy(
  catalog: Pick<CatalogReader, 'nodeChecks' | 'checksOfInstance'>,
  record: InstanceRecord,
  { onlyPassing }: PreparedQueryService,
  ignored: ReadonlySet<string>,
): boolean {
  for (const checks of [catalog.nodeChecks(record.node), catalog.checksOfInstance(record)]) {
    for (const { record: check } of checks) {
      if (ignored.has(check.id)) continue;
      if (check.status === 'critical' || (onlyPassing && check.status !== 'passing')) return false;
    }
  }
  return true;
}

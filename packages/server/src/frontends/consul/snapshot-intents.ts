import type { Draft } from '@portolan/core/catalog/draft.ts';
import { type CatalogRecord, recordKey } from '@portolan/core/catalog/records.ts';
import type { Identity } from '../../contract.ts';
import { everyEntry, serviceRecords } from './translate-snapshot.ts';

/**
 * Puts the records of a snapshot in the place of all that is there, but for what this server is by itself. Sessions become this
 * server's to count. What another server was by itself does not come back, only the node that others may live on.
 */
export function restoreSnapshot(draft: Draft, records: readonly CatalogRecord[], identity: Identity): void {
  const wanted = records.flatMap((record) => settled(record, identity));
  const kept = new Set(wanted.map(recordKey));
  const present = [...everyEntry(draft).map((entry) => entry.record), ...serviceRecords(draft)];
  for (const record of present) {
    if (!isOwnSelf(record, identity) && !kept.has(recordKey(record))) draft.delete(recordKey(record));
  }
  for (const record of wanted) draft.put(record);
}

function settled(record: CatalogRecord, identity: Identity): readonly CatalogRecord[] {
  if (record.kind === 'lease') return [{ ...record, owner: identity.node }];
  if (!isSelf(record)) return [record];
  if (record.kind !== 'node' || record.name === identity.node) return [];
  return [{ ...record, origin: { ...record.origin, source: 'catalog' } }];
}

function isSelf(record: CatalogRecord): boolean {
  return record.kind !== 'kv' && record.origin.dialect === 'consul' && record.origin.source === 'self';
}

function isOwnSelf(record: CatalogRecord, identity: Identity): boolean {
  return isSelf(record) && record.kind !== 'kv' && record.origin.node === identity.node;
}

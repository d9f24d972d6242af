import { createHash } from 'node:crypto';
import { labelsFrom } from '@portolan/core/base/labels.ts';
import type { CatalogRecord, CheckDefinition, Origin, RecordKey } from '@portolan/core/catalog/records.ts';
import type { StoredEntry } from '@portolan/core/catalog/store.ts';
import type { Revisions } from './store-rules.ts';

/*
 * How a record lies on disk:
 *
 *   key    the record's key as UTF-8; one that is too long, or that UTF-8 cannot tell from another (lone surrogates), is '#' and
 *          the SHA-256 of its UTF-16 code units. Nothing is lost: the record itself tells its key.
 *   value  6 bytes createRevision, 6 bytes modifyRevision (big-endian), then the record as JSON in UTF-8
 */

export const headerBytes = 12;

/** LMDB allows 1978 bytes with 4 KiB pages. A UTF-16 code unit takes at most 3 bytes of UTF-8. */
const maxPlainKeyUnits = 640;

export function encodeKey(key: RecordKey): Buffer {
  if (key.length <= maxPlainKeyUnits && key.isWellFormed()) return Buffer.from(key, 'utf8');
  return Buffer.from(`#${createHash('sha256').update(key, 'utf16le').digest('hex')}`, 'latin1');
}

/** Writes header and JSON at `offset` of `target`, which must have room for `encodedBytesAtMost`; returns the end. */
export function encodeValue(target: Buffer, offset: number, revisions: Revisions, json: string): number {
  target.writeUIntBE(revisions.createRevision, offset, 6);
  target.writeUIntBE(revisions.modifyRevision, offset + 6, 6);
  return offset + headerBytes + target.write(json, offset + headerBytes, 'utf8');
}

export function encodedBytesAtMost(json: string): number {
  return headerBytes + json.length * 3;
}

export function decodeRevisions(value: Uint8Array): Revisions {
  const view = new DataView(value.buffer, value.byteOffset, headerBytes);
  return { createRevision: uint48(view, 0), modifyRevision: uint48(view, 6) };
}

function uint48(view: DataView, offset: number): number {
  return view.getUint16(offset) * 2 ** 32 + view.getUint32(offset + 2);
}

/** Reads values back. One decoder shares the origins that many records have in common. */
export function valueDecoder(): (value: Buffer) => StoredEntry {
  const origins = new Map<string, Origin>();
  return (value) => {
    const record = JSON.parse(value.toString('utf8', headerBytes)) as CatalogRecord;
    return { record: revive(record, origins), ...decodeRevisions(value) };
  };
}

/** JSON.parse gives maps a prototype, on which a key such as `constructor` would be found; records have none. */
function revive(record: CatalogRecord, origins: Map<string, Origin>): CatalogRecord {
  if (record.kind === 'kv') return record;
  const origin = sharedOrigin(record.origin, origins);
  switch (record.kind) {
    case 'node': {
      const { metadata, taggedAddresses } = record;
      return {
        ...record,
        origin,
        metadata: labelsFrom(metadata),
        taggedAddresses: labelsFrom(taggedAddresses),
      };
    }
    case 'instance': {
      const { metadata, taggedAddresses } = record;
      return { ...record, origin, metadata: labelsFrom(metadata), taggedAddresses: bare(taggedAddresses) };
    }
    case 'service':
      return { ...record, origin, metadata: labelsFrom(record.metadata) };
    case 'check':
      return { ...record, origin, ...revivedDefinition(record.definition) };
    default:
      return { ...record, origin };
  }
}

function revivedDefinition(definition: CheckDefinition | undefined): { definition?: CheckDefinition } {
  if (definition?.probe.type !== 'http') return {};
  const { probe } = definition;
  return { definition: { ...definition, probe: { ...probe, headers: bare(probe.headers) } } };
}

function sharedOrigin(origin: Origin, origins: Map<string, Origin>): Origin {
  const name = JSON.stringify([origin.dialect, origin.source, origin.node]);
  const known = origins.get(name);
  if (known !== undefined) return known;
  origins.set(name, Object.freeze(origin));
  return origin;
}

function bare<T>(map: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
  return Object.assign(Object.create(null) as Record<string, T>, map);
}

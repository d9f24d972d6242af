import { createHash } from 'node:crypto';
import { type Labels, labelsFrom } from '@portolan/core/base/labels.ts';
import type { CatalogRecord, Origin, RecordKey } from '@portolan/core/catalog/records.ts';
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

/** Reads values back. One decoder shares what many records have in common: origins, and the metadata of like instances. */
export function valueDecoder(): (value: Buffer, size: number) => StoredEntry {
  const pool: Pool = { origins: new Map(), labels: new Map() };
  return (value, size) => {
    const record = JSON.parse(value.toString('utf8', headerBytes, size)) as CatalogRecord;
    const createRevision = value.readUIntBE(0, 6);
    const modifyRevision = value.readUIntBE(6, 6);
    return { record: revive(record, pool), createRevision, modifyRevision };
  };
}

interface Pool {
  readonly origins: Map<string, Origin>;
  readonly labels: Map<string, Labels>;
}

/** Beyond that, maps are hardly alike. */
const maxPooledLabels = 10_000;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * JSON.parse gives maps a prototype, on which a key such as `constructor` would be found; records have none. Nobody else has seen
 * the record yet, so that it is changed in place: a copy of each would double the work of a start.
 */
function revive(parsed: CatalogRecord, pool: Pool): CatalogRecord {
  if (parsed.kind === 'kv') return parsed;
  const record = parsed as Mutable<typeof parsed>;
  record.origin = sharedOrigin(record.origin, pool.origins);
  switch (record.kind) {
    case 'node':
      record.metadata = sharedLabels(record.metadata, pool.labels);
      record.taggedAddresses = sharedLabels(record.taggedAddresses, pool.labels);
      break;
    case 'instance':
      record.metadata = sharedLabels(record.metadata, pool.labels);
      record.taggedAddresses = bare(record.taggedAddresses);
      break;
    case 'service':
      record.metadata = sharedLabels(record.metadata, pool.labels);
      break;
    case 'check': {
      const probe = record.definition?.probe;
      if (probe?.type === 'http') (probe as Mutable<typeof probe>).headers = bare(probe.headers);
      break;
    }
  }
  return record;
}

function sharedOrigin(origin: Origin, origins: Map<string, Origin>): Origin {
  const name = JSON.stringify([origin.dialect, origin.source, origin.node]);
  const known = origins.get(name);
  if (known !== undefined) return known;
  origins.set(name, Object.freeze(origin));
  return origin;
}

function sharedLabels(map: Labels, known: Map<string, Labels>): Labels {
  const name = JSON.stringify(map);
  const found = known.get(name);
  if (found !== undefined) return found;
  const made = labelsFrom(map);
  if (known.size < maxPooledLabels) known.set(name, made);
  return made;
}

const nothing: Readonly<Record<string, never>> = Object.freeze(Object.create(null) as Record<string, never>);

function bare<T>(map: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
  if (Object.keys(map).length === 0) return nothing;
  return Object.assign(Object.create(null) as Record<string, T>, map);
}

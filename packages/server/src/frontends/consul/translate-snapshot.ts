import { Fault } from '@portolan/core/base/fault.ts';
import type { CatalogReader } from '@portolan/core/catalog/reader.ts';
import type { CatalogRecord, Entry } from '@portolan/core/catalog/records.ts';
import { readRecord } from './snapshot-records.ts';

/** `state.bin`: a header line, then one record as JSON on each. */
const format = 'portolan-catalog';
const version = 1;

/** Every record there is. They may be kept: the catalog's own collections may not. */
export function everyEntry(catalog: Omit<CatalogReader, 'indexOf'>): readonly Entry[] {
  const entries: Entry[] = [];
  for (const entry of catalog.nodes()) entries.push(entry);
  for (const view of catalog.services()) for (const entry of view.instances()) entries.push(entry);
  for (const entry of catalog.checks()) entries.push(entry);
  for (const entry of catalog.leases()) entries.push(entry);
  for (const entry of catalog.kvPrefix('')) entries.push(entry);
  for (const entry of catalog.rules()) entries.push(entry);
  for (const entry of catalog.ruleVersions()) entries.push(entry);
  return entries;
}

/** Settings of services, which have no entry of their own to read. */
export function serviceRecords(catalog: Omit<CatalogReader, 'indexOf'>): readonly CatalogRecord[] {
  return [...catalog.services()].flatMap(({ record }) => (record === undefined ? [] : [record]));
}

export function headerLine(revision: number, records: number): string {
  return `${JSON.stringify({ format, version, revision, records })}\n`;
}

export function recordLines(records: readonly CatalogRecord[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join('');
}

/** Throws `invalid` for what is none of ours, is cut short or holds a wrong record. */
export function* readState(state: Buffer): Iterable<CatalogRecord> {
  let start = 0;
  let expected: number | undefined;
  let count = 0;
  while (start < state.length) {
    const found = state.indexOf(10, start);
    const end = found === -1 ? state.length : found;
    const value = parseLine(state.toString('utf8', start, end));
    start = end + 1;
    if (expected === undefined) {
      expected = readHeader(value);
      continue;
    }
    count += 1;
    yield readRecord(value);
  }
  if (count !== expected) throw foreign(`${count} records instead of ${expected ?? 'any'}`);
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw foreign('its state is not readable', cause);
  }
}

function readHeader(value: unknown): number {
  const header = Object(value) as { format?: unknown; version?: unknown; records?: unknown };
  if (header.format !== format) throw foreign('its state is not that of a Portolan server');
  if (header.version !== version) throw foreign(`its version ${String(header.version)} is not ${version}`);
  if (!Number.isSafeInteger(header.records)) throw foreign('its header is not readable');
  return header.records as number;
}

function foreign(why: string, cause?: unknown): Fault {
  return new Fault('invalid', `The snapshot cannot be restored: ${why}`, { cause });
}

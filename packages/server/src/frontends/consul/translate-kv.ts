import { Fault } from '@portolan/core/base/fault.ts';
import type { Entry, KvRecord } from '@portolan/core/catalog/records.ts';
import type { WireObject } from './translate-answer.ts';

/** V8 has it, TypeScript's library does not know it yet: a JSON text that `JSON.stringify` writes as it is. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): object };

/** Flags are 64 bits wide, more than a JavaScript number: they are written as they are kept. */
export function wireKv(entry: Entry<KvRecord>): WireObject {
  const { record } = entry;
  return {
    LockIndex: record.lockIndex,
    Key: record.key,
    Flags: rawJSON(record.flags),
    Value: record.value === '' ? null : record.value,
    ...(record.session === undefined ? {} : { Session: record.session }),
    CreateIndex: entry.createRevision,
    ModifyIndex: entry.modifyRevision,
  };
}

const maxUint64 = 18_446_744_073_709_551_615n;

/** `flags=` as the decimal digits of an unsigned 64-bit number. */
export function readFlags(text: string | undefined): string {
  if (text === undefined || text === '') return '0';
  if (/^\d{1,20}$/.test(text) && BigInt(text) <= maxUint64) return BigInt(text).toString();
  throw new Fault('invalid', `Invalid flags ${JSON.stringify(text)}: it must be a number from 0 to 2^64-1`, {
    path: 'flags',
  });
}

/** `cas=` as a revision; undefined where it is not given. */
export function readCas(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  throw new Fault('invalid', `Invalid cas ${JSON.stringify(text)}: it must be a ModifyIndex`, {
    path: 'cas',
  });
}

/** The keys, cut after the first separator behind the prefix, each once. Keys come in order. */
export function keysUpToSeparator(
  entries: Iterable<Entry<KvRecord>>,
  prefix: string,
  separator: string,
): readonly string[] {
  const keys: string[] = [];
  for (const { record } of entries) {
    const cut = separator === '' ? -1 : record.key.indexOf(separator, prefix.length);
    const key = cut === -1 ? record.key : record.key.slice(0, cut + separator.length);
    if (keys.at(-1) !== key) keys.push(key);
  }
  return keys;
}

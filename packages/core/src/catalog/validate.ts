import { Fault } from '../base/fault.ts';
import {
  type AdminState,
  type CatalogRecord,
  type CheckDefinition,
  type CheckRecord,
  type Health,
  type InstanceRecord,
  recordKey,
} from './records.ts';

/** What a record may hold, for every dialect and every store. Bytes are of UTF-8. */
export const limits = {
  /** Long enough for a full DNS name. */
  maxNameBytes: 255,
  maxAddressBytes: 255,
  maxKvKeyBytes: 1500,
  /** 512 KiB, as in Consul, written in base64. */
  maxKvValueLength: Math.ceil((512 * 1024) / 3) * 4,
  /** LMDB takes 1978 bytes; the rest is for what a store puts before it. */
  maxRecordKeyBytes: 1900,
  /** Keys and values of all of a record's maps together. */
  maxMetadataBytes: 64 * 1024,
  maxTags: 256,
  /** Of a check's output and notes, and of an admin reason. */
  maxTextBytes: 64 * 1024,
  maxWeight: 65_535,
  /** A year and a day; longer is a mistake of units. */
  maxDurationMs: 366 * 24 * 3600 * 1000,
} as const;

const healths: ReadonlySet<string> = new Set<Health>(['passing', 'warning', 'critical']);
const adminStates: ReadonlySet<string> = new Set<AdminState>(['in-service', 'draining', 'out-of-service']);

/**
 * Throws `invalid` or `too-large`, with the path of the field, for a record that the catalog does not take. What it has in
 * common with `current`, which it replaces, was looked at before.
 */
export function checkRecord(record: CatalogRecord, current?: CatalogRecord): void {
  switch (record.kind) {
    case 'node':
      name(record.name, 'name');
      address(record.address, 'address');
      oneOf(adminStates, record.adminState, 'adminState');
      text(record.adminReason, 'adminReason');
      metadata(record.metadata, record.taggedAddresses);
      break;
    case 'instance':
      checkInstance(record);
      break;
    case 'service':
      namespace(record.namespace);
      name(record.name, 'name');
      keyOf(record);
      metadata(record.metadata);
      break;
    case 'check':
      checkCheck(record, current as CheckRecord | undefined);
      break;
    case 'lease':
      name(record.id, 'id');
      name(record.owner, 'owner');
      duration(record.ttlMs, 'ttlMs', 1);
      break;
    case 'kv':
      kvKey(record.key);
      flags(record.flags);
      whole(record.lockIndex, 'lockIndex', 0, Number.MAX_SAFE_INTEGER);
      typed(record.value, 'string', 'value');
      if (record.value.length > limits.maxKvValueLength) throw tooLarge('value', '512 KiB');
      break;
    case 'rule':
    case 'rule-version':
      name(record.apiVersion, 'apiVersion');
      name(record.ruleKind, 'ruleKind');
      namespace(record.namespace);
      name(record.name, 'name');
      if (record.kind === 'rule-version') {
        whole(record.version, 'version', 1, 9_999_999_999);
        whole(record.size, 'size', 0, Number.MAX_SAFE_INTEGER);
        text(record.by, 'by');
      }
      keyOf(record);
      break;
    default:
      throw invalid('kind', 'must be a kind of record');
  }
}

function checkInstance(record: InstanceRecord): void {
  namespace(record.namespace);
  name(record.service, 'service');
  name(record.node, 'node');
  name(record.id, 'id');
  keyOf(record);
  if (record.lease !== undefined) name(record.lease, 'lease');
  address(record.address, 'address');
  whole(record.port, 'port', 0, 65_535);
  if (!Array.isArray(record.tags)) throw invalid('tags', 'must be a list');
  if (record.tags.length > limits.maxTags) throw tooLarge('tags', `${limits.maxTags} tags`);
  for (let at = 0; at < record.tags.length; at++) text(record.tags[at] as string, `tags[${at}]`);
  typed(record.weights, 'object', 'weights');
  whole(record.weights.passing, 'weights.passing', 0, limits.maxWeight);
  whole(record.weights.warning, 'weights.warning', 0, limits.maxWeight);
  oneOf(adminStates, record.adminState, 'adminState');
  text(record.adminReason, 'adminReason');
  metadata(record.metadata);
  typed(record.taggedAddresses, 'object', 'taggedAddresses');
  for (const key in record.taggedAddresses) {
    const tagged = record.taggedAddresses[key];
    if (tagged === undefined) continue;
    name(key, 'taggedAddresses');
    typed(tagged, 'object', `taggedAddresses.${key}`);
    address(tagged.address, `taggedAddresses.${key}.address`);
    whole(tagged.port, `taggedAddresses.${key}.port`, 0, 65_535);
  }
}

function checkCheck(record: CheckRecord, current: CheckRecord | undefined): void {
  const { instance, definition } = record;
  if (current === undefined) {
    name(record.node, 'node');
    name(record.id, 'id');
    keyOf(record);
  }
  oneOf(healths, record.status, 'status');
  if (record.name !== current?.name) text(record.name, 'name');
  if (record.output !== current?.output) text(record.output, 'output');
  if (record.notes !== current?.notes) text(record.notes, 'notes');
  if (instance !== undefined && instance !== current?.instance) {
    namespace(instance.namespace, 'instance.namespace');
    name(instance.service, 'instance.service');
    name(instance.id, 'instance.id');
  }
  if (definition !== undefined && definition !== current?.definition) checkDefinition(definition);
}

function checkDefinition(definition: CheckDefinition): void {
  duration(definition.intervalMs, 'definition.intervalMs', 0);
  duration(definition.timeoutMs, 'definition.timeoutMs', 0);
  duration(definition.deregisterAfterMs, 'definition.deregisterAfterMs', 0);
  if (definition.probe.type === 'ttl') duration(definition.probe.ttlMs, 'definition.probe.ttlMs', 1);
}

/** C0, DEL and C1: nothing that a terminal, a header or a zone file could take for more than a letter. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
const controls = /[\u0000-\u001f\u007f-\u009f]/;

function name(value: string, path: string): void {
  typed(value, 'string', path);
  if (value === '') throw invalid(path, 'must not be empty');
  if (controls.test(value)) throw invalid(path, 'must not hold control characters');
  wellFormed(value, path);
  bytes(value, limits.maxNameBytes, path);
}

/** `<namespace>/<name>` stays one way to read. */
function namespace(value: string, path = 'namespace'): void {
  name(value, path);
  if (value.includes('/')) throw invalid(path, 'must not hold a slash');
}

function address(value: string, path: string): void {
  if (value !== '') name(value, path);
}

function kvKey(value: string): void {
  typed(value, 'string', 'key');
  if (value === '') throw invalid('key', 'must not be empty');
  // Whoever hands it on to C would see another key.
  if (value.includes('\0')) throw invalid('key', 'must not hold NUL');
  wellFormed(value, 'key');
  bytes(value, limits.maxKvKeyBytes, 'key');
}

function text(value: string, path: string): void {
  typed(value, 'string', path);
  bytes(value, limits.maxTextBytes, path);
}

/** Half of a surrogate pair has no UTF-8: two different names would be one in the store. */
function wellFormed(value: string, path: string): void {
  if (!value.isWellFormed()) throw invalid(path, 'must be valid Unicode');
}

/** Unsigned 64 bits. */
function flags(value: string): void {
  const largest = '18446744073709551615';
  const digits = typeof value === 'string' && /^(0|[1-9]\d*)$/.test(value);
  if (!digits || value.length > largest.length || (value.length === largest.length && value > largest)) {
    throw invalid('flags', `must be a whole number from 0 to ${largest}`);
  }
}

function metadata(...maps: readonly Readonly<Record<string, string>>[]): void {
  let total = 0;
  for (const map of maps) {
    typed(map, 'object', 'metadata');
    for (const key in map) {
      const value = map[key];
      typed(value, 'string', `metadata.${key}`);
      total += utf8Length(key) + utf8Length(value);
    }
  }
  if (total > limits.maxMetadataBytes) throw tooLarge('metadata', `${limits.maxMetadataBytes} bytes in all`);
}

function typed<T>(value: T, type: 'string' | 'object', path: string): asserts value is NonNullable<T> {
  const right = type === 'string' ? typeof value === 'string' : isMap(value);
  if (!right) throw invalid(path, `must be ${type === 'string' ? 'text' : 'a map'}`);
}

function isMap(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function oneOf(values: ReadonlySet<string>, value: string, path: string): void {
  if (!values.has(value)) throw invalid(path, `must be one of ${[...values].join(', ')}`);
}

function whole(value: number, path: string, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw invalid(path, `must be a whole number from ${least} to ${most}`);
  }
}

function duration(value: number, path: string, leastMs: number): void {
  if (!(value >= leastMs && value <= limits.maxDurationMs)) {
    throw invalid(path, `must be from ${leastMs} ms to 366 days`);
  }
}

/** Parts that are within their limits may still, escaped, make a key that no store takes. */
function keyOf(record: CatalogRecord): void {
  bytes(recordKey(record), limits.maxRecordKeyBytes, 'id');
}

function bytes(value: string, most: number, path: string): void {
  // A UTF-16 unit is at most 3 bytes: short text needs no counting.
  if (value.length * 3 > most && utf8Length(value) > most) throw tooLarge(path, `${most} bytes`);
}

function utf8Length(value: string): number {
  let length = value.length;
  for (let at = 0; at < value.length; at++) {
    const unit = value.charCodeAt(at);
    // A surrogate pair is two units and four bytes.
    if (unit > 0x7f) length += unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1;
  }
  return length;
}

function invalid(path: string, problem: string): Fault {
  return new Fault('invalid', `${path} ${problem}`, { path });
}

function tooLarge(path: string, limit: string): Fault {
  return new Fault('too-large', `${path} is larger than ${limit}`, { path });
}

import { Fault } from '@portolan/core/base/fault.ts';
import type { InstanceRecord, NodeRecord, Origin } from '@portolan/core/catalog/records.ts';
import { Fields } from './fields.ts';
import type { WireObject } from './translate-answer.ts';
import { type CatalogCheck, readCatalogCheck } from './translate-catalog.ts';
import { readFlags } from './translate-kv.ts';
import { checkedAddress, readInstance } from './translate-service.ts';

/**
 * One operation of a transaction. `verb` is as written: an unknown one is an error of its operation.
 * Source: https://developer.hashicorp.com/consul/api-docs/txn
 */
export type TransactionOp =
  | {
      readonly on: 'KV';
      readonly verb: string;
      readonly key: string;
      /** Base64. */
      readonly value: string;
      readonly flags: string;
      readonly index: number;
      readonly session: string;
    }
  | { readonly on: 'Node'; readonly verb: string; readonly node: NodeRecord; readonly index: number }
  | {
      readonly on: 'Service';
      readonly verb: string;
      readonly node: string;
      readonly id: string;
      /** Absent for a verb that writes nothing: it needs no more than the id. */
      readonly instance: InstanceRecord | undefined;
      readonly index: number;
    }
  | { readonly on: 'Check'; readonly verb: string; readonly check: CatalogCheck; readonly index: number }
  | { readonly on: 'Session'; readonly verb: string; readonly id: string };

export interface TransactionLimits {
  readonly maxOperations: number;
  readonly maxValueBytes: number;
}

/** For whom a transaction is read. */
export interface TransactionOwner {
  readonly datacenter: string;
  readonly origin: Origin;
}

/** Reads the body of `PUT /v1/txn`. Throws `invalid` and `too-large`. */
export function readTransaction(
  text: string,
  owner: TransactionOwner,
  limits: TransactionLimits,
): readonly TransactionOp[] {
  const raw = parse(text);
  if (!Array.isArray(raw)) throw unreadable('it must be a list of operations');
  if (raw.length > limits.maxOperations) {
    const counted = `(${raw.length} > ${limits.maxOperations})`;
    throw new Fault('too-large', `Transaction contains too many operations ${counted}`);
  }
  return raw.map((item, at) => readOp(new Fields(item, `[${at}]`), at, owner, limits));
}

/** Whole numbers beyond what a JavaScript number holds (Flags have 64 bits) come as their digits. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text, exactly as (this: unknown, key: string, value: unknown) => unknown);
  } catch (cause) {
    throw unreadable(cause instanceof Error ? cause.message : String(cause));
  }
}

function exactly(_key: string, value: unknown, context?: { source?: string }): unknown {
  const isTooLarge = typeof value === 'number' && !Number.isSafeInteger(value);
  return isTooLarge && /^\d{1,20}$/.test(context?.source ?? '') ? context?.source : value;
}

function unreadable(why: string): Fault {
  return new Fault('invalid', `Failed to parse body: ${why}`);
}

function readOp(
  fields: Fields,
  at: number,
  owner: TransactionOwner,
  limits: TransactionLimits,
): TransactionOp {
  const kv = fields.object('KV');
  if (kv !== undefined) return readKvOp(kv, limits);
  const node = fields.object('Node');
  if (node !== undefined) return readNodeOp(node, owner);
  const service = fields.object('Service');
  if (service !== undefined) return readServiceOp(service, owner);
  const check = fields.object('Check');
  if (check !== undefined) return readCheckOp(check, owner);
  const session = fields.object('Session');
  if (session !== undefined) return readSessionOp(session);
  throw new Fault('invalid', `Operation ${at} must hold KV, Node, Service, Check or Session`);
}

function readKvOp(fields: Fields, limits: TransactionLimits): TransactionOp {
  const key = fields.string('Key');
  const value = fields.string('Value');
  const bytes = Buffer.byteLength(value, 'base64');
  if (bytes > limits.maxValueBytes) {
    throw new Fault(
      'too-large',
      `Value for key ${JSON.stringify(key)} is too large (${bytes} > ${limits.maxValueBytes} bytes)`,
    );
  }
  return {
    on: 'KV',
    verb: fields.string('Verb'),
    key,
    value: Buffer.from(value, 'base64').toString('base64'),
    flags: readFlags(digits(fields.json('Flags'))),
    index: readIndex(fields),
    session: fields.string('Session'),
  };
}

function digits(value: unknown): string | undefined {
  return value === undefined ? undefined : String(value);
}

function readIndex(fields: Fields): number {
  return fields.integer('Index');
}

/** `{Verb, Node: {…}}`; the index to compare with is inside. */
function readNodeOp(fields: Fields, { datacenter, origin }: TransactionOwner): TransactionOp {
  const node = inner(fields, 'Node');
  return {
    on: 'Node',
    verb: fields.string('Verb'),
    index: node.integer('ModifyIndex'),
    node: {
      kind: 'node',
      name: required(node, 'Node'),
      id: node.string('ID'),
      address: checkedAddress(node.string('Address'), node.pathOf('Address')),
      datacenter,
      taggedAddresses: node.labels('TaggedAddresses'),
      metadata: node.labels('Meta'),
      adminState: 'in-service',
      adminReason: '',
      origin,
    },
  };
}

const writesService = new Set(['set', 'cas']);

function readServiceOp(fields: Fields, { origin }: TransactionOwner): TransactionOp {
  const service = inner(fields, 'Service');
  const verb = fields.string('Verb');
  const node = required(fields, 'Node');
  const name = service.string('Service');
  const id = service.string('ID') || name;
  if (id === '') required(service, 'ID');
  const instance = writesService.has(verb)
    ? readInstance(service, required(service, 'Service'), { node, origin })
    : undefined;
  return { on: 'Service', verb, node, id, instance, index: service.integer('ModifyIndex') };
}

function readCheckOp(fields: Fields, { origin }: TransactionOwner): TransactionOp {
  const check = inner(fields, 'Check');
  const node = required(check, 'Node');
  return {
    on: 'Check',
    verb: fields.string('Verb'),
    check: readCatalogCheck(check, { node, origin }, undefined),
    index: check.integer('ModifyIndex'),
  };
}

function readSessionOp(fields: Fields): TransactionOp {
  return { on: 'Session', verb: fields.string('Verb'), id: required(inner(fields, 'Session'), 'ID') };
}

function inner(fields: Fields, name: string): Fields {
  const found = fields.object(name);
  if (found === undefined) {
    const path = fields.pathOf(name);
    throw new Fault('invalid', `${path} is missing`, { path });
  }
  return found;
}

function required(fields: Fields, name: string): string {
  const value = fields.string(name);
  if (value !== '') return value;
  const path = fields.pathOf(name);
  throw new Fault('invalid', `${path} must not be empty`, { path });
}

export interface TransactionError {
  /** From 0. */
  readonly OpIndex: number;
  readonly What: string;
}

const readingVerbs = new Set([
  'get',
  'get-or-empty',
  'get-tree',
  'check-index',
  'check-session',
  'check-not-exists',
]);

/** Whether it changes nothing: Consul answers such a transaction as a read. */
export function onlyReads(ops: readonly TransactionOp[]): boolean {
  return ops.every((op) => readingVerbs.has(op.verb));
}

export function wireTransaction(results: readonly WireObject[] | null, errors: readonly TransactionError[]) {
  return { Results: results, Errors: errors.length === 0 ? null : errors };
}

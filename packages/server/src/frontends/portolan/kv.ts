import { Fault } from '@portolan/core/base/fault.ts';
import { type Entry, type KvRecord, keyOf } from '@portolan/core/catalog/records.ts';
import { z } from 'zod';
import { reply } from '../../http/reply.ts';
import type { Query } from '../../http/target.ts';
import { type Handler, json, jsonBody, pageOf, param } from './call.ts';
import { parse } from './translate.ts';

const body = z
  .strictObject({
    /** As text, or, for bytes, as base64. */
    value: z.string().optional(),
    base64: z.base64('must be base64').optional(),
    flags: z
      .string()
      .regex(/^\d{1,20}$/, 'must be decimal digits')
      .default('0'),
  })
  .refine(({ value, base64 }) => (value === undefined) !== (base64 === undefined), {
    message: 'write exactly one of value and base64',
  });

export const list: Handler = ({ context, query }) => {
  const { catalog, revision } = context.engine.view;
  const { prefix, after, limit } = pageOf(query);
  const entries: object[] = [];
  let last: string | undefined;
  let next: string | undefined;
  for (const entry of catalog.kvPrefix(prefix)) {
    if (entry.record.key <= after) continue;
    if (entries.length === limit) {
      next = last;
      break;
    }
    entries.push(shown(entry));
    last = entry.record.key;
  }
  return json({ revision, entries, next });
};

export const get: Handler = (call) => {
  const key = param(call, 'rest');
  const found = call.context.engine.view.catalog.kv(key);
  if (found === undefined) throw new Fault('not-found', `There is no key "${key}".`);
  return json(shown(found));
};

/** `?if-revision=N`: only if the key last changed then; 0: only if it is new. */
export const put: Handler = async (call) => {
  const key = param(call, 'rest');
  const given = parse(body, jsonBody(call.body));
  const value = given.base64 ?? Buffer.from(given.value ?? '').toString('base64');
  const expected = expectedRevision(call.query);
  const { engine } = call.context;
  await engine.submit((draft) => {
    if (expected !== undefined) draft.expect(keyOf.kv(key), expected);
    const before = draft.kv(key)?.record;
    const { lockIndex = 0, session } = before ?? {};
    draft.put({
      kind: 'kv',
      key,
      value,
      flags: given.flags,
      lockIndex,
      ...(session === undefined ? {} : { session }),
    });
  });
  return json({ key, revision: engine.view.revision });
};

export const remove: Handler = async (call) => {
  const key = keyOf.kv(param(call, 'rest'));
  const expected = expectedRevision(call.query);
  await call.context.engine.submit((draft) => {
    if (expected !== undefined) draft.expect(key, expected);
    draft.delete(key);
  });
  return reply(204);
};

function expectedRevision(query: Query): number | undefined {
  const text = query.get('if-revision');
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new Fault('invalid', 'if-revision must be a whole number', { path: 'if-revision' });
}

function shown({ record, createRevision, modifyRevision }: Entry<KvRecord>): object {
  const bytes = Buffer.from(record.value, 'base64');
  const text = bytes.toString('utf8');
  const isText = Buffer.from(text).equals(bytes);
  const { key, flags, session } = record;
  return {
    key,
    ...(isText ? { value: text } : { base64: record.value }),
    flags,
    session,
    createRevision,
    modifyRevision,
  };
}

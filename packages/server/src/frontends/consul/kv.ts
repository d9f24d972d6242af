import { setImmediate } from 'node:timers/promises';
import { Fault } from '@portolan/core/base/fault.ts';
import type { Draft } from '@portolan/core/catalog/draft.ts';
import { topicOf } from '@portolan/core/catalog/reader.ts';
import { type Entry, type KvRecord, keyOf } from '@portolan/core/catalog/records.ts';
import { jsonText } from '../../http/reply.ts';
import { blocking, type Content, jsonContent, missing, type Read } from './blocking.ts';
import { type Call, type Handler, localJson, text } from './call.ts';
import { flag, isOurDatacenter, refuseEnterpriseScopes } from './query.ts';
import { refusedBySession } from './session.ts';
import { acquireLock, releaseLock } from './session-intents.ts';
import type { WireObject } from './translate-answer.ts';
import { keysUpToSeparator, readCas, readFlags, wireKv } from './translate-kv.ts';

/** UTF-8 bytes of a key. Store keys are bounded; Consul has no such limit of its own, its URL has. */
const maxKeyBytes = 1_024;

const one: Read = {
  topic: (call) => topicOf.kv(call.argument),
  content(call, catalog) {
    const entry = catalog.kv(call.argument);
    if (entry === undefined) return missing;
    return flag(call.query, 'raw') ? rawContent(entry.record.value) : jsonContent(call, [wireKv(entry)]);
  },
};

/** A value may be anything; a browser must neither guess what it is nor run it. */
function rawContent(base64: string): Content {
  const headers = [
    ...['Content-Type', 'text/plain; charset=utf-8'],
    ...['X-Content-Type-Options', 'nosniff'],
    ...['Content-Security-Policy', 'sandbox'],
  ];
  return { status: 200, headers, body: Buffer.from(base64, 'base64') };
}

const recursive: Read = {
  topic: (call) => topicOf.kvPrefix(call.argument),
  content(call, catalog) {
    const entries = [...catalog.kvPrefix(call.argument)].map(wireKv);
    return entries.length === 0 ? missing : jsonContent(call, entries);
  },
  largeContent(call, catalog) {
    const entries = [...catalog.kvPrefix(call.argument)];
    const chars = entries.reduce((sum, { record }) => sum + record.value.length, 0);
    return chars < minSlicedChars ? undefined : slicedContent(entries, flag(call.query, 'pretty'));
  },
};

/** An answer of more than this is encoded in slices: one of 100 MB would hold everybody up for a second. */
const minSlicedChars = 4 * 1024 * 1024;
/** Of values in a slice: some ten milliseconds of work. */
const sliceChars = 1024 * 1024;

/** The entries as `jsonContent` writes them, a slice at each turn of the event loop. They are frozen, so that they may take their time. */
async function slicedContent(entries: readonly Entry<KvRecord>[], pretty: boolean): Promise<Content> {
  const pieces: Buffer[] = [];
  let slice: WireObject[] = [];
  let chars = 0;
  const cut = (isLast: boolean): void => {
    const json = jsonText(slice, pretty);
    const body = pretty ? json.slice(1, -'\n]\n'.length) : json.slice(1, -1);
    pieces.push(Buffer.from((pieces.length === 0 ? '[' : ',') + body));
    if (isLast) pieces.push(Buffer.from(pretty ? '\n]\n' : ']'));
    slice = [];
    chars = 0;
  };
  for (const entry of entries) {
    if (chars >= sliceChars) {
      cut(false);
      await setImmediate();
    }
    slice.push(wireKv(entry));
    chars += entry.record.value.length;
  }
  cut(true);
  return { status: 200, headers: ['Content-Type', 'application/json'], body: Buffer.concat(pieces) };
}

const keys: Read = {
  topic: (call) => topicOf.kvPrefix(call.argument),
  content(call, catalog) {
    // The second spelling is one that Consul has come to accept.
    const separator = call.query.get('separator') ?? call.query.get('seperator') ?? '';
    const found = keysUpToSeparator(catalog.kvPrefix(call.argument), call.argument, separator);
    return found.length === 0 && call.argument !== '' ? missing : jsonContent(call, found);
  },
};

const answerOne = blocking(one);
const answerRecursive = blocking(recursive);
const answerKeys = blocking(keys);

/** `GET /v1/kv/:key` with `?raw`, `?recurse` or `?keys&separator=`. */
export const get: Handler = (call) => {
  if (call.query.has('keys')) return answerKeys(call);
  if (call.query.has('recurse')) return answerRecursive(call);
  return call.argument === '' ? text(400, 'Missing key name') : answerOne(call);
};

/** `PUT /v1/kv/:key?flags=&cas=&acquire=&release=`: `true`, or `false` where the condition did not hold. */
export const put: Handler = async (call) => {
  const refusal = refusalOf(call, ['cas', 'acquire', 'release']);
  if (refusal !== undefined) return refusal;
  const key = keyName(call.argument);
  const flags = readFlags(call.query.get('flags'));
  const cas = readCas(call.query.get('cas'));
  const value = call.body.toString('base64');
  const acquire = call.query.get('acquire');
  const release = call.query.get('release');
  const { sessions } = call.context;
  const decide = (draft: Draft): boolean => {
    const write: KvRecord = { kind: 'kv', key, value, flags, lockIndex: 0 };
    if (acquire !== undefined) return acquireLock(draft, write, acquire, sessions.isDelayed(key));
    if (release !== undefined) return releaseLock(draft, write, release);
    if (!casHolds(draft, key, cas)) return false;
    const before = draft.kv(key)?.record;
    const session = before?.session;
    const lock = session === undefined ? {} : { session };
    draft.put({ ...write, lockIndex: before?.lockIndex ?? 0, ...lock });
    return true;
  };
  try {
    return localJson(call, await call.context.engine.submit(decide));
  } catch (thrown) {
    return refusedBySession(thrown);
  }
};

/** `DELETE /v1/kv/:key` with `?recurse` or `?cas=`. */
export const remove: Handler = async (call) => {
  const refusal = refusalOf(call, ['recurse', 'cas']);
  if (refusal !== undefined) return refusal;
  if (call.query.has('recurse')) {
    await call.context.engine.submit((draft) => removePrefix(draft, call.argument));
    return localJson(call, true);
  }
  const key = keyName(call.argument);
  const cas = readCas(call.query.get('cas'));
  if (cas === 0) return text(400, 'Invalid cas: to delete, it must be the ModifyIndex of the key');
  const removed = await call.context.engine.submit((draft) => {
    if (!casHolds(draft, key, cas)) return false;
    draft.delete(keyOf.kv(key));
    return true;
  });
  return localJson(call, removed);
};

function refusalOf(call: Call, exclusive: readonly string[]) {
  if (!isOurDatacenter(call.query, call.context.identity.datacenter))
    return text(500, 'No path to datacenter');
  refuseEnterpriseScopes(call.query);
  const given = exclusive.filter((name) => call.query.has(name));
  if (given.length > 1) return text(400, `Conflicting flags: ${call.target.split('?')[1] ?? ''}\n`);
  return undefined;
}

function keyName(argument: string): string {
  if (argument === '') throw new Fault('invalid', 'Missing key name');
  if (Buffer.byteLength(argument) > maxKeyBytes) {
    throw new Fault('too-large', `The key is longer than ${maxKeyBytes} bytes`);
  }
  return argument;
}

/** Whether the key last changed at `cas` (0: does not exist), now and when this is committed. */
function casHolds(draft: Draft, key: string, cas: number | undefined): boolean {
  if (cas === undefined) return true;
  if ((draft.kv(key)?.modifyRevision ?? 0) !== cas) return false;
  draft.expect(keyOf.kv(key), cas);
  return true;
}

function removePrefix(draft: Draft, prefix: string): void {
  for (const entry of [...draft.kvPrefix(prefix)]) draft.delete(keyOf.kv(entry.record.key));
}

import { readFileSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import type { KvEntry } from '@portolan/client/registry/decode.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import { type ListView, renderList, renderRecord } from '../output/render.ts';
import type { Session } from '../session.ts';

const entryView: ListView<KvEntry> = {
  columns: [
    { title: 'KEY', of: ({ key }) => key },
    { title: 'BYTES', of: ({ value }) => String(value.length) },
    { title: 'INDEX', of: ({ modifyIndex }) => String(modifyIndex) },
    { title: 'FLAGS', of: ({ flags }) => String(flags), wide: true },
    { title: 'VALUE', of: ({ value }) => preview(value), wide: true },
  ],
  name: ({ key }) => key,
  json: entryJson,
};

/** `portolan kv get KEY`: the value itself, byte for byte (a line end is added on a terminal only). */
export async function getKey(session: Session, key: string): Promise<void> {
  const entry = await session.registry.kv.get(key, session.signal);
  const { format } = session.render;
  if (format === 'json' || format === 'yaml') {
    session.io.out(renderRecord([], entryJson(entry), key, session.render));
    return;
  }
  if (format === 'name') {
    session.io.out(`${key}\n`);
    return;
  }
  session.io.out(entry.value);
  if (session.io.outIsTerminal) session.io.out('\n');
}

/** `portolan kv put KEY VALUE`: the value, `@FILE`, or `-` for stdin. */
export async function putKey(
  session: Session,
  key: string,
  value: string,
  flags: { cas?: string; flags?: string },
): Promise<void> {
  const cas = flags.cas === undefined ? {} : { cas: indexOf(flags.cas) };
  const numbers = flags.flags === undefined ? {} : { flags: flagsOf(flags.flags) };
  const bytes = await bytesOf(session, value);
  const stored = await session.registry.kv.put(key, bytes, { ...cas, ...numbers, signal: session.signal });
  if (!stored) throw guardFailed(key, flags.cas ?? '');
  session.io.out(renderRecord([['stored', key]], { key, stored: true }, key, session.render));
}

/** `portolan kv delete KEY` */
export async function deleteKey(
  session: Session,
  key: string,
  flags: { recurse: boolean; cas?: string; yes: boolean },
): Promise<void> {
  if (flags.recurse && key === '' && !flags.yes) {
    throw new Fault(
      'invalid',
      `kv delete: --recurse with an empty prefix deletes every key; add --yes if that is meant`,
    );
  }
  if (flags.recurse && flags.cas !== undefined) {
    throw new Fault('invalid', '--cas: guards one key and cannot be used with --recurse', { path: '--cas' });
  }
  const cas = flags.cas === undefined ? {} : { cas: indexOf(flags.cas) };
  // The API says true for a key that was never there, too.
  if (flags.recurse) {
    const keys = await session.registry.kv.keys(key, session.signal);
    if (keys.length === 0) session.io.err(`No key begins with '${key}'.\n`);
  } else await session.registry.kv.get(key, session.signal);
  const deleted = await session.registry.kv.delete(key, {
    recurse: flags.recurse,
    ...cas,
    signal: session.signal,
  });
  if (!deleted) throw guardFailed(key, flags.cas ?? '');
  session.io.out(renderRecord([['deleted', key]], { key, deleted: true }, key, session.render));
}

/** `portolan kv list [PREFIX]` */
export async function listKeys(session: Session, prefix: string): Promise<void> {
  const entries = await session.registry.kv.list(prefix, session.signal);
  session.io.out(renderList(entries, entryView, session.render));
  if (entries.length === 0) session.io.err(`No key begins with '${prefix}'.\n`);
}

/** Text as text; what is not UTF-8 as base64, and `encoding` says which. */
function entryJson(entry: KvEntry): unknown {
  const { key, flags, createIndex, modifyIndex } = entry;
  const asText = utf8(entry.value);
  return {
    key,
    value: asText ?? entry.value.toString('base64'),
    encoding: asText === undefined ? 'base64' : 'utf-8',
    flags,
    createIndex,
    modifyIndex,
  };
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

const previewChars = 40;

function preview(bytes: Uint8Array): string {
  const asText = utf8(bytes) ?? `(${bytes.length} bytes)`;
  return asText.length > previewChars ? `${asText.slice(0, previewChars)}…` : asText;
}

async function bytesOf(session: Session, value: string): Promise<Uint8Array> {
  if (value === '-') return buffer(session.io.stdin);
  if (!value.startsWith('@')) return Buffer.from(value);
  try {
    return readFileSync(value.slice(1));
  } catch (thrown) {
    throw new Fault('invalid', `kv put: cannot read the file: ${Fault.from(thrown).message}`, {
      cause: thrown,
    });
  }
}

function indexOf(text: string): number {
  const index = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(index)) {
    throw new Fault(
      'invalid',
      `--cas: '${text}' is not an index; 'kv get KEY -o json' shows modifyIndex, 0 means that the key must not exist`,
      {
        path: '--cas',
      },
    );
  }
  return index;
}

function flagsOf(text: string): string {
  if (!/^\d{1,20}$/.test(text) || BigInt(text) > 2n ** 64n - 1n) {
    throw new Fault('invalid', `--flags: '${text}' is not a number from 0 to 2^64-1`, { path: '--flags' });
  }
  return text;
}

function guardFailed(key: string, cas: string): Fault {
  return new Fault(
    'conflict',
    `'${key}' is not at index ${cas}: somebody changed it; read it again ('kv get ${key} -o json')`,
  );
}

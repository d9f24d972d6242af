import type { Secret } from '@portolan/core/rules/kubernetes.ts';
import type { StringMap } from '@portolan/core/rules/metadata.ts';
import type { At } from '../at.ts';
import { checkCertificate } from '../certificate.ts';
import { flag, type Schema, someText } from '../schema.ts';
import { secretData, secretText } from './kubernetes.ts';
import { manifest } from './metadata.ts';

/** As it is written: `stringData` besides. */
interface WrittenSecret extends Secret {
  readonly stringData?: StringMap;
}

/** A Secret, whose `stringData` becomes `data`. `nowMs` is the wall clock, for what has expired. */
export function secret(nowMs: number): Schema<Secret> {
  const written = manifest<WrittenSecret>(
    [],
    { type: someText, data: secretData, stringData: secretText, immutable: flag },
    { check: (value, at) => checkSecret(value, at, nowMs) },
  );
  return (value, at) => {
    const read = written(value, at);
    if (read === undefined) return undefined;
    const { stringData, ...rest } = read;
    if (stringData === undefined) return rest;
    const data = Object.assign(Object.create(null) as Record<string, string>, read.data);
    for (const [key, text] of Object.entries(stringData)) data[key] = Buffer.from(text).toString('base64');
    return { ...rest, data };
  };
}

/** Where a key's value is written, and what it is. */
function entryOf(secret: WrittenSecret, key: string, at: At): { pem: string; at: At } | undefined {
  const text = secret.stringData?.[key];
  if (text !== undefined) return { pem: text, at: at.in('stringData', key) };
  const data = secret.data?.[key];
  return data === undefined
    ? undefined
    : { pem: Buffer.from(data, 'base64').toString(), at: at.in('data', key) };
}

function checkSecret(secret: WrittenSecret, at: At, nowMs: number): void {
  if (secret.type !== 'kubernetes.io/tls') return;
  const chain = entryOf(secret, 'tls.crt', at);
  const key = entryOf(secret, 'tls.key', at);
  for (const [name, entry] of [
    ['tls.crt', chain],
    ['tls.key', key],
  ] as const) {
    if (entry === undefined)
      at.in('data', name).error(
        'missing-field',
        'is missing: type kubernetes.io/tls has tls.crt and tls.key',
      );
  }
  if (chain !== undefined && key !== undefined) checkCertificate(chain, key, nowMs);
}

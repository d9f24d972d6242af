import type { NodeRecord } from '@portolan/core/catalog/records.ts';
import { bytesOf } from './names.ts';

/** A character-string has one length byte (RFC 1035 §3.3). */
const maxStringBytes = 255;
/** Consul's documentation: metadata under such a key is given without the key. */
const bareValuePrefix = 'rfc1035-';

/** The strings of one TXT record for each metadata entry of the node, `key=value` as RFC 1464 writes it, in order of key. */
export function metadataTexts(node: NodeRecord): string[][] {
  return Object.entries(node.metadata)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([key, value]) => pieces(bytesOf(entryText(key, value))));
}

function entryText(key: string, value: string): string {
  return key.startsWith(bareValuePrefix) ? value : `${quoted(key)}=${value}`;
}

/** RFC 1464 §2: a grave accent before `=`, itself, and spaces at either end. */
function quoted(key: string): string {
  return key.replace(/[`=]|^[ \t]+|[ \t]+$/g, (found) => found.replace(/./g, '`$&'));
}

function pieces(bytes: string): string[] {
  const strings: string[] = [];
  for (let at = 0; at < bytes.length; at += maxStringBytes)
    strings.push(bytes.slice(at, at + maxStringBytes));
  return strings.length === 0 ? [''] : strings;
}

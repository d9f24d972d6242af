import type { HeaderChanges, HeaderValue } from '@portolan/core/traffic/model.ts';
import { withoutFields } from '../http1/line-fields.ts';

/** Changes of header fields, ready for use on lines as the codec writes them. */
export interface HeaderEdit {
  /** Lower case: what is removed, and what is set, which replaces. */
  readonly drops: ReadonlySet<string>;
  /** Lines, CR LF after each. */
  readonly adds: string;
  /** A new `Host`: it is no field among others. */
  readonly host: string | undefined;
}

/** They frame a message or belong to one hop: no rule changes them. */
const untouchable: ReadonlySet<string> = new Set([
  ...['connection', 'content-length', 'transfer-encoding', 'keep-alive', 'proxy-connection', 'te', 'trailer'],
  ...['upgrade', 'http2-settings', 'expect', 'x-portolan-hops'],
]);

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/**
 * Leaves out what may not be: names that are no names or not to be touched, values with control characters. Undefined: nothing is
 * left to do.
 */
export function compileHeaderChanges(
  changes: HeaderChanges | undefined,
  of: 'request' | 'response',
): HeaderEdit | undefined {
  if (changes === undefined) return undefined;
  const { remove = [], set = [], add = [] } = changes;
  const isHost = ({ name }: HeaderValue) => name === 'host' || name === ':authority';
  const host = of === 'request' ? set.findLast(isHost)?.value : undefined;
  const sets = set.filter(mayWrite);
  const drops = new Set([
    ...remove.map((name) => name.toLowerCase()).filter(isFieldName),
    ...sets.map(lowerName),
  ]);
  const adds = [...sets, ...add.filter(mayWrite)].map(({ name, value }) => headerLine(name, value)).join('');
  const validHost = host !== undefined && isAuthority(host) ? host : undefined;
  if (drops.size === 0 && adds === '' && validHost === undefined) return undefined;
  return { drops, adds, host: validHost };
}

/** `lines` with the changes made: removed, set, added. */
export function editLines(lines: string, { drops, adds }: HeaderEdit): string {
  return (drops.size === 0 ? lines : withoutFields(lines, (name) => drops.has(name))) + adds;
}

/**
 * A line of a head: `name` as it is, `value` in UTF-8, one octet a character, as the wire writes it (a character above U+00FF would lose
 * its upper half there, and might become a line break). Empty, where the value may not stand in a head.
 */
export function headerLine(name: string, value: string): string {
  return isHeaderValue(value) ? `${name}: ${headerOctets(value)}\r\n` : '';
}

/** See `headerLine`; for texts that passed `isHeaderValue`. */
export function headerOctets(value: string): string {
  return (/^[\t -~]*$/.test(value) ? value : Buffer.from(value, 'utf8').toString('latin1')).trim();
}

/** Whether a text may stand in a header field (RFC 9110 §5.5): no control characters but tabs. */
export function isHeaderValue(value: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not pass
  return !/[\u0000-\u0008\u000a-\u001f\u007f]/.test(value);
}

/** Whether a text may stand in `Host`. */
export function isAuthority(text: string): boolean {
  return /^(?:[A-Za-z0-9._~-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?$/.test(text);
}

function lowerName({ name }: HeaderValue): string {
  return name.toLowerCase();
}

/** Whether a rule may write a field of this name (lower case). */
export function isFieldName(lower: string): boolean {
  return token.test(lower) && lower !== 'host' && !untouchable.has(lower);
}

function mayWrite(header: HeaderValue): boolean {
  return isFieldName(lowerName(header)) && isHeaderValue(header.value);
}

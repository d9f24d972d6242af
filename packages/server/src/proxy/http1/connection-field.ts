import type { FieldTable } from './field-table.ts';
import { connectionMayName, field, imitatesProtected } from './known-field.ts';

/** What the `Connection` fields of a message say together (RFC 9110 §7.6.1). */
export interface ConnectionOptions {
  readonly close: boolean;
  readonly keepAlive: boolean;
  readonly upgrade: boolean;
  /** Lower-case names of further fields that end at this hop. */
  readonly named: readonly string[];
}

const none: ConnectionOptions = { close: false, keepAlive: false, upgrade: false, named: [] };
const onlyClose: ConnectionOptions = { ...none, close: true };
const onlyKeepAlive: ConnectionOptions = { ...none, keepAlive: true };

/** More options than this are an attack. */
const maxOptions = 16;
const token = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;

/** Undefined: malformed, or it names a protected field. */
export function connectionOptions(
  table: FieldTable,
  text: string,
  base: number,
): ConnectionOptions | undefined {
  let options = none;
  for (let index = 0; index < table.count; index++) {
    if (table.known[index] !== field.connection) continue;
    const more = parseOptions(table.value(index, text, base).toLowerCase());
    if (more === undefined) return undefined;
    options = options === none ? more : join(options, more);
  }
  return options.named.length > maxOptions ? undefined : options;
}

function parseOptions(value: string): ConnectionOptions | undefined {
  if (value === 'keep-alive') return onlyKeepAlive;
  if (value === 'close') return onlyClose;
  const options = value.split(',').flatMap((part) => part.trim() || []);
  if (options.length > maxOptions || !options.every((option) => token.test(option))) return undefined;
  const named = options.filter((option) => !wellKnown.has(option));
  return {
    close: options.includes('close'),
    keepAlive: options.includes('keep-alive'),
    upgrade: options.includes('upgrade'),
    named: named.filter(connectionMayName),
  };
}

/** Options with a meaning of their own, and fields that end at this hop whether named or not. */
const wellKnown: ReadonlySet<string> = new Set(['close', 'keep-alive', 'upgrade', 'te', 'http2-settings']);

function join(left: ConnectionOptions, right: ConnectionOptions): ConnectionOptions {
  return {
    close: left.close || right.close,
    keepAlive: left.keepAlive || right.keepAlive,
    upgrade: left.upgrade || right.upgrade,
    named: [...left.named, ...right.named],
  };
}

/** Whether some field's name imitates a protected one by `_` or `.`. */
export function hasImitation(table: FieldTable, text: string, base: number): boolean {
  for (let index = 0; index < table.count; index++) {
    if (table.odd[index] === 1 && imitatesProtected(table.lowerName(index, text, base))) return true;
  }
  return false;
}

import { parse as parseYaml, stringify } from 'yaml';
import type { TemplateFunction } from '../language/builtins.ts';
import { Callable, Float, GoMap, Struct, type Value } from '../language/values.ts';
import { count, text } from './arguments.ts';
import { toToml } from './toml.ts';

export const encodingFunctions: readonly (readonly [string, TemplateFunction])[] = [
  ['parseJSON', (...args) => parse(args, JSON.parse)],
  ['parseYAML', (...args) => parse(args, (source) => parseYaml(source, { maxAliasCount: 100 }))],
  ['toJSON', (...args) => escapeHtml(encode(args, (value) => JSON.stringify(value)))],
  ['toJSONPretty', (...args) => escapeHtml(encode(args, (value) => JSON.stringify(value, null, 2)))],
  ['toUnescapedJSON', (...args) => encode(args, (value) => JSON.stringify(value))],
  ['toUnescapedJSONPretty', (...args) => encode(args, (value) => JSON.stringify(value, null, 2))],
  ['toYAML', (...args) => encode(args, (value) => stringify(value, { lineWidth: 0 }).trimEnd())],
  ['toTOML', (...args) => encode(args, toToml)],
];

function parse(args: readonly Value[], read: (source: string) => unknown): Value {
  count(args, 1);
  const source = text(args[0]);
  return source === '' ? new GoMap(new Map()) : fromPlain(read(source));
}

function encode(args: readonly Value[], write: (value: unknown) => string): string {
  count(args, 1);
  return write(toPlain(args[0] ?? null));
}

/** Go's JSON encoder escapes these unless told otherwise. */
export function escapeHtml(json: string): string {
  return json.replaceAll('<', '\\u003c').replaceAll('>', '\\u003e').replaceAll('&', '\\u0026');
}

/** A decoded document: numbers are floats, as Go decodes them. */
export function fromPlain(value: unknown): Value {
  if (typeof value === 'number') return new Float(value);
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (value === null || value === undefined) return null;
  if (Array.isArray(value)) return value.map(fromPlain);
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Date) return value.toISOString();
  return new GoMap(new Map(Object.entries(value as object).map(([key, item]) => [key, fromPlain(item)])));
}

/** Plain data in the order in which Go encodes it: maps by key, structs by field. */
export function toPlain(value: Value): unknown {
  if (value instanceof Float) return value.value;
  if (value instanceof GoMap)
    return plainObject(value.sorted().map(([key, item]) => [String(key), item] as const));
  if (value instanceof Struct && value.shown !== undefined) return value.shown();
  if (value instanceof Struct) return plainObject([...value.fields]);
  if (value instanceof Callable) return null;
  if (Array.isArray(value)) return value.map(toPlain);
  return value;
}

/** Own properties only, so that a key named `__proto__` is a key. */
function plainObject(entries: readonly (readonly [string, Value])[]): unknown {
  const object = Object.create(null) as Record<string, unknown>;
  for (const [key, item] of entries) object[key] = toPlain(item);
  return object;
}

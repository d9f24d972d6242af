import type { TemplateFunction } from '../language/builtins.ts';
import { Callable, Float, GoMap, Struct, type Value } from '../language/values.ts';
import { count, text } from './arguments.ts';
import { toJson } from './go-json.ts';
import { toToml } from './toml.ts';
import { readYaml, writeYaml } from './yaml.ts';

export const encodingFunctions: readonly (readonly [string, TemplateFunction])[] = [
  ['parseJSON', (...args) => parse(args, JSON.parse)],
  ['parseYAML', (...args) => parse(args, readYaml)],
  ['toJSON', (...args) => encode(args, (value) => toJson(value, true))],
  ['toJSONPretty', (...args) => encode(args, (value) => toJson(value, true, '  '))],
  ['toUnescapedJSON', (...args) => encode(args, (value) => toJson(value, false))],
  ['toUnescapedJSONPretty', (...args) => encode(args, (value) => toJson(value, false, '  '))],
  ['toYAML', (...args) => encode(args, (value) => writeYaml(toPlain(value)))],
  ['toTOML', (...args) => encode(args, (value) => toToml(toPlain(value)))],
];

function parse(args: readonly Value[], read: (source: string) => unknown): Value {
  count(args, 1);
  const source = text(args[0]);
  return source === '' ? new GoMap(new Map()) : fromPlain(read(source));
}

function encode(args: readonly Value[], write: (value: Value) => string): string {
  count(args, 1);
  return write(args[0] ?? null);
}

/** A decoded document: numbers are floats, as Go decodes them, and big integers are ints. */
export function fromPlain(value: unknown): Value {
  if (typeof value === 'number') return new Float(value);
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (value === null || value === undefined) return null;
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(fromPlain);
  return mapFromPlain(value instanceof Map ? value : Object.entries(value as object));
}

function mapFromPlain(entries: Iterable<readonly [unknown, unknown]>): GoMap {
  const items = [...entries].map(([key, item]) => [keyOf(key), fromPlain(item)] as const);
  return new GoMap(new Map<string, Value>(items));
}

/** YAML's keys may be anything; a template reaches them by their text. */
function keyOf(key: unknown): string {
  return typeof key === 'object' && key !== null ? 'map[]' : String(key);
}

/** Data that is maps, lists, floats and scalars only; maps in the order of their keys, structs of their fields. */
export function toPlain(value: Value): unknown {
  if (value instanceof GoMap) return plainMap(value.sorted());
  if (value instanceof Struct) return value.shown === undefined ? plainMap([...value.fields]) : value.shown();
  if (value instanceof Callable) return null;
  return Array.isArray(value) ? value.map((item: Value) => toPlain(item)) : value;
}

function plainMap(entries: readonly (readonly [string | number, Value])[]): ReadonlyMap<string, unknown> {
  return new Map(entries.map(([key, item]) => [String(key), toPlain(item)]));
}

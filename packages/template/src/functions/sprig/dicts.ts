import { GoMap, typeName, type Value } from '../../language/values.ts';
import { text } from '../arguments.ts';
import { atLeast, type Definition, deepEqual, dict, exactly, isEmpty, shown } from './define.ts';

type Entries = Map<string | number, Value>;

/** `set`, `unset` and the merges change the map that they are given, as in Go. */
export const dictFunctions: readonly Definition[] = [
  ['dict', (...args) => made(args)],
  ['get', exactly(2, (map, key) => dict(map).get(text(key)) ?? '')],
  ['set', exactly(3, (map, key, value) => set(map, text(key), value ?? null))],
  ['unset', exactly(2, unset)],
  ['hasKey', exactly(2, (map, key) => dict(map).has(text(key)))],
  [
    'pluck',
    atLeast(1, (key, ...maps) =>
      maps.flatMap((map) => (dict(map).has(text(key)) ? [dict(map).get(text(key)) ?? null] : [])),
    ),
  ],
  ['keys', (...maps) => maps.flatMap((map) => sorted(map).map(([key]) => key))],
  ['values', exactly(1, (map) => sorted(map).map(([, value]) => value))],
  ['pick', atLeast(1, (map, ...keys) => filtered(dict(map), (key) => keys.includes(key)))],
  ['omit', atLeast(1, (map, ...keys) => filtered(dict(map), (key) => !keys.includes(key)))],
  ['merge', atLeast(1, (map, ...others) => merge(map, others, false))],
  ['mustMerge', atLeast(1, (map, ...others) => merge(map, others, false))],
  ['mergeOverwrite', atLeast(1, (map, ...others) => merge(map, others, true))],
  ['mustMergeOverwrite', atLeast(1, (map, ...others) => merge(map, others, true))],
  ['deepCopy', exactly(1, (value) => copied(value ?? null))],
  ['mustDeepCopy', exactly(1, (value) => copied(value ?? null))],
  ['deepEqual', exactly(2, deepEqual)],
  ['dig', (...args) => dig(args)],
];

/** By key, where Go has no order at all: a file should not change by itself. */
function sorted(map: Value | undefined): readonly (readonly [string | number, Value])[] {
  return new GoMap(dict(map)).sorted();
}

function made(args: readonly Value[]): GoMap {
  const entries: Entries = new Map();
  for (let at = 0; at < args.length; at += 2)
    entries.set(shown(args[at]), at + 1 < args.length ? (args[at + 1] ?? null) : '');
  return new GoMap(entries);
}

function set(map: Value | undefined, key: string, value: Value): Value {
  const entries = dict(map);
  refuseCycle(entries, value);
  entries.set(key, value);
  return map ?? null;
}

function unset(map: Value | undefined, key: Value | undefined): Value {
  dict(map).delete(text(key));
  return map ?? null;
}

/** A map inside itself could never be printed. */
function refuseCycle(target: Entries, value: Value): void {
  const seen = new Set<unknown>();
  const waiting: unknown[] = [value];
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (seen.has(next)) continue;
    seen.add(next);
    if (next instanceof GoMap) {
      if (next.entries === target) throw new Error('a map cannot hold itself');
      waiting.push(...next.entries.values());
    } else if (Array.isArray(next)) for (const item of next) waiting.push(item);
  }
}

function filtered(map: Entries, wanted: (key: string | number) => boolean): GoMap {
  return new GoMap(new Map([...map].filter(([key]) => wanted(key))));
}

function merge(map: Value | undefined, others: readonly Value[], overwrites: boolean): Value {
  const target = dict(map);
  for (const other of others) mergeInto(target, dict(other), overwrites);
  return map ?? null;
}

/** Maps inside are merged too; else the first value that is not empty stays, or with `overwrites` the last one. */
export function mergeInto(
  target: Entries,
  source: ReadonlyMap<string | number, Value>,
  overwrites: boolean,
): void {
  for (const [key, value] of source) {
    const present = target.get(key);
    if (isDict(present) && isDict(value)) mergeInto(dict(present), dict(value), overwrites);
    else if (overwrites || isEmpty(present)) {
      refuseCycle(target, value);
      target.set(key, value);
    }
  }
}

function isDict(value: Value | undefined): value is GoMap {
  return value instanceof GoMap && value.zero === undefined;
}

function copied(value: Value): Value {
  if (value instanceof GoMap)
    return new GoMap(new Map([...value.entries].map(([key, item]) => [key, copied(item)])), value.zero);
  return Array.isArray(value) ? value.map(copied) : value;
}

/** `dig "a" "b" default map`. */
function dig(args: readonly Value[]): Value {
  if (args.length < 3) throw new Error('dig needs at least three arguments');
  const keys = args.slice(0, -2).map(text);
  const otherwise = args.at(-2) ?? null;
  let found: Value = args.at(-1) ?? null;
  for (const key of keys) {
    if (!(found instanceof GoMap)) throw new Error(`dig: expected a map; got ${typeName(found)}`);
    if (!dict(found).has(key)) return otherwise;
    found = dict(found).get(key) ?? null;
  }
  return found;
}

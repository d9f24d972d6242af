import type { TemplateFunction } from '../language/builtins.ts';
import { Float, GoMap, type MapKey, Struct, typeName, type Value } from '../language/values.ts';
import { count, list, map, text } from './arguments.ts';
import { mergeInto } from './sprig/dicts.ts';

export const collectionFunctions: readonly (readonly [string, TemplateFunction])[] = [
  ['in', (...args) => twoArguments(args, (collection, item) => includes(collection, item))],
  ['contains', (...args) => twoArguments(args, (item, collection) => includes(collection, item))],
  ['containsAll', quantifier((wanted, found) => wanted.every(found))],
  ['containsAny', quantifier((wanted, found) => wanted.some(found))],
  ['containsNone', quantifier((wanted, found) => !wanted.some(found))],
  ['containsNotAll', quantifier((wanted, found) => !wanted.every(found))],
  ['byTag', byTag],
  ['byPort', byPort],
  ['byMeta', byMeta],
  ['byKey', byKey],
  ['explode', explode],
  ['explodeMap', (...args) => twoOrOne(args, (source) => nested(map(source).sorted()))],
  ['mergeMap', (...args) => merge(args, false)],
  ['mergeMapWithOverride', (...args) => merge(args, true)],
];

function twoArguments(args: readonly Value[], apply: (first: Value, second: Value) => Value): Value {
  count(args, 2);
  return apply(args[0] ?? null, args[1] ?? null);
}

function twoOrOne(args: readonly Value[], apply: (only: Value) => Value): Value {
  count(args, 1);
  return apply(args[0] ?? null);
}

/** A list's item or a part of a text; numbers and texts only, each equal to its own kind; nothing else holds anything. */
function includes(collection: Value, item: Value): boolean {
  if (typeof collection === 'string') return typeof item === 'string' && collection.includes(item);
  return Array.isArray(collection) && collection.some((value: Value) => same(value, item));
}

function same(left: Value, right: Value): boolean {
  if (left instanceof Float && right instanceof Float) return left.value === right.value;
  return (typeof left === 'string' || typeof left === 'number') && left === right;
}

function quantifier(
  holds: (wanted: readonly Value[], found: (item: Value) => boolean) => boolean,
): TemplateFunction {
  return (...args) =>
    twoArguments(args, (wanted, collection) => holds(list(wanted), (item) => includes(collection, item)));
}

function servicesOf(what: string, value: Value | undefined): readonly Value[] {
  if (value === null || Array.isArray(value)) return value ?? [];
  throw new Error(`${what}: wrong argument type ${typeName(value)}`);
}

/** Services by each of their tags: one with two tags stands in both groups. */
function byTag(...args: readonly Value[]): Value {
  count(args, 1);
  return grouped(servicesOf('byTag', args[0]), (service) => list(field(service, 'Tags')).map(text));
}

function byPort(...args: readonly Value[]): Value {
  count(args, 1);
  return grouped(servicesOf('byPort', args[0]), (service) => [Number(field(service, 'Port'))]);
}

/** `byMeta "zone,weight|int"`: the group's name joins the values with `_`; `|int` pads a number so that groups sort by it. */
function byMeta(...args: readonly Value[]): Value {
  count(args, 2);
  const keys = text(args[0]).split(',');
  return grouped(list(args[1]), (service) => {
    const meta = map(field(service, 'ServiceMeta'));
    return [keys.map((key) => metaPart(meta, key).replace(/[^a-zA-Z0-9_-]/g, '_')).join('_')];
  });
}

function metaPart(meta: GoMap, asked: string): string {
  const isInt = asked.endsWith('|int');
  const key = isInt ? asked.slice(0, -4) : asked;
  const value = meta.entries.get(key);
  if (typeof value !== 'string' || value === '') return isInt ? '0' : `_no_${key}_`;
  if (!isInt) return value;
  if (!/^-?\d+$/.test(value)) throw new Error(`byMeta: ${key} is not a number: ${JSON.stringify(value)}`);
  return value.padStart(5, '0');
}

function grouped(items: readonly Value[], keysOf: (item: Value) => readonly (string | number)[]): GoMap {
  const groups = new Map<string | number, Value[]>();
  for (const item of items) {
    for (const key of keysOf(item)) {
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [item]);
      else group.push(item);
    }
  }
  return new GoMap(groups, []);
}

function field(item: Value, name: string): Value {
  const value = item instanceof Struct ? item.fields.get(name) : undefined;
  if (value === undefined) throw new Error(`expected services; got ${typeName(item)}, which has no ${name}`);
  return value;
}

/** `tree "a" | byKey`: pairs by the first part of their key, then by the rest. */
function byKey(...args: readonly Value[]): Value {
  count(args, 1);
  const groups = new Map<string, Map<string, Value>>();
  for (const pair of list(args[0])) {
    const [top = '', ...rest] = text(field(pair, 'Key')).split('/');
    if (rest.length === 0 || rest.join('/') === '') continue;
    const group = groups.get(top) ?? new Map<string, Value>();
    const key = rest.join('/');
    groups.set(top, group.set(key, withKey(pair, key)));
  }
  return new GoMap(new Map([...groups].map(([key, group]) => [key, new GoMap(group)])));
}

/** The pair under its key in the group. */
function withKey(pair: Value, key: string): Value {
  if (!(pair instanceof Struct)) return pair;
  return new Struct(pair.typeName, new Map(pair.fields).set('Key', key), pair.methods);
}

function explode(...args: readonly Value[]): Value {
  count(args, 1);
  return nested(list(args[0]).map((pair) => [text(field(pair, 'Key')), field(pair, 'Value')] as const));
}

interface Branch extends Map<string, Value | Branch> {}

/** Paths with `/` become maps inside maps; what has no name after its last `/` is only a folder. */
function nested(pairs: readonly (readonly [string | number, Value])[]): GoMap {
  const root: Branch = new Map();
  for (const [path, value] of pairs) {
    const parts = String(path).split('/');
    const last = parts.pop() ?? '';
    let branch = root;
    for (const part of parts) branch = branchAt(branch, part, String(path));
    if (last !== '') branch.set(last, value);
  }
  return frozen(root);
}

function branchAt(branch: Branch, part: string, path: string): Branch {
  const below = branch.get(part);
  if (below instanceof Map) return below as Branch;
  if (below !== undefined)
    throw new Error(`explode: not a map: ${JSON.stringify(path)}: ${JSON.stringify(part)} is a value too`);
  const made: Branch = new Map();
  branch.set(part, made);
  return made;
}

function frozen(branch: Branch): GoMap {
  return new GoMap(
    new Map(
      [...branch].map(([key, value]) => [
        key,
        value instanceof Map ? frozen(value as Branch) : (value as Value),
      ]),
    ),
  );
}

/** The first map, completed from the second; with `override` the second one wins. Neither is changed. */
function merge(args: readonly Value[], override: boolean): Value {
  count(args, 2);
  const [target, source] = args.map((value) => copyOf(map(value)));
  if (target === undefined || source === undefined) return null;
  mergeInto(target.entries as Map<MapKey, Value>, source.entries, override);
  return target;
}

function copyOf(source: GoMap): GoMap {
  const items = [...source.entries].map(
    ([key, value]) => [key, value instanceof GoMap ? copyOf(value) : value] as const,
  );
  return new GoMap(new Map(items));
}

import { compareText, GoMap, typeName, type Value } from '../../language/values.ts';
import { int, text } from '../arguments.ts';
import {
  atLeast,
  type Definition,
  deepEqual,
  exactly,
  isEmpty,
  limit,
  maxItems,
  ofTexts,
  texts,
} from './define.ts';

export const listFunctions: readonly Definition[] = [
  ['list', (...args) => args],
  ['tuple', (...args) => args],
  ...must(
    'first',
    exactly(1, (items) => listOf('find first', items)[0] ?? null),
  ),
  ...must(
    'last',
    exactly(1, (items) => listOf('find last', items).at(-1) ?? null),
  ),
  ...must(
    'rest',
    exactly(1, (items) => listOf('find rest', items).slice(1)),
  ),
  ...must(
    'initial',
    exactly(1, (items) => listOf('find initial', items).slice(0, -1)),
  ),
  ...must(
    'append',
    exactly(2, (items, item) => added('push', items, [item ?? null], [])),
  ),
  ...must(
    'push',
    exactly(2, (items, item) => added('push', items, [item ?? null], [])),
  ),
  ...must(
    'prepend',
    exactly(2, (items, item) => added('prepend', items, [], [item ?? null])),
  ),
  ...must(
    'reverse',
    exactly(1, (items) => listOf('find reverse', items).toReversed()),
  ),
  ...must(
    'compact',
    exactly(1, (items) => listOf('compact', items).filter((item) => !isEmpty(item))),
  ),
  ...must(
    'uniq',
    exactly(1, (items) => unique(listOf('find uniq', items))),
  ),
  ...must(
    'without',
    atLeast(1, (items, ...omitted) =>
      listOf('find without', items).filter((item) => !omitted.some((other) => deepEqual(item, other))),
    ),
  ),
  ...must(
    'has',
    exactly(2, (item, items) => has(item, items)),
  ),
  ...must(
    'slice',
    atLeast(1, (items, ...bounds) => slice(items, bounds.map(int))),
  ),
  ...must(
    'chunk',
    exactly(2, (size, items) => chunk(int(size), listOf('chunk', items))),
  ),
  ['concat', (...lists) => concat(lists)],
  ['sortAlpha', exactly(1, (items) => texts(items).toSorted(compareText))],
  ['split', ofTexts(2, (by, subject) => numbered(subject.split(by)))],
  ['splitn', exactly(3, (by, most, subject) => numbered(splitN(text(by), int(most), text(subject))))],
  ['splitList', ofTexts(2, (by, subject) => (by === '' ? [...subject] : subject.split(by)))],
];

function must(name: string, apply: Definition[1]): readonly Definition[] {
  return [
    [name, apply],
    [`must${(name[0] ?? '').toUpperCase()}${name.slice(1)}`, apply],
  ];
}

function listOf(what: string, value: Value | undefined): readonly Value[] {
  if (Array.isArray(value)) return value;
  throw new Error(`Cannot ${what} on type ${typeName(value)}`);
}

function added(
  what: string,
  items: Value | undefined,
  behind: readonly Value[],
  before: readonly Value[],
): Value {
  const present = listOf(what, items);
  limit(what, present.length, maxItems);
  return [...before, ...present, ...behind];
}

/** Scalars by a set; what is compared inside one by one. */
function unique(items: readonly Value[]): readonly Value[] {
  const scalars = new Set<Value>();
  const others: Value[] = [];
  return items.filter((item) => {
    if (typeof item !== 'object' || item === null) return !scalars.has(item) && scalars.add(item);
    if (others.some((other) => deepEqual(item, other))) return false;
    others.push(item);
    return true;
  });
}

function has(item: Value | undefined, items: Value | undefined): boolean {
  if (items === null) return false;
  return listOf('find has', items).some((other) => deepEqual(item, other));
}

function slice(items: Value | undefined, bounds: readonly number[]): Value {
  const list = listOf('slice', items);
  if (list.length === 0) return null;
  const [from = 0, to = list.length] = bounds;
  if (from < 0 || to > list.length || from > to) throw new Error('slice index out of bounds');
  return list.slice(from, to);
}

function chunk(size: number, items: readonly Value[]): Value {
  if (size <= 0) throw new Error('chunk: the size must be above 0');
  return Array.from({ length: Math.ceil(items.length / size) }, (_, at) =>
    items.slice(at * size, (at + 1) * size),
  );
}

function concat(lists: readonly Value[]): Value {
  const all = lists.map((items) => {
    if (Array.isArray(items)) return items as readonly Value[];
    throw new Error(`Cannot concat type ${typeName(items)} as list`);
  });
  limit(
    'concat',
    all.reduce((length, items) => length + items.length, 0),
    maxItems,
  );
  return all.flat();
}

/** A map `_0`, `_1`, … */
function numbered(parts: readonly string[]): GoMap {
  return new GoMap(new Map(parts.map((part, at) => [`_${at}`, part])), '');
}

/** The last of `most` parts keeps the rest; 0 gives none, a negative number all. */
function splitN(by: string, most: number, subject: string): readonly string[] {
  if (most === 0) return [];
  const parts = by === '' ? [...subject] : subject.split(by);
  if (most < 0 || parts.length <= most) return parts;
  return [...parts.slice(0, most - 1), parts.slice(most - 1).join(by)];
}

import { find, isTree, items, put, remove, type Seek, type SortedTree, sizeOf } from './sorted-tree.ts';

/**
 * A few objects under one key, nearly always one: kept bare then, since an array around each of 100,000 would weigh more
 * than what it holds. More are a sorted tree. Immutable; absent is `undefined`. `T` is an object, and not an array.
 */
export type OneOrMany<T extends object> = T | SortedTree<T>;

const none: readonly never[] = Object.freeze([]);

/** All of them, in order. */
export function listed<T extends object>(held: OneOrMany<T> | undefined): Iterable<T> {
  if (held === undefined) return none;
  return isTree(held) ? items(held) : [held];
}

/** The first in order. */
export function firstOf<T extends object>(held: OneOrMany<T> | undefined): T | undefined {
  if (held === undefined || !isTree(held)) return held;
  for (const item of items(held)) return item;
  return undefined;
}

/** The one at exactly `key`. */
export function among<K, T extends object>(
  held: OneOrMany<T> | undefined,
  seek: Seek<K, T>,
  key: K,
): T | undefined {
  if (held === undefined) return undefined;
  if (isTree(held)) return find(held, seek, key);
  return seek(key, held) === 0 ? held : undefined;
}

/** With `item` at `key`, in place of what was there. */
export function including<K, T extends object>(
  held: OneOrMany<T> | undefined,
  seek: Seek<K, T>,
  key: K,
  item: T,
): OneOrMany<T> {
  if (held === undefined) return item;
  if (isTree(held)) return put(held, seek, key, item);
  const order = seek(key, held);
  if (order === 0) return item;
  return order < 0 ? [item, held] : [held, item];
}

/** Without the one at `key`; undefined when none is left. */
export function excluding<K, T extends object>(
  held: OneOrMany<T> | undefined,
  seek: Seek<K, T>,
  key: K,
): OneOrMany<T> | undefined {
  if (held === undefined || !isTree(held)) return among(held, seek, key) === undefined ? held : undefined;
  const rest = remove(held, seek, key);
  return sizeOf(rest) > 1 ? rest : firstOf(rest);
}

/**
 * A few objects under one key, nearly always one: kept bare then, since an array around each of 100,000 would weigh more
 * than what it holds. Immutable. Absent is `undefined`.
 */
export type OneOrMany<T extends object> = T | readonly T[];

/** Zero for two that take each other's place; else their order. */
type Compare<T> = (left: T, right: T) => number;

const none: readonly never[] = Object.freeze([]);

/** Them in order. */
export function listed<T extends object>(held: OneOrMany<T> | undefined): readonly T[] {
  if (held === undefined) return none;
  return isMany(held) ? held : [held];
}

/** With `item`, in place of the one equal to it. */
export function including<T extends object>(
  held: OneOrMany<T> | undefined,
  item: T,
  compare: Compare<T>,
): OneOrMany<T> {
  if (held === undefined) return item;
  if (!isMany(held) && compare(held, item) === 0) return item;
  const others = listed(held).filter((other) => compare(other, item) !== 0);
  return [...others, item].sort(compare);
}

/** Without the one equal to `item`; undefined when none is left. */
export function excluding<T extends object>(
  held: OneOrMany<T> | undefined,
  item: T,
  compare: Compare<T>,
): OneOrMany<T> | undefined {
  const others = listed(held).filter((other) => compare(other, item) !== 0);
  return others.length > 1 ? others : others[0];
}

function isMany<T extends object>(held: OneOrMany<T>): held is readonly T[] {
  return Array.isArray(held);
}

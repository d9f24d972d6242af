/**
 * An immutable ordered collection: a B+ tree whose updates copy only the path they change. Whoever holds a tree may iterate
 * it while newer versions are made, and going back to an older version is keeping its reference.
 * Cost: O(log n) for find, put and remove. A collection of up to `maxWidth` items is one plain array.
 *
 * The order is given with each call as a `Seek`; a tree must always be used with orders that agree with each other.
 */
export type SortedTree<T> = readonly T[] | Branch<T>;

/** Negative when `key` comes before `item`, positive after, 0 at it (or at every item of a run, such as those with a prefix). */
export type Seek<K, T> = (key: K, item: T) => number;

/** Items in a leaf, children in a branch. 32 copies fast and keeps 100,000 items four levels deep. */
const maxWidth = 32;
/** A narrower sibling is merged into its neighbour where both fit. */
const minWidth = 8;

class Branch<T> {
  readonly children: readonly SortedTree<T>[];
  /** The smallest item under each child. */
  readonly firsts: readonly T[];
  readonly size: number;
  /** Largest measure of the items below, filled in when first asked for. */
  largest = -1;

  constructor(children: readonly SortedTree<T>[]) {
    this.children = children;
    this.firsts = children.map(firstOf);
    let size = 0;
    for (const child of children) size += sizeOf(child);
    this.size = size;
  }
}

const empty: readonly never[] = Object.freeze([]);

/** The tree without items. */
export function emptyTree<T>(): SortedTree<T> {
  return empty;
}

/** Whether it is a tree, of what may be a tree or an object that is none and no array. */
export function isTree<T extends object>(value: T | SortedTree<T>): value is SortedTree<T> {
  return Array.isArray(value) || value instanceof Branch;
}

export function sizeOf(tree: SortedTree<unknown>): number {
  return isLeaf(tree) ? tree.length : tree.size;
}

/** The item at exactly `key`. */
export function find<K, T>(tree: SortedTree<T>, seek: Seek<K, T>, key: K): T | undefined {
  let at = tree;
  while (!isLeaf(at)) at = at.children[childOf(at, seek, key)] as SortedTree<T>;
  const item = at[lowerBound(at, seek, key)];
  return item !== undefined && seek(key, item) === 0 ? item : undefined;
}

/** The tree with `item` at `key`, in place of what was there. */
export function put<K, T>(tree: SortedTree<T>, seek: Seek<K, T>, key: K, item: T): SortedTree<T> {
  const grown = insert(tree, seek, key, item);
  return widthOf(grown) > maxWidth ? new Branch(split(grown)) : grown;
}

/** The tree without the item at `key`; the same tree when there is none. */
export function remove<K, T>(tree: SortedTree<T>, seek: Seek<K, T>, key: K): SortedTree<T> {
  let shrunk = take(tree, seek, key);
  while (!isLeaf(shrunk) && shrunk.children.length === 1) shrunk = shrunk.children[0] as SortedTree<T>;
  return shrunk;
}

/** All items in order. May be iterated any number of times. */
export function items<T>(tree: SortedTree<T>): Iterable<T> {
  return isLeaf(tree) ? tree : new Run(tree, always, undefined);
}

/** The contiguous items at which `seek` is 0, in order. May be iterated any number of times. */
export function run<K, T>(tree: SortedTree<T>, seek: Seek<K, T>, key: K): Iterable<T> {
  if (!isLeaf(tree)) return new Run(tree, seek, key);
  const start = lowerBound(tree, seek, key);
  let end = start;
  while (end < tree.length && seek(key, tree[end] as T) === 0) end++;
  return end - start === tree.length ? tree : tree.slice(start, end);
}

/** The largest `measure` (not negative) in the run; 0 for an empty one. O(log n) once the answer for unchanged parts is known. */
export function largestInRun<K, T>(
  tree: SortedTree<T>,
  seek: Seek<K, T>,
  key: K,
  measure: (item: T) => number,
): number {
  let largest = 0;
  if (isLeaf(tree)) {
    for (let at = lowerBound(tree, seek, key); at < tree.length; at++) {
      const item = tree[at] as T;
      if (seek(key, item) !== 0) break;
      largest = Math.max(largest, measure(item));
    }
    return largest;
  }
  for (let at = runStart(tree, seek, key); at < tree.children.length; at++) {
    const child = tree.children[at] as SortedTree<T>;
    const next = tree.firsts[at + 1];
    const startsInside = seek(key, tree.firsts[at] as T);
    if (startsInside < 0) break;
    const whole = startsInside === 0 && next !== undefined && seek(key, next) === 0;
    largest = Math.max(largest, whole ? largestOf(child, measure) : largestInRun(child, seek, key, measure));
  }
  return largest;
}

function largestOf<T>(tree: SortedTree<T>, measure: (item: T) => number): number {
  let largest = 0;
  if (isLeaf(tree)) {
    for (const item of tree) largest = Math.max(largest, measure(item));
    return largest;
  }
  if (tree.largest >= 0) return tree.largest;
  for (const child of tree.children) largest = Math.max(largest, largestOf(child, measure));
  tree.largest = largest;
  return largest;
}

class Run<K, T> implements Iterable<T> {
  readonly #tree: SortedTree<T>;
  readonly #seek: Seek<K, T>;
  readonly #key: K;

  constructor(tree: SortedTree<T>, seek: Seek<K, T>, key: K) {
    this.#tree = tree;
    this.#seek = seek;
    this.#key = key;
  }

  *[Symbol.iterator](): Generator<T> {
    const stack: SortedTree<T>[] = [this.#tree];
    for (let tree = stack.pop(); tree !== undefined; tree = stack.pop()) {
      if (isLeaf(tree)) {
        for (let at = lowerBound(tree, this.#seek, this.#key); at < tree.length; at++) {
          const item = tree[at] as T;
          if (this.#seek(this.#key, item) !== 0) return;
          yield item;
        }
        continue;
      }
      const start = runStart(tree, this.#seek, this.#key);
      for (let at = tree.children.length - 1; at >= start; at--)
        stack.push(tree.children[at] as SortedTree<T>);
    }
  }
}

function insert<K, T>(tree: SortedTree<T>, seek: Seek<K, T>, key: K, item: T): SortedTree<T> {
  if (isLeaf(tree)) {
    const at = lowerBound(tree, seek, key);
    const present = tree[at];
    return present !== undefined && seek(key, present) === 0
      ? replaced(tree, at, 1, item)
      : replaced(tree, at, 0, item);
  }
  const at = childOf(tree, seek, key);
  const grown = insert(tree.children[at] as SortedTree<T>, seek, key, item);
  if (widthOf(grown) <= maxWidth) return new Branch(replaced(tree.children, at, 1, grown));
  const [left, right] = split(grown);
  return new Branch(replaced(tree.children, at, 1, left, right));
}

function take<K, T>(tree: SortedTree<T>, seek: Seek<K, T>, key: K): SortedTree<T> {
  if (isLeaf(tree)) {
    const at = lowerBound(tree, seek, key);
    const present = tree[at];
    return present !== undefined && seek(key, present) === 0 ? replaced(tree, at, 1) : tree;
  }
  const at = childOf(tree, seek, key);
  const child = tree.children[at] as SortedTree<T>;
  const shrunk = take(child, seek, key);
  if (shrunk === child) return tree;
  if (widthOf(shrunk) >= minWidth) return new Branch(replaced(tree.children, at, 1, shrunk));
  return new Branch(mended(tree.children, at, shrunk));
}

/** The children with a narrow one at `at` merged into a neighbour, or left where both together are too wide. */
function mended<T>(
  children: readonly SortedTree<T>[],
  at: number,
  narrow: SortedTree<T>,
): readonly SortedTree<T>[] {
  if (widthOf(narrow) === 0) return replaced(children, at, 1);
  const left = children[at - 1];
  if (left !== undefined && widthOf(left) + widthOf(narrow) <= maxWidth) {
    return replaced(children, at - 1, 2, joined(left, narrow));
  }
  const right = children[at + 1];
  if (right !== undefined && widthOf(right) + widthOf(narrow) <= maxWidth) {
    return replaced(children, at, 2, joined(narrow, right));
  }
  return replaced(children, at, 1, narrow);
}

/** Two neighbours of one depth as one node. */
function joined<T>(left: SortedTree<T>, right: SortedTree<T>): SortedTree<T> {
  if (isLeaf(left)) return left.concat(right as readonly T[]);
  return new Branch(left.children.concat((right as Branch<T>).children));
}

function split<T>(tree: SortedTree<T>): readonly [SortedTree<T>, SortedTree<T>] {
  const middle = widthOf(tree) >> 1;
  if (isLeaf(tree)) return [tree.slice(0, middle), tree.slice(middle)];
  return [new Branch(tree.children.slice(0, middle)), new Branch(tree.children.slice(middle))];
}

/** A copy with `count` items from `at` on replaced by `put`. */
function replaced<T>(array: readonly T[], at: number, count: number, ...put: readonly T[]): readonly T[] {
  const copy = array.slice();
  copy.splice(at, count, ...put);
  return copy;
}

/** The first position whose item is at or after `key`. */
function lowerBound<K, T>(leaf: readonly T[], seek: Seek<K, T>, key: K): number {
  let low = 0;
  let high = leaf.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (seek(key, leaf[middle] as T) > 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The child in which exactly `key` belongs: the last whose first item is not after it, else the first child. */
function childOf<K, T>(branch: Branch<T>, seek: Seek<K, T>, key: K): number {
  const firsts = branch.firsts;
  let low = 0;
  let high = firsts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (seek(key, firsts[middle] as T) < 0) high = middle - 1;
    else low = middle;
  }
  return low;
}

/** The child in which the run at `key` starts: the last whose first item is before the run, else the first child. */
function runStart<K, T>(branch: Branch<T>, seek: Seek<K, T>, key: K): number {
  const at = lowerBound(branch.firsts, seek, key);
  return at === 0 ? 0 : at - 1;
}

function firstOf<T>(tree: SortedTree<T>): T {
  return (isLeaf(tree) ? tree[0] : tree.firsts[0]) as T;
}

function widthOf(tree: SortedTree<unknown>): number {
  return isLeaf(tree) ? tree.length : tree.children.length;
}

function isLeaf<T>(tree: SortedTree<T>): tree is readonly T[] {
  return !(tree instanceof Branch);
}

function always(): number {
  return 0;
}

/** Order of UTF-16 code units. */
export function compareText(left: string, right: string): number {
  return left === right ? 0 : left < right ? -1 : 1;
}

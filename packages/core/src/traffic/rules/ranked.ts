import { sameJson } from '../../base/json.ts';
import { compareText } from '../../base/sorted-tree.ts';
import { compareRanks, type Rank } from './rank.ts';

/** What somebody brings, and who: `subject` as diagnostics name it. */
export interface Owned<T> {
  readonly subject: string;
  readonly item: T;
}

/** What several owners bring to the same places, in order of rank. */
export interface Ranked<T> {
  /** `owner` brings exactly these. A place where it brings the same as before is not touched. */
  set(owner: string, subject: string, items: readonly T[]): void;
  /** Live: read it at once. */
  at(place: string): readonly Owned<T>[];
  /** Where something changed since the last call. */
  touched(): ReadonlySet<string>;
  clear(): void;
}

interface Entry<T> extends Owned<T> {
  readonly owner: string;
}

const nothing: readonly never[] = Object.freeze([]);

export function createRanked<T extends { readonly rank: Rank }>(placeOf: (item: T) => string): Ranked<T> {
  /** Always sorted: of a place with thousands one changes. */
  const places = new Map<string, Entry<T>[]>();
  /** Nearly always one. */
  const placesOf = new Map<string, string | ReadonlySet<string>>();
  let dirty = new Set<string>();

  function has(owner: string, place: string): boolean {
    const known = placesOf.get(owner);
    return typeof known === 'string' ? known === place : (known?.has(place) ?? false);
  }

  function write(place: string, owner: string, subject: string, items: readonly T[]): void {
    const all = places.get(place) ?? [];
    const before = has(owner, place) ? all.filter((entry) => entry.owner === owner) : nothing;
    if (sameItems(before, items)) return;
    dirty.add(place);
    const after = before.length === 0 ? all : all.filter((entry) => entry.owner !== owner);
    for (const item of items) insert(after, { owner, subject, item });
    if (after.length === 0) places.delete(place);
    else places.set(place, after);
  }

  return {
    set(owner, subject, items) {
      const grouped = Map.groupBy(items, placeOf);
      for (const [place, group] of grouped) write(place, owner, subject, group);
      const known = placesOf.get(owner) ?? nothing;
      for (const place of typeof known === 'string' ? [known] : known)
        if (!grouped.has(place)) write(place, owner, subject, nothing);
      const [only] = grouped.keys();
      if (only === undefined) placesOf.delete(owner);
      else placesOf.set(owner, grouped.size === 1 ? only : new Set(grouped.keys()));
    },
    at: (place) => places.get(place) ?? nothing,
    touched() {
      const all = dirty;
      dirty = new Set();
      return all;
    },
    clear() {
      places.clear();
      placesOf.clear();
      dirty = new Set();
    },
  };
}

/** Two kinds may have the same name and age: then their kinds decide, so that every server decides the same. */
export function byRank(left: Owned<{ readonly rank: Rank }>, right: Owned<{ readonly rank: Rank }>): number {
  return compareRanks(left.item.rank, right.item.rank) || compareText(left.subject, right.subject);
}

/** In any order: what an owner brings is compared as it stands in the place. */
function sameItems<T extends { readonly rank: Rank }>(
  before: readonly Entry<T>[],
  items: readonly T[],
): boolean {
  if (before.length !== items.length) return false;
  const sorted =
    items.length < 2 ? items : items.toSorted((left, right) => compareRanks(left.rank, right.rank));
  return sorted.every((item, at) => sameJson(before[at]?.item, item));
}

function insert<T extends { readonly rank: Rank }>(sorted: Entry<T>[], entry: Entry<T>): void {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const at = sorted[middle];
    if (at !== undefined && byRank(at, entry) <= 0) low = middle + 1;
    else high = middle;
  }
  sorted.splice(low, 0, entry);
}

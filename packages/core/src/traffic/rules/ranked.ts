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
  at(place: string): readonly Owned<T>[];
  /** Where something changed since the last call. */
  touched(): ReadonlySet<string>;
  clear(): void;
}

/** All that is brought to one place. */
interface Place<T> {
  readonly byOwner: Map<string, { readonly items: readonly T[]; readonly owned: readonly Owned<T>[] }>;
  /** In order of rank; undefined: to be sorted. */
  sorted: Owned<T>[] | undefined;
}

/** Of so many and more, one that changes is put in its place instead of sorting all. */
const worthKeeping = 32;

export function createRanked<T extends { readonly rank: Rank }>(placeOf: (item: T) => string): Ranked<T> {
  const places = new Map<string, Place<T>>();
  const placesOf = new Map<string, ReadonlySet<string>>();
  let dirty = new Set<string>();

  function write(at: string, owner: string, subject: string, items: readonly T[] | undefined): void {
    const place = places.get(at) ?? { byOwner: new Map(), sorted: undefined };
    const before = place.byOwner.get(owner);
    if (sameJson(before?.items, items)) return;
    dirty.add(at);
    const owned = items?.map((item) => ({ subject, item })) ?? [];
    if (items === undefined) place.byOwner.delete(owner);
    else place.byOwner.set(owner, { items, owned });
    if (place.byOwner.size === 0) places.delete(at);
    else places.set(at, place);
    if (place.sorted === undefined) return;
    if (place.sorted.length < worthKeeping) place.sorted = undefined;
    else place.sorted = exchanged(place.sorted, new Set(before?.owned), owned);
  }

  return {
    set(owner, subject, items) {
      const grouped = Map.groupBy(items, placeOf);
      for (const [place, group] of grouped) write(place, owner, subject, group);
      for (const place of placesOf.get(owner) ?? [])
        if (!grouped.has(place)) write(place, owner, subject, undefined);
      if (grouped.size === 0) placesOf.delete(owner);
      else placesOf.set(owner, new Set(grouped.keys()));
    },
    at(at) {
      const place = places.get(at);
      if (place === undefined) return [];
      place.sorted ??= [...place.byOwner.values()].flatMap(({ owned }) => owned).sort(byRank);
      return place.sorted;
    },
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

/** A sorted list without some, with others in their places. */
function exchanged<T extends { readonly rank: Rank }>(
  sorted: readonly Owned<T>[],
  without: ReadonlySet<Owned<T>>,
  others: readonly Owned<T>[],
): Owned<T>[] {
  const list = without.size === 0 ? sorted.slice() : sorted.filter((one) => !without.has(one));
  for (const one of others) {
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const at = list[middle];
      if (at !== undefined && byRank(at, one) <= 0) low = middle + 1;
      else high = middle;
    }
    list.splice(low, 0, one);
  }
  return list;
}

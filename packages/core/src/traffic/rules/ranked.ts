import { sameJson } from '../../base/json.ts';
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
  touch(place: string): void;
  /** Where something changed since the last call. */
  touched(): ReadonlySet<string>;
  clear(): void;
}

interface Brought<T> {
  readonly subject: string;
  readonly items: readonly T[];
}

export function createRanked<T extends { readonly rank: Rank }>(placeOf: (item: T) => string): Ranked<T> {
  const places = new Map<string, Map<string, Brought<T>>>();
  const placesOf = new Map<string, ReadonlySet<string>>();
  let dirty = new Set<string>();

  function write(place: string, owner: string, brought: Brought<T> | undefined): void {
    const owners = places.get(place);
    if (sameJson(owners?.get(owner)?.items, brought?.items)) return;
    dirty.add(place);
    if (brought !== undefined) {
      if (owners === undefined) places.set(place, new Map([[owner, brought]]));
      else owners.set(owner, brought);
      return;
    }
    owners?.delete(owner);
    if (owners?.size === 0) places.delete(place);
  }

  return {
    set(owner, subject, items) {
      const grouped = Map.groupBy(items, placeOf);
      for (const [place, group] of grouped) write(place, owner, { subject, items: group });
      for (const place of placesOf.get(owner) ?? []) if (!grouped.has(place)) write(place, owner, undefined);
      if (grouped.size === 0) placesOf.delete(owner);
      else placesOf.set(owner, new Set(grouped.keys()));
    },
    at(place) {
      const all: Owned<T>[] = [];
      for (const { subject, items } of places.get(place)?.values() ?? [])
        for (const item of items) all.push({ subject, item });
      return all.sort((left, right) => compareRanks(left.item.rank, right.item.rank));
    },
    touch(place) {
      dirty.add(place);
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

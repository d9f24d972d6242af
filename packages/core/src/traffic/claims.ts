/**
 * Who has what only one may have: a host name, a port. The first by name holds it, whoever came first in time, so that two
 * servers that read the same catalog in different order agree.
 */
export interface Claims<K> {
  /** `claimant` wants `thing`. */
  add(thing: K, claimant: string): void;
  remove(thing: K, claimant: string): void;
  /** The first by name of all who want it; undefined: nobody does. */
  holder(thing: K): string | undefined;
  /** Everyone who wants it, the holder first. */
  claimants(thing: K): readonly string[];
  clear(): void;
}

export function createClaims<K>(): Claims<K> {
  const sorted = new Map<K, string[]>();

  return {
    add(thing, claimant) {
      const list = sorted.get(thing);
      if (list === undefined) {
        sorted.set(thing, [claimant]);
        return;
      }
      const at = place(list, claimant);
      if (list[at] !== claimant) list.splice(at, 0, claimant);
    },

    remove(thing, claimant) {
      const list = sorted.get(thing);
      if (list === undefined) return;
      const at = place(list, claimant);
      if (list[at] === claimant) list.splice(at, 1);
      if (list.length === 0) sorted.delete(thing);
    },

    holder: (thing) => sorted.get(thing)?.[0],
    claimants: (thing) => sorted.get(thing) ?? [],
    clear: () => sorted.clear(),
  };
}

/** Anyone may claim, so that lists can grow long: the place is found by halving. */
function place(list: readonly string[], claimant: string): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((list[middle] ?? '') < claimant) low = middle + 1;
    else high = middle;
  }
  return low;
}

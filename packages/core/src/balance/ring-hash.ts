import type { Random } from '../base/clock.ts';
import { type Balancer, countedWeight, type LoadedSet, type NamedSet } from './balancer.ts';
import { BoundedLoad } from './bounded-load.ts';
import { hashKey } from './hash-key.ts';
import { KeyedBalancer } from './keyed-balancer.ts';
import { membersOf } from './weighted-sampler.ts';

/**
 * Points of an endpoint of the lowest weight: shares are within ±6 % (one σ), and Envoy's smallest ring of 1,024 is reached with 4
 * endpoints. It does not depend on how many there are, as it does in Envoy: else one more would move the points of all.
 */
const pointsEach = 256;
/**
 * Envoy allows 8 M points, whose sorting would stop this process for a second; past this bound the points of each endpoint are
 * halved. For some hundreds of endpoints and more Maglev is more even.
 */
const maxPoints = 65_536;

/** `boundPercent`: see `BoundedLoad`; 0 (the default, as in Envoy) for no bound. */
export function createRingHash(set: NamedSet & LoadedSet, random: Random, boundPercent = 0): Balancer {
  return new RingHash(
    set,
    random,
    layOut(set),
    boundPercent === 0 ? undefined : new BoundedLoad(set, boundPercent),
  );
}

interface Ring {
  /** Ascending. */
  readonly points: Uint32Array;
  readonly owners: Uint32Array;
}

class RingHash extends KeyedBalancer {
  readonly #points: Uint32Array;

  constructor(set: NamedSet, random: Random, ring: Ring, bound: BoundedLoad | undefined) {
    super(set, random, ring.owners, bound);
    this.#points = ring.points;
  }

  /** The first point at or after the hash; past the last one the ring begins again. */
  protected override place(keyHash: number): number {
    const points = this.#points;
    let low = 0;
    let high = points.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((points[middle] as number) < keyHash) low = middle + 1;
      else high = middle;
    }
    return low === points.length ? 0 : low;
  }
}

function layOut(set: NamedSet): Ring {
  const members = membersOf(set);
  const shares = Array.from(members, (index) => countedWeight(set.weights[index] ?? 1));
  const lowest = shares.reduce((least, share) => Math.min(least, share), Number.POSITIVE_INFINITY);
  const total = shares.reduce((sum, share) => sum + share / lowest, 0);
  let each = pointsEach;
  while (each * total > maxPoints && each > 2 ** -16) each /= 2;
  const counts = shares.map((share) => Math.max(1, Math.round((each * share) / lowest)));
  // One number for point and owner: typed arrays sort numbers fast, and 2^32 × 2^20 still is a whole one.
  const keyed = new Float64Array(counts.reduce((sum, count) => sum + count, 0));
  let at = 0;
  for (const [member, index] of members.entries()) {
    const id = set.ids[index] ?? '';
    for (let copy = 0; copy < (counts[member] ?? 0); copy++)
      keyed[at++] = hashKey(id, copy) * 2 ** 20 + index;
  }
  keyed.sort();
  return {
    points: Uint32Array.from(keyed, (value) => Math.floor(value / 2 ** 20)),
    owners: Uint32Array.from(keyed, (value) => value % 2 ** 20),
  };
}

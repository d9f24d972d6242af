import type { Random } from '../base/clock.ts';
import { type Balancer, countedWeight, type LoadedSet, type NamedSet } from './balancer.ts';
import { BoundedLoad } from './bounded-load.ts';
import { hashKey } from './hash-key.ts';
import { KeyedBalancer } from './keyed-balancer.ts';
import { membersOf } from './weighted-sampler.ts';

/** Envoy's default, a prime. With more endpoints than places some have none. */
const defaultPlaces = 65_537;

/**
 * Google's Maglev hashing (Eisenbud et al., NSDI 2016, §3.4), weighted as in Envoy: a table that every endpoint fills in its own
 * order, turn by turn. More even than a ring, a pick is one read; when an endpoint leaves, a few keys of others move as well.
 * `places` must be a prime; `boundPercent`: see `BoundedLoad`, 0 for none.
 */
export function createMaglev(
  set: NamedSet & LoadedSet,
  random: Random,
  boundPercent = 0,
  places = defaultPlaces,
): Balancer {
  const bound = boundPercent === 0 ? undefined : new BoundedLoad(set, boundPercent);
  return new Maglev(set, random, maglevTable(set, places), bound);
}

class Maglev extends KeyedBalancer {
  readonly #places: number;

  constructor(set: NamedSet, random: Random, table: Uint32Array, bound: BoundedLoad | undefined) {
    super(set, random, table, bound);
    this.#places = table.length;
  }

  protected override place(keyHash: number): number {
    return keyHash % this.#places;
  }
}

const freePlace = 2 ** 32 - 1;

/** Which endpoint owns each place. Empty without endpoints. */
export function maglevTable(set: NamedSet, places: number): Uint32Array {
  const members = inOrderOfName(set);
  const table = new Uint32Array(members.length === 0 ? 0 : places).fill(freePlace);
  const next = Uint32Array.from(members, (index) => hashKey(set.ids[index] ?? '') % places);
  const skip = Uint32Array.from(members, (index) => (hashKey(set.ids[index] ?? '', 1) % (places - 1)) + 1);
  const queue = new TurnQueue(
    Float64Array.from(members, (index) => countedWeight(set.weights[index] ?? 1)),
    places,
  );
  for (let filled = 0; filled < table.length; filled++) {
    const member = queue.take();
    const step = skip[member] as number;
    let place = next[member] as number;
    while (table[place] !== freePlace) {
      place += step;
      if (place >= places) place -= places;
    }
    table[place] = members[member] as number;
    next[member] = place;
  }
  return table;
}

const nobody = -1;

/**
 * Whose turn it is to take a place. The heaviest takes one at each turn, another one k places within k × heaviest ÷ weight turns. A
 * list for each turn, so that the many light ones beside a heavy one cost nothing while they wait.
 */
class TurnQueue {
  readonly #weights: Float64Array;
  readonly #heaviest: number;
  readonly #taken: Uint32Array;
  readonly #first: Int32Array;
  readonly #last: Int32Array;
  readonly #after: Int32Array;
  #turn = 1;

  constructor(weights: Float64Array, places: number) {
    this.#weights = weights;
    this.#heaviest = weights.reduce((most, weight) => Math.max(most, weight), 0);
    this.#taken = new Uint32Array(weights.length);
    // The heaviest alone fills the table in as many turns as there are places.
    this.#first = new Int32Array(places + 2).fill(nobody);
    this.#last = new Int32Array(places + 2).fill(nobody);
    this.#after = new Int32Array(weights.length).fill(nobody);
    for (let member = 0; member < weights.length; member++) this.#enqueue(member, 1);
  }

  take(): number {
    while (this.#first[this.#turn] === nobody) this.#turn++;
    const member = this.#first[this.#turn] as number;
    this.#first[this.#turn] = this.#after[member] as number;
    const taken = (this.#taken[member] as number) + 1;
    this.#taken[member] = taken;
    this.#enqueue(member, Math.floor((taken * this.#heaviest) / (this.#weights[member] as number)) + 1);
    return member;
  }

  #enqueue(member: number, turn: number): void {
    if (turn >= this.#first.length) return;
    this.#after[member] = nobody;
    if (this.#first[turn] === nobody) this.#first[turn] = member;
    else this.#after[this.#last[turn] as number] = member;
    this.#last[turn] = member;
  }
}

/** Turns must not depend on the order of the list, which another process may have differently. */
function inOrderOfName(set: NamedSet): Uint32Array {
  const { ids } = set;
  const named = Array.from(membersOf(set));
  return Uint32Array.from(named.sort((left, right) => ((ids[left] ?? '') < (ids[right] ?? '') ? -1 : 1)));
}

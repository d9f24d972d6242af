import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Balancer, LoadedSet, NamedSet } from '@portolan/core/balance/balancer.ts';
import { ClusterLoad, EndpointLoad } from '@portolan/core/balance/endpoint-load.ts';
import { hashKey } from '@portolan/core/balance/hash-key.ts';
import type { Clock, Random } from '@portolan/core/base/clock.ts';
import { fakeClock } from './fake-clock.ts';

/** A set with everything that any balancer asks for. */
export type WholeSet = NamedSet & LoadedSet;

/** Makes the balancer under test. */
export type SuiteFactory = (set: WholeSet, random: Random, clock: Clock) => Balancer;

/** What a balancer promises beyond picking only what is available. */
export interface BalancerTraits {
  /**
   * How far the count of picks may be from the share that the weight gives, in standard deviations of independent picks; 0: exactly
   * the share over whole rounds.
   */
  readonly sigmas: number;
  /** For balancers by hash: how far the part of the keys that an endpoint owns may be from its weight's, as a part of it. */
  readonly keyed?: KeyedTraits;
}

export interface KeyedTraits {
  readonly shareTolerance: number;
  /** Keys that may move between endpoints that both stay, when another comes or goes, as a part of all. */
  readonly disruption: number;
}

/** Endpoints `ids` (default e0, e1 …) with nothing to do, all available. */
export function wholeSet(weights: readonly number[], ids = weights.map((_, index) => `e${index}`)): WholeSet {
  const clusterLoad = new ClusterLoad();
  return {
    size: weights.length,
    weights,
    available: new Uint8Array(weights.length).fill(1),
    ids,
    clusterLoad,
    loads: weights.map(() => new EndpointLoad(clusterLoad)),
  };
}

/** Numbers in [0, 1) that are the same in every run, and good enough for statistics (a Weyl sequence, mixed). */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** How often each endpoint was picked in `picks` picks. */
export function countPicks(balancer: Balancer, size: number, picks: number): number[] {
  const counts = new Array<number>(size).fill(0);
  for (let pick = 0; pick < picks; pick++) {
    const index = balancer.pick();
    counts[index] = (counts[index] ?? 0) + 1;
  }
  return counts;
}

/** `counts` is what independent picks by weight would give, but for `sigmas` standard deviations. */
export function assertDistribution(
  counts: readonly number[],
  weights: readonly number[],
  sigmas: number,
): void {
  const picks = counts.reduce((sum, count) => sum + count, 0);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  for (const [index, weight] of weights.entries()) {
    const share = weight / total;
    const off = Math.abs((counts[index] ?? 0) - picks * share);
    // The smallest part makes up for the rounding of `picks * share`.
    const allowed = sigmas * Math.sqrt(picks * share * (1 - share)) + 1e-6;
    assert.ok(off <= allowed, `of weights ${weights} came ${counts}: ${off} off, ${allowed} allowed`);
  }
}

/** What every balancer does; each implementation's test calls this. */
export function testBalancer(name: string, create: SuiteFactory, traits: BalancerTraits): void {
  const make = (set: WholeSet, random: Random): Balancer => create(set, random, fakeClock());
  describe(`balancer ${name}`, () => {
    if (traits.keyed === undefined) testShares(make, traits.sigmas);
    else testKeys(make, traits.keyed);
    testAvailability(make);
    testAllocation(make);
  });
}

type Make = (set: WholeSet, random: Random) => Balancer;

const weightSets = [[1], [1, 1], [1, 1, 1, 1, 1], [5, 1, 1], [100, 1], [3, 2, 7, 1]];

function testShares(make: Make, sigmas: number): void {
  test('picks are distributed by weight', () => {
    for (const weights of weightSets) {
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      const picks = Math.ceil(20_000 / total) * total;
      assertDistribution(
        countPicks(make(wholeSet(weights), seeded(7)), weights.length, picks),
        weights,
        sigmas,
      );
    }
  });

  // What has its turns laid out gives them to a neighbour.
  if (sigmas === 0) return;
  test('the share of one that is not available goes to the others by weight', () => {
    const set = wholeSet([4, 2, 1, 1]);
    const balancer = make(set, seeded(11));
    set.available[0] = 0;
    balancer.refresh?.(0);
    assertDistribution(countPicks(balancer, 4, 20_000), [0, 2, 1, 1], sigmas);
  });
}

const keyCount = 20_000;

/** The endpoint of each of many keys. */
function ownersOfKeys(balancer: Balancer): number[] {
  return Array.from({ length: keyCount }, (_, key) => balancer.pick(hashKey(`user-${key}`)));
}

function testKeys(make: Make, traits: KeyedTraits): void {
  test('keys are distributed by weight', () => {
    for (const weights of weightSets) {
      const owners = ownersOfKeys(make(wholeSet(weights), seeded(1)));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      for (const [index, weight] of weights.entries()) {
        const share = weight / total;
        const owned = owners.filter((owner) => owner === index).length / keyCount;
        const sigma = Math.sqrt((share * (1 - share)) / keyCount);
        const allowed = traits.shareTolerance * share * (1 - share) + 3 * sigma + 1e-9;
        assert.ok(Math.abs(owned - share) <= allowed, `${index} of ${weights} owns ${owned}`);
      }
    }
  });

  test('a request without a key goes anywhere, by weight', () => {
    const counts = countPicks(make(wholeSet([1, 1, 1]), seeded(1)), 3, 30_000);
    for (const count of counts)
      assert.ok(Math.abs(count / 10_000 - 1) < traits.shareTolerance + 0.03, `${counts}`);
  });

  const twenty = Array.from({ length: 20 }, (_, index) => `10.0.0.${index}:80`);
  const equal = new Array<number>(20).fill(1);

  test('a key stays with its endpoint, whatever the order of the list', () => {
    const before = ownersOfKeys(make(wholeSet(equal, twenty), seeded(1)));
    const after = ownersOfKeys(make(wholeSet(equal, twenty.toReversed()), seeded(2)));
    assert.deepEqual(
      after.map((index) => 19 - index),
      before,
    );
  });

  test('when one leaves or comes, its keys move and hardly any other', () => {
    const left = wholeSet(
      equal.slice(1),
      twenty.filter((_, index) => index !== 7),
    );
    const before = ownersOfKeys(make(wholeSet(equal, twenty), seeded(1)));
    const after = ownersOfKeys(make(left, seeded(1))).map((index) => (index < 7 ? index : index + 1));
    const moved = before.filter((owner, key) => owner !== after[key]).length / keyCount;
    const others = before.filter((owner, key) => owner !== 7 && owner !== after[key]).length / keyCount;
    assert.ok(!after.includes(7));
    assert.ok(others <= traits.disruption, `${others} of all keys moved without need`);
    assert.ok(moved <= (1 + traits.shareTolerance) / 20 + traits.disruption, `${moved} moved`);
  });

  test('when one is ejected only its keys move, and to more than one other', () => {
    const set = wholeSet(equal, twenty);
    const balancer = make(set, seeded(1));
    const before = ownersOfKeys(balancer);
    set.available[7] = 0;
    const after = ownersOfKeys(balancer);
    const heirs = new Set<number>();
    for (const [key, owner] of before.entries()) {
      if (owner === 7) heirs.add(after[key] ?? -1);
      else assert.equal(after[key], owner);
    }
    assert.ok(heirs.size > 10 && !heirs.has(7) && !heirs.has(-1), `${[...heirs]}`);
  });
}

function testAvailability(make: Make): void {
  test('only what is available is picked, and again when it is back', () => {
    const set = wholeSet([1, 1, 1, 1]);
    const balancer = make(set, seeded(3));
    const picked = (): number[] => [...new Set(Array.from({ length: 400 }, () => balancer.pick()))].sort();
    set.available[1] = 0;
    balancer.refresh?.(0);
    assert.deepEqual(picked(), [0, 2, 3]);
    set.available.fill(0);
    set.available[2] = 1;
    balancer.refresh?.(0);
    assert.deepEqual(picked(), [2]);
    set.available.fill(1);
    balancer.refresh?.(0);
    assert.deepEqual(picked(), [0, 1, 2, 3]);
  });

  test('availability counts at once, without a refresh', () => {
    const set = wholeSet([1, 1, 1]);
    const balancer = make(set, seeded(5));
    for (let pick = 0; pick < 300; pick++) {
      const index = balancer.pick();
      set.available[index] = 0;
      assert.notEqual(balancer.pick(), index);
      set.available[index] = 1;
    }
  });

  test('what has a negative weight is never picked', () => {
    const set = wholeSet([1, -1, 2, -1]);
    assert.deepEqual(countPicks(make(set, seeded(6)), 4, 1_000).map(Math.sign), [1, 0, 1, 0]);
    set.available.set([0, 1, 0, 1]);
    assert.equal(make(set, seeded(6)).pick(), -1);
  });

  test('-1 when nothing is available or nothing is there', () => {
    const set = wholeSet([1, 1]);
    const balancer = make(set, seeded(1));
    set.available.fill(0);
    assert.equal(balancer.pick(), -1);
    assert.equal(balancer.pick(17), -1);
    assert.equal(make(wholeSet([]), seeded(1)).pick(), -1);
  });

  test('one of a thousand that alone is available is found', () => {
    const set = wholeSet(new Array<number>(1_000).fill(1));
    const balancer = make(set, seeded(9));
    set.available.fill(0);
    set.available[777] = 1;
    assert.deepEqual([balancer.pick(), balancer.pick(1), balancer.pick(2 ** 32 - 1)], [777, 777, 777]);
  });
}

/** The smallest object has 16: one in four picks would show. */
const bytesPerPick = 4;

function testAllocation(make: Make): void {
  test('a pick allocates nothing', () => {
    // The one random number that V8 hands over without making an object of it.
    const balancer = make(wholeSet([3, 2, 1, 1]), () => 0);
    const bytes = bytesOf(() => balancer.pick(12_345));
    assert.ok(bytes < bytesPerPick, `${bytes} bytes a pick`);
  });

  test('a pick allocates nothing but the random numbers', () => {
    const numbers = new Float64Array(1_024).map(seeded(2));
    let draws = 0;
    const balancer = make(wholeSet([3, 2, 1, 1]), () => numbers[draws++ & 1_023] as number);
    let picks = 0;
    const bytes = bytesOf(() => {
      picks++;
      return balancer.pick(12_345);
    });
    const ofNumbers = (16 * draws) / picks;
    assert.ok(bytes < ofNumbers + bytesPerPick, `${bytes} bytes a pick, ${ofNumbers} for numbers`);
  });
}

/** What one call of `pick` allocates, once it is compiled: the median of many rounds, so short that few see a collection. */
export function bytesOf(pick: () => number): number {
  const picks = 2_000;
  let sum = 0;
  const rounds: number[] = [];
  for (let round = 0; round < 150; round++) {
    const before = process.memoryUsage().heapUsed;
    for (let index = 0; index < picks; index++) sum += pick();
    if (round >= 100) rounds.push((process.memoryUsage().heapUsed - before) / picks);
  }
  assert.ok(sum >= 0);
  const whole = rounds.filter((bytes) => bytes >= 0).sort((left, right) => left - right);
  // Collections in half of such short rounds: much was allocated.
  return whole.length < rounds.length / 2
    ? Number.POSITIVE_INFINITY
    : (whole[Math.floor(whole.length / 2)] ?? 0);
}

import type { Random } from '../base/clock.ts';
import type { Balancer, BalanceSet } from './balancer.ts';

/** A longer sequence would cost more memory than the last digits of the weights are worth: they are scaled down to it. */
const maxSequence = 8_192;

/**
 * Round robin by weight, smoothly: of weights 5, 1, 1 the sequence is a a b a c a a, never five a in a row (nginx's algorithm).
 * The sequence is laid out once, so that a pick costs one step; an endpoint that is not available gives its turn to the next
 * one that is, in order. Begins at a random place: many workers that start together do not all begin with the same endpoint.
 */
export function createRoundRobin(set: BalanceSet, random: Random): Balancer {
  const sequence = smoothSequence(set.weights);
  return new RoundRobin(set.available, sequence, Math.floor(random() * sequence.length));
}

class RoundRobin implements Balancer {
  readonly #available: Uint8Array;
  readonly #sequence: Uint32Array;
  #next: number;

  constructor(available: Uint8Array, sequence: Uint32Array, start: number) {
    this.#available = available;
    this.#sequence = sequence;
    this.#next = start;
  }

  pick(): number {
    const sequence = this.#sequence;
    const length = sequence.length;
    let next = this.#next;
    for (let tries = 0; tries < length; tries++) {
      const index = sequence[next] as number;
      if (++next === length) next = 0;
      if (this.#available[index] === 1) {
        this.#next = next;
        return index;
      }
    }
    return -1;
  }
}

/**
 * Each index as often as its weight says, spread evenly: at each step every current value grows by its share, the highest (the
 * first of several) is taken and loses the total. Endpoints of one weight differ only in how often they were taken, so they
 * take turns in order, and one value for all of them is enough: a step costs as much as there are different weights, which are
 * at most some 130 in a sequence of this length.
 */
export function smoothSequence(weights: readonly number[]): Uint32Array {
  const members = Uint32Array.from(weights.keys()).filter((index) => (weights[index] ?? 1) >= 0);
  const shares = scaled(Array.from(members, (index) => weights[index] ?? 1));
  const total = shares.reduce((sum, share) => sum + share, 0);
  const turns = turnsByShare(shares);
  if (turns.length === 1) return members;
  const sequence = new Uint32Array(total);
  for (let step = 1; step <= total; step++)
    sequence[step - 1] = members[takeTurn(turns, step, total)] as number;
  return sequence;
}

/** The endpoints of one weight. */
interface Turns {
  readonly share: number;
  readonly members: number[];
  /** Whose turn it is. */
  head: number;
  /** How often those from the head on were taken; those before it, once more. */
  rounds: number;
}

function turnsByShare(shares: readonly number[]): Turns[] {
  const byShare = new Map<number, Turns>();
  for (const [index, share] of shares.entries()) {
    const turns = byShare.get(share);
    if (turns === undefined) byShare.set(share, { share, members: [index], head: 0, rounds: 0 });
    else turns.members.push(index);
  }
  return [...byShare.values()];
}

function takeTurn(classes: readonly Turns[], step: number, total: number): number {
  let best: Turns | undefined;
  let bestValue = 0;
  let bestIndex = 0;
  for (const turns of classes) {
    const value = step * turns.share - turns.rounds * total;
    const index = turns.members[turns.head] ?? 0;
    if (best !== undefined && (value < bestValue || (value === bestValue && index > bestIndex))) continue;
    best = turns;
    bestValue = value;
    bestIndex = index;
  }
  if (best !== undefined && ++best.head === best.members.length) {
    best.head = 0;
    best.rounds++;
  }
  return bestIndex;
}

/** Small whole numbers in the proportion of `weights`, each at least 1. */
function scaled(weights: readonly number[]): number[] {
  const whole = weights.map((weight) => Math.max(1, Math.round(weight)));
  const divisor = whole.reduce(greatestCommonDivisor, 0);
  const reduced = whole.map((weight) => weight / Math.max(1, divisor));
  const total = reduced.reduce((sum, weight) => sum + weight, 0);
  const limit = Math.max(maxSequence, weights.length);
  if (total <= limit) return reduced;
  return reduced.map((weight) => Math.max(1, Math.round((weight * maxSequence) / total)));
}

function greatestCommonDivisor(left: number, right: number): number {
  return right === 0 ? left : greatestCommonDivisor(right, left % right);
}

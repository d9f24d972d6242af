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

/** Each index as often as its weight says, spread evenly. */
export function smoothSequence(weights: readonly number[]): Uint32Array {
  const shares = scaled(weights);
  const total = shares.reduce((sum, share) => sum + share, 0);
  const current = shares.map(() => 0);
  return Uint32Array.from({ length: total }, () => {
    let best = 0;
    for (const [index, share] of shares.entries()) {
      current[index] = (current[index] ?? 0) + share;
      if ((current[index] ?? 0) > (current[best] ?? 0)) best = index;
    }
    current[best] = (current[best] ?? 0) - total;
    return best;
  });
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

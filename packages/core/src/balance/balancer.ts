import type { Random } from '../base/clock.ts';

/**
 * The endpoints that a balancer chooses from. Owned and changed by the cluster, read by the balancer at each pick. When
 * endpoints come or go the cluster makes a new one of these and a new balancer.
 */
export interface BalanceSet {
  readonly size: number;
  /** 1…; an endpoint of weight 2 gets twice as much. */
  readonly weights: readonly number[];
  /** 1: may be picked now; 0: ejected, draining, tried already. */
  readonly available: Uint8Array;
}

/** Chooses endpoints. Allocates nothing per pick. Every implementation runs `testBalancer` (`balancer-suite.test.ts`). */
export interface Balancer {
  /** The index of an available endpoint, or -1 when none is. */
  pick(): number;
}

export type BalancerFactory = (set: BalanceSet, random: Random) => Balancer;

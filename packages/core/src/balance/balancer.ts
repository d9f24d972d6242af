import type { Random } from '../base/clock.ts';
import type { ClusterLoad, EndpointLoad } from './endpoint-load.ts';

/** The weight of an endpoint that is not to be picked at all, being of another subset or zone; its index stays what it is. */
export const outside = -1;

/**
 * The endpoints that a balancer chooses from. Owned and changed by the cluster, read by the balancer at each pick. When
 * endpoints come or go the cluster makes a new one of these and a new balancer.
 */
export interface BalanceSet {
  readonly size: number;
  /** 1…; an endpoint of weight 2 gets twice as much. 0 counts as 1, `outside` (or any negative number) is never picked. */
  readonly weights: readonly number[];
  /** 1: may be picked now; 0: ejected, draining, tried already. */
  readonly available: Uint8Array;
}

/** For balancers that look at what endpoints have to do. */
export interface LoadedSet extends BalanceSet {
  /** One for each endpoint; kept by the cluster as long as the endpoint lives. */
  readonly loads: readonly EndpointLoad[];
  readonly clusterLoad: ClusterLoad;
}

/** For balancers that place endpoints by their name. */
export interface NamedSet extends BalanceSet {
  /** Unique, and the same after a restart or in another process. */
  readonly ids: readonly string[];
}

/** Chooses endpoints. Allocates nothing per pick. Every implementation runs `testBalancer` of `@portolan/testkit/balancer-suite.ts`. */
export interface Balancer {
  /**
   * The index of an available endpoint, or -1 when none is. `keyHash` (`hashKey` of a header, cookie, address …) matters to ring hash
   * and Maglev only; without one they pick at random.
   */
  pick(keyHash?: number): number;
  /** Availability changed, or time went by. Those that have it want it called after each change and every second or so. */
  refresh?(nowMs: number): void;
}

export type BalancerFactory = (set: BalanceSet, random: Random) => Balancer;

/** The weight that counts: see `BalanceSet.weights`. */
export function countedWeight(weight: number): number {
  return weight < 0 ? 0 : Math.max(1, weight);
}

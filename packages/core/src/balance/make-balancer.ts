import type { Clock, Random } from '../base/clock.ts';
import type { BalancePolicy, Cluster } from '../traffic/model.ts';
import type { Balancer, BalanceSet, LoadedSet, NamedSet } from './balancer.ts';
import { createDubboLeastActive } from './dubbo-least-active.ts';
import { createDubboShortestResponse } from './dubbo-shortest-response.ts';
import { createLeastRequest } from './least-request.ts';
import { createMaglev } from './maglev.ts';
import { createPeakEwma } from './peak-ewma.ts';
import { createRandom } from './random.ts';
import { createRingHash } from './ring-hash.ts';
import { createRoundRobin } from './round-robin.ts';
import { SlowStart } from './slow-start.ts';
import { ZonePreference } from './zone-preference.ts';

/** Everything that any balancer asks for. */
export interface WholeSet extends NamedSet, LoadedSet {
  /** Empty: it said none. */
  readonly zones: readonly string[];
  /** Since when each is a healthy member (monotonic); -Infinity: for ever. */
  readonly startedMs: readonly number[];
}

export interface BalancerContext {
  readonly clock: Clock;
  readonly random: Random;
  /** Where this process is; empty: unknown. */
  readonly zone: string;
}

/** The settings of a cluster that decide how it is balanced. */
export type BalanceSettings = Pick<Cluster, 'balance' | 'slowStart' | 'zonePreference'>;

/** A balancer by the cluster's settings. It wants `refresh` at once, and later as `Balancer.refresh` says. */
export function makeBalancer(settings: BalanceSettings, set: WholeSet, context: BalancerContext): Balancer {
  const { zone, random } = context;
  const create = (part: BalanceSet): Balancer => warmed(settings, { ...set, ...part }, context);
  if (settings.zonePreference !== true || zone === '') return create(set);
  return new ZonePreference(set, set.zones, zone, create, random);
}

/** Slow start has no say where a key decides. */
function warmed(settings: BalanceSettings, set: WholeSet, context: BalancerContext): Balancer {
  const { balance, slowStart } = settings;
  const balancer = byPolicy(balance, set, context);
  if (slowStart === undefined || isKeyed(balance)) return balancer;
  return new SlowStart(balancer, set, set.startedMs, slowStart, context.random);
}

function byPolicy(balance: BalancePolicy, set: WholeSet, { random, clock }: BalancerContext): Balancer {
  switch (balance.policy) {
    case 'random':
      return createRandom(set, random);
    case 'least-request':
      return createLeastRequest(set, random, balance.choices);
    case 'peak-ewma':
      return createPeakEwma(set, random, clock);
    case 'dubbo-least-active':
      return createDubboLeastActive(set, random);
    case 'dubbo-shortest-response':
      return createDubboShortestResponse(set, random, clock);
    case 'ring-hash':
      return createRingHash(set, random, balance.boundPercent);
    case 'maglev':
      return createMaglev(set, random, balance.boundPercent);
    default:
      return createRoundRobin(set, random);
  }
}

export function isKeyed(balance: BalancePolicy): boolean {
  return balance.policy === 'ring-hash' || balance.policy === 'maglev';
}

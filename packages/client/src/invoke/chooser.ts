import type { Balancer } from '@portolan/core/balance/balancer.ts';
import { createRoundRobin } from '@portolan/core/balance/round-robin.ts';
import type { Clock, Random } from '@portolan/core/base/clock.ts';
import { limits } from '../limits.ts';
import type { ServiceInstance } from '../registry/decode.ts';

/** Which instance takes the next request: in turn by weight, passing over those that were just found dead. */
export interface Chooser {
  /** Undefined only when `instances` is empty. Those in `tried` and those cooling down come last. */
  choose(
    service: string,
    instances: readonly ServiceInstance[],
    tried?: ReadonlySet<ServiceInstance>,
  ): ServiceInstance | undefined;
  /** A connection to it failed. */
  failed(instance: ServiceInstance): void;
  succeeded(instance: ServiceInstance): void;
}

interface Turn {
  readonly instances: readonly ServiceInstance[];
  readonly available: Uint8Array;
  readonly balancer: Balancer;
}

/** Cooling instances remembered at once; past it the memory starts anew, which costs some retries and nothing else. */
const maxCooling = 4_096;
/** Services whose turn is remembered; past it they start anew. */
const maxTurns = 4_096;

const nothingTried: ReadonlySet<ServiceInstance> = new Set();

export function createChooser(clock: Clock, random: Random): Chooser {
  const coolUntilMs = new Map<string, number>();
  const turns = new Map<string, Turn>();

  const cooling = (instance: ServiceInstance): boolean => {
    const key = keyOf(instance);
    const untilMs = coolUntilMs.get(key);
    if (untilMs === undefined) return false;
    if (clock.monotonicMs() < untilMs) return true;
    coolUntilMs.delete(key);
    return false;
  };

  const turnOf = (service: string, instances: readonly ServiceInstance[]): Turn => {
    const known = turns.get(service);
    // The directory replaces a list, it never edits one.
    if (known?.instances === instances) return known;
    if (turns.size >= maxTurns) turns.clear();
    const turn = newTurn(instances, random);
    turns.set(service, turn);
    return turn;
  };

  return {
    choose(service, instances, tried = nothingTried) {
      const { available, balancer } = turnOf(service, instances);
      const everyOne = coolUntilMs.size === 0 && tried.size === 0;
      if (everyOne) available.fill(1);
      else mark(available, instances, (instance) => !tried.has(instance) && !cooling(instance));
      let index = balancer.pick();
      if (index === -1) {
        mark(available, instances, (instance) => !tried.has(instance));
        index = balancer.pick();
      }
      if (index === -1) {
        available.fill(1);
        index = balancer.pick();
      }
      return instances[index];
    },
    failed(instance) {
      if (coolUntilMs.size >= maxCooling) coolUntilMs.clear();
      coolUntilMs.set(keyOf(instance), clock.monotonicMs() + limits.cooldownMs);
    },
    succeeded(instance) {
      if (coolUntilMs.size > 0) coolUntilMs.delete(keyOf(instance));
    },
  };
}

function newTurn(instances: readonly ServiceInstance[], random: Random): Turn {
  const available = new Uint8Array(instances.length).fill(1);
  const weights = instances.map(({ weight }) => weight);
  const set = { size: instances.length, weights, available };
  return { instances, available, balancer: createRoundRobin(set, random) };
}

function mark(
  available: Uint8Array,
  instances: readonly ServiceInstance[],
  usable: (instance: ServiceInstance) => boolean,
): void {
  for (const [index, instance] of instances.entries()) available[index] = usable(instance) ? 1 : 0;
}

/** The address belongs to it: the same instance started again elsewhere is not the one that failed. */
function keyOf(instance: ServiceInstance): string {
  return `${instance.address}|${instance.port}|${instance.node}/${instance.id}`;
}

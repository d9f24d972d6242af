import type { Clock } from '@portolan/core/base/clock.ts';
import { limits } from '../limits.ts';
import type { ServiceInstance } from '../registry/decode.ts';

/** Which instance takes the next request: in turn, passing over those that were just found dead. */
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

/** Cooling instances remembered at once; past it the memory starts anew, which costs some retries and nothing else. */
const maxCooling = 4_096;
/** Services whose turn is remembered; past it they start at the first instance again. */
const maxTurns = 4_096;

export function roundRobinChooser(clock: Clock): Chooser {
  const coolUntilMs = new Map<string, number>();
  const turns = new Map<string, number>();

  const usable = (instance: ServiceInstance): boolean => {
    if (coolUntilMs.size === 0) return true;
    const key = keyOf(instance);
    const untilMs = coolUntilMs.get(key);
    if (untilMs === undefined) return true;
    if (clock.monotonicMs() < untilMs) return false;
    coolUntilMs.delete(key);
    return true;
  };

  const nextTurn = (service: string): number => {
    const turn = turns.get(service) ?? 0;
    if (turns.size >= maxTurns && !turns.has(service)) turns.clear();
    turns.set(service, (turn + 1) % Number.MAX_SAFE_INTEGER);
    return turn;
  };

  return {
    choose(service, instances, tried) {
      const turn = nextTurn(service);
      let untried: ServiceInstance | undefined;
      for (let step = 0; step < instances.length; step += 1) {
        const instance = instances[(turn + step) % instances.length];
        if (instance === undefined || tried?.has(instance)) continue;
        if (usable(instance)) return instance;
        untried ??= instance;
      }
      return untried ?? instances[turn % instances.length];
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

/** The address belongs to it: the same instance started again elsewhere is not the one that failed. */
function keyOf(instance: ServiceInstance): string {
  return `${instance.address}|${instance.port}|${instance.node}/${instance.id}`;
}

import type { Clock, Random } from '@portolan/core/base/clock.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import { backOffMs } from '../back-off.ts';
import { limits } from '../limits.ts';
import type { ServiceInstance } from '../registry/decode.ts';
import type { Registry } from '../registry/registry.ts';
import { sleep, unlessAborted } from '../waiting.ts';

export interface WatchContext {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly random: Random;
  readonly onProblem: (problem: Fault) => void;
}

/**
 * Keeps the passing instances of one service at hand by blocking reads. While the registry is away the last list stays.
 */
export interface ServiceWatch {
  /** The newest list; undefined before the first answer. */
  current(): readonly ServiceInstance[] | undefined;
  /** Resolves with the first answer (at once if there was one). */
  first(signal: AbortSignal): Promise<readonly ServiceInstance[]>;
  /** Resolves when nothing of it runs any more. */
  stop(): Promise<void>;
}

export function watchService(context: WatchContext, service: string): ServiceWatch {
  const stopped = new AbortController();
  const { promise: firstAnswer, resolve: answered } = Promise.withResolvers<void>();
  let list: readonly ServiceInstance[] | undefined;
  let lastProblem: Fault | undefined;

  const running = (async () => {
    let index = 0;
    let failures = 0;
    while (!stopped.signal.aborted) {
      try {
        const startedMs = context.clock.monotonicMs();
        const answer = await read(context.registry, service, index, stopped.signal);
        failures = 0;
        lastProblem = undefined;
        // The same index is the same list: who chooses from it need not start over.
        if (list === undefined || answer.index === 0 || answer.index !== index) list = answer.instances;
        answered();
        // An index that went back means another or a restored registry: only a read from 0 is sure to be whole.
        index = answer.index < index ? 0 : answer.index;
        const gapMs = limits.watchMinGapMs - (context.clock.monotonicMs() - startedMs);
        if (gapMs > 0) await sleep(context.clock, gapMs, stopped.signal);
      } catch (thrown) {
        if (stopped.signal.aborted) return;
        failures += 1;
        index = 0;
        lastProblem = Fault.from(thrown);
        context.onProblem(lastProblem);
        await sleep(context.clock, backOffMs(failures, context.random), stopped.signal).catch(() => {});
      }
    }
  })();

  return {
    current: () => list,
    async first(signal) {
      try {
        await unlessAborted(firstAnswer, signal);
      } catch (thrown) {
        // "cannot reach …" says more than "too late".
        const fault = Fault.from(thrown);
        throw fault.code === 'timeout' && lastProblem !== undefined ? lastProblem : fault;
      }
      return list ?? [];
    },
    async stop() {
      stopped.abort();
      await running;
    },
  };
}

function read(registry: Registry, service: string, index: number, signal: AbortSignal) {
  return registry.instances(service, {
    passingOnly: true,
    signal,
    ...(index === 0
      ? {}
      : { index, waitMs: limits.watchWaitMs, timeoutMs: limits.watchWaitMs + limits.watchGraceMs }),
  });
}

import type { Clock, Random } from '@portolan/core/base/clock.ts';
import { Fault, type FaultCode } from '@portolan/core/base/fault.ts';
import { backOffMs } from '../back-off.ts';
import { limits } from '../limits.ts';
import type { Registry, ReportedStatus } from '../registry/registry.ts';
import { sleep } from '../waiting.ts';
import { definitionOf, type Registration, registrationId, ttlCheckId, ttlMsOf } from './definition.ts';

/** An instance that stays registered while its process lives, whatever happens to the registry. */
export interface Registered {
  readonly id: string;
  /** What the TTL check says from now on; told at once, and again with each renewal. */
  report(status: ReportedStatus, note?: string): Promise<void>;
  /** Takes the instance out of the registry. Resolves when it is out and nothing of it runs here. */
  deregister(options?: { signal?: AbortSignal }): Promise<void>;
}

/** The registry is away or in trouble: later may be better. */
const awayCodes: ReadonlySet<FaultCode> = new Set(['unavailable', 'timeout']);

export interface KeeperContext {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly random: Random;
  /** Aborts with the client. */
  readonly closed: AbortSignal;
  readonly onProblem: (problem: Fault) => void;
  readonly confirmIntervalMs: number;
}

/**
 * Registers, then renews in the background; resolves after the first. Rejects when that fails, or with `waitForServer` when
 * it fails for another reason than a registry that is away.
 */
export async function keepRegistered(
  context: KeeperContext,
  registration: Registration,
  options: { signal?: AbortSignal; waitForServer?: boolean },
): Promise<Registered> {
  const definition = definitionOf(registration);
  const id = registrationId(registration);
  const checkId = ttlCheckId(registration);
  const stop = new AbortController();
  const ended = AbortSignal.any([stop.signal, context.closed]);
  let status: ReportedStatus = 'pass';
  let note = '';

  const tell = async (until: AbortSignal | undefined): Promise<void> => {
    if (checkId !== undefined) await context.registry.report(checkId, status, note, until);
  };
  const register = async (until: AbortSignal | undefined): Promise<void> => {
    await context.registry.register(definition, until);
    await tell(until);
  };
  const renew = async (): Promise<void> => {
    try {
      if (checkId === undefined) await context.registry.confirm(id, ended);
      else await tell(ended);
    } catch (thrown) {
      const fault = Fault.from(thrown);
      if (fault.code !== 'not-found') throw fault;
      await register(ended);
    }
  };

  const { signal, waitForServer = false } = options;
  const starting = signal === undefined ? context.closed : AbortSignal.any([signal, context.closed]);
  for (let failures = 1; ; failures += 1) {
    try {
      await register(starting);
      break;
    } catch (thrown) {
      const fault = Fault.from(thrown);
      if (!waitForServer || !awayCodes.has(fault.code)) throw fault;
      context.onProblem(fault);
      await sleep(context.clock, backOffMs(failures, context.random), starting);
    }
  }
  const running = renewUntil(context, renewIntervalMs(context, registration), renew, ended);
  return {
    id,
    async report(nextStatus, nextNote = '') {
      if (checkId === undefined) throw new Fault('invalid', `report: '${id}' has no TTL check`);
      status = nextStatus;
      note = nextNote;
      await tell(ended);
    },
    async deregister(options = {}) {
      stop.abort();
      await running;
      try {
        await context.registry.deregister(id, options.signal);
      } catch (thrown) {
        const fault = Fault.from(thrown);
        // Somebody else already did.
        if (fault.code !== 'not-found') throw fault;
      }
    },
  };
}

function renewIntervalMs(context: KeeperContext, registration: Registration): number {
  const ttlMs = ttlMsOf(registration);
  return ttlMs === undefined ? context.confirmIntervalMs : ttlMs * limits.renewShareOfTtl;
}

/** Ends, without rejecting, when `ended` aborts. */
async function renewUntil(
  context: KeeperContext,
  intervalMs: number,
  renew: () => Promise<void>,
  ended: AbortSignal,
): Promise<void> {
  let failures = 0;
  while (!ended.aborted) {
    // Spread over a tenth, so that processes started together do not renew together.
    const pauseMs =
      failures === 0
        ? intervalMs * (0.9 + context.random() / 10)
        : Math.min(intervalMs, backOffMs(failures, context.random));
    try {
      await sleep(context.clock, pauseMs, ended);
      await renew();
      failures = 0;
    } catch (thrown) {
      if (ended.aborted) return;
      failures += 1;
      context.onProblem(Fault.from(thrown));
    }
  }
}

import type { Clock } from '@portolan/core/base/clock.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import type { Store } from '@portolan/core/catalog/store.ts';
import type { Logger } from 'pino';
import type { View } from '../contract.ts';

/** Whether the store takes writes. */
export interface StoreHealth {
  readonly stale: View['stale'];
  /** How a commit went: undefined is well. */
  note(fault: Fault | undefined): void;
  stop(): void;
}

/** After a failure asks the store every `probeEveryMs` whether it is back. `onTurn` is called when `stale` changed. */
export function createStoreHealth(options: {
  store: Store;
  clock: Clock;
  log: Logger;
  probeEveryMs: number;
  onTurn: () => void;
}): StoreHealth {
  const { store, clock, log, probeEveryMs, onTurn } = options;
  let stale: View['stale'];
  let cancelProbe: (() => void) | undefined;
  let stopped = false;

  function note(fault: Fault | undefined): void {
    if (stopped) return;
    if (fault === undefined) recovered();
    else failed(fault);
  }

  function recovered(): void {
    if (stale === undefined) return;
    log.info(
      { store: store.name, staleMs: Math.round(clock.monotonicMs() - stale.sinceMonotonicMs) },
      'the store is back',
    );
    stale = undefined;
    cancelProbe?.();
    cancelProbe = undefined;
    onTurn();
  }

  function failed(fault: Fault): void {
    if (cancelProbe === undefined) cancelProbe = clock.after(probeEveryMs, probe);
    if (stale?.reason === fault.message) return;
    log.error({ err: fault, store: store.name }, 'the store cannot be written; reads go on from memory');
    stale = { sinceMonotonicMs: stale?.sinceMonotonicMs ?? clock.monotonicMs(), reason: fault.message };
    onTurn();
  }

  function probe(): void {
    store.commit([]).then(
      () => note(undefined),
      (error: unknown) => {
        cancelProbe = undefined;
        note(Fault.from(error));
      },
    );
  }

  return {
    get stale() {
      return stale;
    },
    note,
    stop() {
      stopped = true;
      cancelProbe?.();
    },
  };
}

import type { TrafficDelta } from '@portolan/core/traffic/model.ts';
import { noNames } from '@portolan/core/traffic/tables.ts';
import type { Engine } from '../../contract.ts';
import { addDirty, dirtySize } from './encode.ts';

/**
 * Calls `onBatch` after each commit that touched the traffic model, once for all transactions that shared it: that is all the
 * delay there is.
 */
export function followBatches(engine: Engine, onBatch: (dirty: TrafficDelta) => void): () => void {
  let pending = noNames();
  let stopped = false;
  function flush(): void {
    const dirty = pending;
    pending = noNames();
    if (!stopped) onBatch(dirty);
  }
  const unsubscribe = engine.subscribe((_, traffic) => {
    if (dirtySize(traffic) === 0) return;
    if (dirtySize(pending) === 0) queueMicrotask(flush);
    addDirty(pending, traffic);
  });
  return () => {
    stopped = true;
    unsubscribe();
  };
}

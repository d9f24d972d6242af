import type { TrafficDelta, TrafficMessage } from '@portolan/core/traffic/model.ts';
import { noNames } from '@portolan/core/traffic/tables.ts';
import type { Engine } from '../../contract.ts';
import { addDirty, dirtySize, snapshotMessage, updateMessage } from './encode.ts';

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

/** The stream protocol's messages without a stream, for a reader in this process: the model's own objects, not copies of them. */
export function followMessages(engine: Engine, onMessage: (message: TrafficMessage) => void): () => void {
  onMessage(snapshotMessage(engine.view.traffic));
  return followBatches(engine, (dirty) => onMessage(updateMessage(engine.view.traffic, dirty)));
}

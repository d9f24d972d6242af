import type { ServerResponse } from 'node:http';
import { Fault } from '@portolan/core/base/fault.ts';
import type { Topic } from '@portolan/core/catalog/reader.ts';
import type { Engine } from '../../contract.ts';

/** Requests that are held open until something changes. */
export interface Waiters {
  /**
   * Resolves when `topic` has moved past `after`, when the time is over, or when this server stops: in each case the
   * request is to be answered with what is true then. Rejects with `cancelled` when the client has gone.
   */
  wait(topic: Topic, after: number, timeoutMs: number, response: ServerResponse): Promise<void>;
  /** Calls `callback` when all are let go; the returned function forgets it. */
  onClose(callback: () => void): () => void;
  /** Lets all go, and every later one through. */
  close(): void;
  readonly closed: boolean;
  readonly size: number;
}

export function waiters(engine: Engine): Waiters {
  const held = new Set<AbortController>();
  const closers = new Set<() => void>();
  let closed = false;

  return {
    async wait(topic, after, timeoutMs, response) {
      if (closed) return;
      const controller = new AbortController();
      const gone = () => controller.abort();
      held.add(controller);
      response.once('close', gone);
      try {
        await engine.watch(topic, after, { timeoutMs, signal: controller.signal });
      } catch (thrown) {
        const fault = Fault.from(thrown);
        if (fault.code !== 'cancelled' || response.destroyed) throw fault;
      } finally {
        held.delete(controller);
        response.off('close', gone);
      }
    },
    onClose(callback) {
      closers.add(callback);
      return () => void closers.delete(callback);
    },
    close() {
      closed = true;
      for (const controller of held) controller.abort();
      for (const closer of closers) closer();
    },
    get closed() {
      return closed;
    },
    get size() {
      return held.size;
    },
  };
}

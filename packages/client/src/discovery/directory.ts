import { Fault } from '@portolan/core/base/fault.ts';
import { limits } from '../limits.ts';
import type { ServiceInstance } from '../registry/decode.ts';
import { type ServiceWatch, type WatchContext, watchService } from './service-watch.ts';

/** The services this client has asked for, each watched since then. */
export interface Directory {
  /** Passing instances, from memory once the first answer is there. Rejects when none comes within the time allowed. */
  resolve(service: string, signal: AbortSignal): Promise<readonly ServiceInstance[]>;
  close(): Promise<void>;
}

export function openDirectory(context: WatchContext, maxWatches: number = limits.maxWatches): Directory {
  // A map keeps its order: the first key is the one that was not asked for longest.
  const watches = new Map<string, ServiceWatch>();
  const stopping = new Set<Promise<void>>();

  const retire = (service: string, watch: ServiceWatch): void => {
    watches.delete(service);
    const stop = watch.stop().finally(() => stopping.delete(stop));
    stopping.add(stop);
  };

  const watchOf = (service: string): ServiceWatch => {
    const known = watches.get(service);
    if (known !== undefined) {
      watches.delete(service);
      watches.set(service, known);
      return known;
    }
    const [oldest] = watches;
    if (watches.size >= maxWatches && oldest !== undefined) retire(...oldest);
    const watch = watchService(context, service);
    watches.set(service, watch);
    return watch;
  };

  return {
    async resolve(service, signal) {
      if (service === '') throw new Fault('invalid', 'service: give a name', { path: 'service' });
      const watch = watchOf(service);
      return watch.current() ?? (await watch.first(signal));
    },
    async close() {
      for (const [service, watch] of watches) retire(service, watch);
      await Promise.all(stopping);
    },
  };
}

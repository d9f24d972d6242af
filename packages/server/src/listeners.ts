import type { ListenerAddress, ListenerRegistry } from './contract.ts';

/** Where each listener really is, in the order in which they were bound. */
export function createListenerRegistry(): ListenerRegistry {
  const announced = new Set<ListenerAddress>();
  return {
    announce(listener) {
      const entry = Object.freeze({ ...listener });
      announced.add(entry);
      return () => announced.delete(entry);
    },
    list: () => [...announced],
  };
}

import type { ListenerAddress, ListenerRegistry } from './contract.ts';

/** Where each listener really is, in the order in which they were bound. */
export function createListenerRegistry(): ListenerRegistry {
  const announced = new Set<ListenerAddress>();
  let listed: readonly ListenerAddress[] | undefined;
  return {
    announce(listener) {
      const entry = Object.freeze({ ...listener });
      announced.add(entry);
      listed = undefined;
      return () => {
        announced.delete(entry);
        listed = undefined;
      };
    },
    list() {
      listed ??= Object.freeze([...announced]);
      return listed;
    },
  };
}

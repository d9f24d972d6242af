import { networkInterfaces } from 'node:os';
import { type OwnListeners, ownListeners } from '@portolan/core/traffic/own-listeners.ts';
import type { Bind, ListenerAddress, ListenerRegistry } from './contract.ts';

/**
 * Our own listeners for the planner: where they are configured to be, and where they really are once they are bound. The TCP
 * listeners that services ask for are not among them. Made anew only when a listener came or went.
 */
export function ownDoors(
  configured: readonly (Bind | undefined)[],
  registry: ListenerRegistry,
  address: string,
  doorAddress: string | undefined,
): () => OwnListeners {
  const wanted = configured.filter((bind) => bind !== undefined);
  let seen: readonly ListenerAddress[] | undefined;
  let own = ownListeners([], [], doorAddress);
  return () => {
    const bound = registry.list();
    if (bound === seen) return own;
    seen = bound;
    const ours = bound.filter(({ name }) => !name.startsWith('tcp-'));
    own = ownListeners([...wanted, ...ours], [address, ...machineAddresses()], doorAddress);
    return own;
  };
}

function machineAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((found) => (found ?? []).map(({ address }) => address));
}

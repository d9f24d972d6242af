import { networkInterfaces } from 'node:os';
import { type OwnListeners, ownListeners } from '@portolan/core/traffic/own-listeners.ts';
import type { Bind, ListenerAddress, ListenerRegistry } from './contract.ts';

/** What settings open. Whatever else is bound was asked for by services and rules, and must not stand in its own way. */
const settingsDoors: ReadonlySet<string> = new Set(['http', 'dns', 'gateway', 'gateway-tls', 'proxy-admin']);

/**
 * Our own listeners for the planner: where they are configured to be, and where they really are once they are bound. The
 * listeners that services and rules ask for are not among them. Made anew only when a listener came or went.
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
    const ours = bound.filter(({ name }) => settingsDoors.has(name));
    own = ownListeners([...wanted, ...ours], [address, ...machineAddresses()], doorAddress);
    return own;
  };
}

function machineAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((found) => (found ?? []).map(({ address }) => address));
}

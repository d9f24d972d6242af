import { getSystemErrorName } from 'node:util';
import { Fault } from '@portolan/core/base/fault.ts';
import type { Bind } from '../contract.ts';
import type { Door } from './door-key.ts';
import type { BoundSockets, InheritedSockets } from './inherited-sockets.ts';
import { bindHandle, type ListeningHandle, portOf } from './listening-handle.ts';

/** One address that is listened on: a socket for each worker, all on one port, so that the kernel spreads connections evenly. */
export interface OpenDoor {
  readonly name: string;
  readonly door: Door;
  readonly address: string;
  readonly port: number;
  /** By the worker's number. A dead worker's socket waits here, with the connections in its queue, for the next one. */
  readonly handles: readonly ListeningHandle[];
}

/**
 * Binds `bind` once for each of `workers`. Throws a `Fault` (`conflict` when another program has the port). A first socket that is not
 * shared finds that out: shared ones would get along with another Portolan of the same user without a word. `inherited` sockets of that
 * place are taken instead.
 */
export function openDoor(
  name: string,
  door: Door,
  bind: Bind,
  workers: number,
  inherited?: InheritedSockets,
): OpenDoor {
  const taken = inherited?.take(name, bind);
  if (taken !== undefined) return completed(taken, name, door, bind, workers);
  const shared = inherited?.fromOrphans ?? false;
  const alone = bound(bindHandle(bind.address, bind.port, shared), name, door, bind);
  const port = portOf(alone);
  alone.close();
  return completed({ port, handles: [] }, name, door, bind, workers);
}

/** As many sockets as there are workers, those that are there already among them. */
function completed(
  { port, handles: first }: Pick<BoundSockets, 'port' | 'handles'>,
  name: string,
  door: Door,
  bind: Bind,
  workers: number,
): OpenDoor {
  const handles = [...first];
  try {
    while (handles.length < workers) {
      handles.push(bound(bindHandle(bind.address, port, true), name, door, { ...bind, port }));
    }
  } catch (thrown) {
    for (const handle of handles) handle.close();
    throw thrown;
  }
  return { name, door, address: bind.address, port, handles };
}

export function closeDoor(door: OpenDoor): void {
  for (const handle of door.handles) handle.close();
}

function bound(handle: ListeningHandle | number, name: string, door: Door, bind: Bind): ListeningHandle {
  if (typeof handle !== 'number') return handle;
  const error = getSystemErrorName(handle);
  const where = `${bind.address}:${bind.port}`;
  const way =
    door.key === name
      ? `--listen ${name}=ADDR:PORT moves it`
      : 'stop who has the port, or ask for another: it is tried again until it is free';
  throw new Fault(
    error === 'EADDRINUSE' ? 'conflict' : 'unavailable',
    `listener ${name}: ${where} cannot be bound (${error}); ${way}`,
  );
}

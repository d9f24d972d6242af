import net from 'node:net';
import type { TcpHandle } from './wire.ts';

/**
 * Node's own listening socket, below `net.Server`. Two things need it that `net.Server` cannot do: a process that holds a listening
 * socket open without accepting from it (so that a worker may die and be replaced without a connection lost), and accepted
 * connections with the `onread` option. `node:cluster` is built on the same calls; what we use of them stands here alone.
 */
export interface ListeningHandle extends TcpHandle {
  onconnection: ((status: number, client: TcpHandle | undefined) => void) | null;
  listen(backlog: number): number;
  close(): void;
  getsockname(out: { address?: string; port?: number }): number;
}

interface NetInternals {
  _createServerHandle(
    address: string,
    port: number,
    addressType: 4 | 6,
    fd: undefined,
    flags: number,
  ): ListeningHandle | number;
}

/** Several sockets on one port, among which the kernel spreads connections. */
const reusePort = 2;

/** Connections that wait to be accepted. The kernel cuts it to `net.core.somaxconn`. */
export const backlog = 4_096;

/** A bound socket that does not listen yet, or the error number of libuv, negative. */
export function bindHandle(address: string, port: number, shared: boolean): ListeningHandle | number {
  const { _createServerHandle: create } = net as unknown as NetInternals;
  const handle = create(address, port, net.isIPv6(address) ? 6 : 4, undefined, shared ? reusePort : 0);
  if (typeof handle === 'number') return handle;
  // libuv keeps EADDRINUSE to itself until somebody listens, or asks for the name.
  const error = handle.getsockname({});
  if (error === 0) return handle;
  handle.close();
  return error;
}

export function portOf(handle: ListeningHandle): number {
  const name: { port?: number } = {};
  handle.getsockname(name);
  return name.port ?? 0;
}

import { connect, isIP, Socket } from 'node:net';
import { type ConnectGuard, notPermitted } from '../connect-guard.ts';
import type { Channel } from './cluster-tls.ts';

/**
 * A socket on its way to an endpoint: `connect`, or `secureConnect` where the channel has TLS, is emitted when it is there. Where `guard`
 * forbids the address, or the settings of TLS are of no use, it fails at once.
 *
 * @param alpn what is offered over TLS
 */
export function openSocket(
  { address, port }: { readonly address: string; readonly port: number },
  { tls, serverName, preface }: Channel,
  alpn: readonly string[],
  guard: ConnectGuard,
): Socket {
  const named = isIP(address) === 0;
  if (!named && !guard.permits(address, port)) return new Socket().destroy(notPermitted(address, port));
  const target = { host: address, port, ...(named ? { lookup: guard.lookupFor(port) } : {}) };
  if (tls !== undefined && preface === '') return secured(() => tls.connect({ ...target, alpn }, serverName));
  const socket = connect({ ...target, noDelay: true });
  if (preface !== '') socket.write(preface, 'latin1');
  if (tls === undefined) return socket;
  return secured(() => tls.connect({ ...target, alpn, socket }, serverName));
}

function secured(open: () => Socket): Socket {
  try {
    return open();
  } catch (thrown) {
    return new Socket().destroy(thrown instanceof Error ? thrown : new Error(String(thrown)));
  }
}

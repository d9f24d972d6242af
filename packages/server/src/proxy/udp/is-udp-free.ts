import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Bind } from '../../contract.ts';

/** Undefined: a datagram socket can be bound there, by nobody else yet. Else the error's code: `EADDRINUSE`. */
export function isUdpFree({ address, port }: Bind): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    socket.once('error', (error: NodeJS.ErrnoException) => {
      socket.close();
      resolve(error.code ?? error.message);
    });
    socket.bind({ address, port, exclusive: true }, () => socket.close(() => resolve(undefined)));
  });
}

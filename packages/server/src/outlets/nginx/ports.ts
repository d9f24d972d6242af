import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import type { Bind } from '../../contract.ts';
import type { OwnDoor } from './stream-doors.ts';

/**
 * Which of the doors somebody else has, by key, and why they cannot be opened. One port that is taken would keep nginx from taking
 * anything at all, so that it is left out until it is free. A port that only nginx may open is let through.
 */
export async function takenDoors(
  doors: readonly Pick<OwnDoor, 'transport' | 'address' | 'port' | 'key'>[],
): Promise<ReadonlyMap<string, string>> {
  const taken = new Map<string, string>();
  // One after another: they are few, and new ones only.
  for (const { key, transport, address, port } of doors) {
    const code = await (transport === 'udp' ? udpError : tcpError)({ address, port });
    if (code === 'EADDRINUSE') taken.set(key, 'another program has it');
    if (code === 'EADDRNOTAVAIL') taken.set(key, 'this machine does not have the address');
  }
  return taken;
}

function tcpError({ address, port }: Bind): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host: address, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

function udpError({ address, port }: Bind): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    socket.once('error', (error: NodeJS.ErrnoException) => {
      socket.close();
      resolve(error.code ?? error.message);
    });
    socket.bind({ address, port, exclusive: true }, () => socket.close(() => resolve(undefined)));
  });
}

import { createServer } from 'node:net';

/**
 * Which of the ports somebody else has, and why they cannot be opened. One port that is taken would keep nginx from taking
 * anything at all, so that it is left out until it is free. A port that only nginx may open is let through.
 */
export async function takenPorts(
  address: string,
  ports: readonly number[],
): Promise<ReadonlyMap<number, string>> {
  const taken = new Map<number, string>();
  // One after another: they are few, and new ones only.
  for (const port of ports) {
    const code = await bindError(address, port);
    if (code === 'EADDRINUSE') taken.set(port, 'another program has it');
  }
  return taken;
}

function bindError(address: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host: address, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

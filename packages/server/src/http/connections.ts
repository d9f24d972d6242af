import type { Socket } from 'node:net';
import type { HttpLimits } from './limits.ts';

/** Counts connections, in all and by address, and closes those whose peer has stopped reading. */
export interface Connections {
  /** False: one too many; the connection has been answered with 429 and closed. */
  admit(socket: Socket): boolean;
  /** Closes every connection that has had an unread answer since the last but one call. */
  closeStalled(nowMs: number): void;
  readonly size: number;
}

const tooMany =
  'HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: 44\r\n\r\n' +
  'Too many connections: close some, then retry';

export function connections(limits: HttpLimits): Connections {
  const open = new Map<Socket, WriteProgress>();
  const byAddress = new Map<string, number>();

  function forget(socket: Socket, address: string): void {
    open.delete(socket);
    const left = (byAddress.get(address) ?? 1) - 1;
    if (left === 0) byAddress.delete(address);
    else byAddress.set(address, left);
  }

  return {
    admit(socket) {
      const address = socket.remoteAddress ?? '';
      const ofAddress = byAddress.get(address) ?? 0;
      const full = open.size >= limits.maxConnections;
      if (full || (ofAddress >= limits.maxConnectionsPerAddress && !isLoopback(address))) {
        socket.on('error', () => {});
        socket.end(tooMany, () => socket.destroy());
        return false;
      }
      byAddress.set(address, ofAddress + 1);
      open.set(socket, { written: 0, sinceMs: 0 });
      socket.once('close', () => forget(socket, address));
      return true;
    },
    closeStalled(nowMs) {
      for (const [socket, progress] of open) {
        if (stalledForMs(socket, progress, nowMs) > limits.writeStallTimeoutMs) socket.destroy();
      }
    },
    get size() {
      return open.size;
    },
  };
}

/** How far the peer had read when it was last seen to make progress. */
interface WriteProgress {
  written: number;
  sinceMs: number;
}

function stalledForMs(socket: Socket, progress: WriteProgress, nowMs: number): number {
  const written = socket.bytesWritten - socket.writableLength;
  if (socket.writableLength === 0 || written !== progress.written || progress.sinceMs === 0) {
    progress.written = written;
    progress.sinceMs = nowMs;
    return 0;
  }
  return nowMs - progress.sinceMs;
}

export function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.');
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '@portolan/core/base/clock.ts';
import type { HttpLimits } from './limits.ts';

/*
 * What a client still sends when its answer is there already: too large a body, or one for a path that does not exist. Closing at
 * once would make the kernel reset the connection, and a client that writes would never read why. So the answer goes out first,
 * the rest is read and thrown away, up to a limit, and only then the connection is closed.
 */

/** Answers after which the connection is closed, by us and not by Node: Node does it at once. */
const closing = new WeakSet<ServerResponse>();

const lookEveryMs = 100;

/** Before the head of an answer is written. */
export function beforeAnswer(response: ServerResponse): void {
  if (response.shouldKeepAlive || response.req.complete || !hasBody(response.req)) return;
  closing.add(response);
  response.shouldKeepAlive = true;
}

/** Before a request is handled. */
export function closeAfterLeftover(
  request: IncomingMessage,
  response: ServerResponse,
  limits: HttpLimits,
  clock: Clock,
): void {
  if (hasBody(request)) response.once('finish', () => discard(request, response, limits, clock));
}

function discard(
  request: IncomingMessage,
  response: ServerResponse,
  { maxLeftoverBytes, leftoverTimeoutMs }: HttpLimits,
  clock: Clock,
): void {
  const { socket } = request;
  if (request.complete) {
    if (closing.has(response)) socket.destroySoon();
    return;
  }
  const lastByte = socket.bytesRead + maxLeftoverBytes;
  const untilMs = clock.monotonicMs() + leftoverTimeoutMs;
  // Node resumes a request that nobody reads by itself, and then tells no chunks: what came is seen at the socket.
  const look = (): void => {
    if (socket.destroyed) return;
    if (request.complete) socket.destroySoon();
    else if (socket.bytesRead > lastByte || clock.monotonicMs() >= untilMs) socket.destroy();
    else clock.after(lookEveryMs, look);
  };
  request.resume();
  look();
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}

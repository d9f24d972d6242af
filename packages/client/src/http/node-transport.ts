import type { ClientRequest, IncomingMessage } from 'node:http';
import * as http from 'node:http';
import * as https from 'node:https';
import type { Socket } from 'node:net';
import type { Clock } from '@portolan/core/base/clock.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import { limits } from '../limits.ts';
import { cancelled } from '../waiting.ts';
import type { Outcome, OutgoingRequest, Transport } from './transport.ts';

/** A transport over `node:http` and `node:https` with its own keep-alive pools. */
export function nodeTransport(clock: Clock): Transport {
  const pool = {
    keepAlive: true,
    maxSockets: limits.maxSocketsPerAddress,
    maxFreeSockets: limits.maxIdleSocketsPerAddress,
    timeout: limits.idleSocketMs,
    scheduling: 'lifo' as const,
  };
  const plain = new http.Agent(pool);
  const secure = new https.Agent(pool);
  const open = new Set<Socket>();

  return {
    send: (request) => {
      const tls = request.url.protocol === 'https:';
      return send(clock, request, tls ? https.request : http.request, tls ? secure : plain, open);
    },
    async close() {
      plain.destroy();
      secure.destroy();
      await Promise.all(Array.from(open, ended));
    },
  };
}

function ended(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve());
    socket.destroy();
  });
}

type RequestFunction = (url: URL, options: http.RequestOptions) => ClientRequest;

function send(
  clock: Clock,
  request: OutgoingRequest,
  start: RequestFunction,
  agent: http.Agent,
  open: Set<Socket>,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const { signal } = request;
    if (signal?.aborted) {
      resolve({ outcome: 'failed', sent: false, reused: false, fault: cancelled(signal) });
      return;
    }
    let sent = false;
    let cancelConnectTimer = (): void => {};
    let outgoing: ClientRequest;
    try {
      outgoing = start(request.url, { method: request.method, headers: request.headers, agent });
    } catch (thrown) {
      const fault = new Fault('invalid', `this request cannot be sent: ${Fault.from(thrown).message}`, {
        cause: thrown,
      });
      resolve({ outcome: 'failed', sent: false, reused: false, fault });
      return;
    }
    const cancelResponseTimer = clock.after(request.responseTimeoutMs, () =>
      outgoing.destroy(
        new Fault('timeout', `${request.url.host} did not answer within ${request.responseTimeoutMs} ms`),
      ),
    );
    const onAbort = (): void => {
      if (signal !== undefined) outgoing.destroy(cancelled(signal));
    };
    const stopTimers = (): void => {
      cancelConnectTimer();
      cancelResponseTimer();
    };
    signal?.addEventListener('abort', onAbort, { once: true });

    outgoing.once('socket', (socket: Socket) => {
      track(open, socket);
      if (!socket.connecting) {
        sent = true;
        return;
      }
      cancelConnectTimer = clock.after(request.connectTimeoutMs, () =>
        outgoing.destroy(
          new Fault('timeout', `no connection to ${request.url.host} within ${request.connectTimeoutMs} ms`),
        ),
      );
      socket.once(request.url.protocol === 'https:' ? 'secureConnect' : 'connect', () => {
        cancelConnectTimer();
        sent = true;
      });
    });
    outgoing.once('response', (response: IncomingMessage) => {
      stopTimers();
      signal?.removeEventListener('abort', onAbort);
      endWithSignal(response, signal);
      resolve({
        outcome: 'response',
        status: response.statusCode ?? 0,
        statusText: response.statusMessage ?? '',
        rawHeaders: response.rawHeaders,
        body: response,
      });
    });
    outgoing.on('error', (error) => {
      stopTimers();
      signal?.removeEventListener('abort', onAbort);
      resolve({ outcome: 'failed', sent, reused: outgoing.reusedSocket, fault: faultOf(error, request.url) });
    });
    outgoing.end(request.body);
  });
}

/** Lets `signal` end a body that is still being read, with the fault that says so. */
function endWithSignal(response: IncomingMessage, signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  const onAbort = (): void => {
    response.destroy(cancelled(signal));
  };
  signal.addEventListener('abort', onAbort, { once: true });
  response.once('close', () => signal.removeEventListener('abort', onAbort));
}

/** Once a socket: a kept-alive one comes back with every request. */
function track(open: Set<Socket>, socket: Socket): void {
  if (open.has(socket)) return;
  open.add(socket);
  socket.once('close', () => open.delete(socket));
}

function faultOf(error: Error, url: URL): Fault {
  if (error instanceof Fault) return error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.message;
  return new Fault('unavailable', `cannot reach ${url.protocol}//${url.host}: ${code}`, { cause: error });
}

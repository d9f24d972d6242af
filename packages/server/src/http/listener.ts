import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock } from '@portolan/core/base/clock.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import type { Logger } from 'pino';
import type { Bind, HttpHandler, HttpRoutes, ListenerRegistry, Part } from '../contract.ts';
import { type OriginGuard, originGuard } from '../guard/origin-guard.ts';
import { AnswerBudget } from './answer-budget.ts';
import { type Connections, connections } from './connections.ts';
import { closeAfterLeftover } from './leftover.ts';
import { defaultHttpLimits, type HttpLimits } from './limits.ts';
import { type Mounts, mounts } from './mounts.ts';
import { type Reply, send, textReply } from './reply.ts';

export interface HttpListenerOptions {
  /** Undefined: `off`. What is mounted is then never asked. */
  readonly bind: Bind | undefined;
  readonly nodeName: string;
  /** Host names besides IP literals, `localhost`, `*.localhost`, `*.consul` and the node's name. */
  readonly allowedHosts?: readonly string[];
  readonly limits?: Partial<HttpLimits>;
  readonly log: Logger;
  readonly clock: Clock;
  readonly listeners: ListenerRegistry;
}

/**
 * The shared `http` door: it counts connections, bounds what a request may be, keeps web pages out, and hands each request to
 * the longest mounted prefix of its path. Mount before `start`, so that no request meets a door without rooms.
 * Stop whoever holds requests open before this: `stop` waits for what is under way until the deadline, then cuts it.
 */
export function createHttpListener(options: HttpListenerOptions): Part & HttpRoutes {
  const limits = { ...defaultHttpLimits, ...options.limits };
  const door: Door = {
    rooms: mounts(),
    guard: originGuard([options.nodeName, ...(options.allowedHosts ?? [])]),
    connections: connections(limits),
    requestIds: requestIds(),
    log: options.log,
    limits,
    clock: options.clock,
    stopping: false,
  };
  const server = newServer(door, limits);
  let cancelSweep = () => {};
  let retract = () => {};

  function sweep(): void {
    door.connections.closeStalled(options.clock.monotonicMs());
    cancelSweep = options.clock.after(limits.writeStallTimeoutMs / 3, sweep);
  }

  return {
    name: 'http',
    mount: (prefix: string, handler: HttpHandler) => door.rooms.mount(prefix, handler),
    async start() {
      if (options.bind === undefined) return;
      const { address, port } = await listen(server, options.bind);
      retract = options.listeners.announce({ name: 'http', address, port, protocols: ['http', 'consul'] });
      cancelSweep = options.clock.after(limits.writeStallTimeoutMs / 3, sweep);
    },
    async stop(deadlineMs) {
      door.stopping = true;
      retract();
      cancelSweep();
      if (server.listening) await close(server, options.clock, deadlineMs);
    },
  };
}

interface Door {
  readonly rooms: Mounts;
  readonly guard: OriginGuard;
  readonly connections: Connections;
  readonly requestIds: (request: IncomingMessage) => string;
  readonly log: Logger;
  readonly limits: HttpLimits;
  readonly clock: Clock;
  stopping: boolean;
}

function newServer(door: Door, limits: HttpLimits): Server {
  const server = createServer(
    {
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: limits.timeoutCheckIntervalMs,
      noDelay: true,
    },
    (request, response) => serve(door, request, response),
  );
  // One more than allowed is kept, so that `serve` sees that there were too many instead of Node dropping some in silence.
  server.maxHeadersCount = limits.maxHeaders + 1;
  const budget = new AnswerBudget(limits.maxWaitingAnswerBytes);
  server.on('connection', (socket) => {
    if (door.connections.admit(socket)) budget.adopt(socket);
  });
  return server;
}

function serve(door: Door, request: IncomingMessage, response: ServerResponse): void {
  if (door.stopping) response.shouldKeepAlive = false;
  closeAfterLeftover(request, response, door.limits, door.clock);
  const refusal = refusalOf(door, request);
  const handler = refusal === undefined ? door.rooms.find(request.url ?? '/') : undefined;
  if (handler === undefined) refuse(response, refusal ?? textReply(404, 'There is nothing at this path.'));
  else enter(door, handler, request, response);
}

function refusalOf(door: Door, request: IncomingMessage): Reply | undefined {
  if (request.rawHeaders.length > door.limits.maxHeaders * 2) {
    return textReply(431, `At most ${door.limits.maxHeaders} header fields are read.`);
  }
  const refusal = door.guard.refusal(request);
  return refusal === undefined ? undefined : textReply(403, refusal);
}

function enter(door: Door, handler: HttpHandler, request: IncomingMessage, response: ServerResponse): void {
  try {
    const done = handler(request, response);
    if (done !== undefined) done.catch((thrown: unknown) => failed(door, request, response, thrown));
  } catch (thrown) {
    failed(door, request, response, thrown);
  }
}

/** Nothing more is wanted of who sends what is refused. */
function refuse(response: ServerResponse, answer: Reply): void {
  response.shouldKeepAlive = false;
  send(response, answer);
}

/** A handler answers its own errors: what arrives here is a defect, or the peer went away. */
function failed(door: Door, request: IncomingMessage, response: ServerResponse, thrown: unknown): void {
  const fault = Fault.from(thrown);
  if (fault.code === 'cancelled' || response.destroyed) {
    response.destroy();
    return;
  }
  const id = door.requestIds(request);
  door.log.error({ err: thrown, requestId: id, method: request.method, url: request.url }, 'request failed');
  if (response.headersSent) response.destroy();
  else send(response, textReply(500, `Internal error (request ${id}).`, ['X-Request-Id', id]));
}

const acceptableId = /^[\w.:+/=-]{1,128}$/;

/** The client's own id where it is fit for a log, else one of ours. */
function requestIds(): (request: IncomingMessage) => string {
  const start = randomBytes(6).toString('hex');
  let count = 0;
  return (request) => {
    const given = request.headers['x-request-id'];
    if (typeof given === 'string' && acceptableId.test(given)) return given;
    count += 1;
    return `${start}-${count}`;
  };
}

/** Enough for ten thousand watchers that come back at once after a restart. The kernel may cap it (somaxconn). */
const backlog = 4096;

function listen(server: Server, bind: Bind): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    const failure = (cause: NodeJS.ErrnoException) => {
      const text = `Cannot listen on ${bind.address}:${bind.port} for http: ${cause.code ?? cause.message}. Choose another with --listen http=ADDR:PORT.`;
      reject(new Fault('unavailable', text, { cause }));
    };
    server.once('error', failure);
    server.listen({ host: bind.address, port: bind.port, backlog }, () => {
      server.off('error', failure);
      resolve(server.address() as AddressInfo);
    });
  });
}

function close(server: Server, clock: Clock, deadlineMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(deadlineMs, () => server.closeAllConnections());
    server.close(() => {
      cancel();
      resolve();
    });
    server.closeIdleConnections();
  });
}

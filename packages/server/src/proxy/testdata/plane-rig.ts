import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type {
  Cluster,
  Endpoint,
  RetryPolicy,
  Route,
  StickyCookie,
  TrafficMessage,
} from '@portolan/core/traffic/model.ts';
import { edgeTable } from '@portolan/core/traffic/route.ts';
import { systemClock } from '../../engine/system-clock.ts';
import type { LookupAll } from '../connect-guard.ts';
import { DataPlane } from '../data-plane.ts';
import type { Door } from '../door-key.ts';
import { defaultLimits, type GatewayLimits } from '../limits.ts';
import { bindHandle, portOf } from '../listening-handle.ts';

export interface TestScope {
  after(callback: () => Promise<void> | void): void;
}

export const retryTwice: RetryPolicy = {
  retries: 2,
  on: ['connect-failure', 'reset-before-response'],
  perTryTimeoutMs: 0,
};

export function endpoint(port: number, overrides: Partial<Endpoint> = {}): Endpoint {
  const id = `node/${port}`;
  return { id, address: '127.0.0.1', port, weight: 1, state: 'healthy', labels: {}, ...overrides };
}

export function cluster(
  name: string,
  endpoints: readonly Endpoint[],
  overrides: Partial<Cluster> = {},
): Cluster {
  return {
    ...{ name, endpoints },
    balance: { policy: 'round-robin' },
    connectTimeoutMs: 1_000,
    outlier: {
      consecutiveLocalFailures: 5,
      consecutive5xx: 5,
      baseEjectionMs: 30_000,
      maxEjectionMs: 300_000,
      maxEjectionPercent: 10,
    },
    maxConnections: 1_024,
    maxPendingRequests: 1_024,
    ...overrides,
  };
}

/** A model in which every domain of `hosts` leads to a cluster of its own. */
export function modelOf(
  hosts: Readonly<Record<string, Cluster>>,
  options: {
    retry?: RetryPolicy;
    timeoutMs?: number;
    tcp?: Readonly<Record<string, number>>;
    sticky?: StickyCookie;
    hedge?: NonNullable<Route['hedge']>;
  } = {},
): TrafficMessage {
  const { sticky, hedge } = options;
  const route = {
    timeoutMs: options.timeoutMs ?? 0,
    retry: options.retry ?? retryTwice,
    ...(hedge === undefined ? {} : { hedge }),
  };
  const tcp = Object.entries(options.tcp ?? {});
  return {
    type: 'snapshot',
    revision: 1,
    certificates: { put: [], remove: [] },
    tlsHosts: { put: [], remove: [] },
    listeners: {
      put: [
        { name: 'gateway', protocol: 'http', bind: 'gateway', table: edgeTable },
        ...tcp.map(
          ([name, port]) =>
            ({
              name: `tcp/${name}`,
              protocol: 'tcp',
              bind: { port },
              targets: [{ weight: 1, cluster: name }],
            }) as const,
        ),
      ],
      remove: [],
    },
    virtualHosts: {
      put: Object.entries(hosts).map(([domain, { name }]) => ({
        name: domain,
        domains: [domain],
        table: edgeTable,
        routes: [
          {
            name,
            match: { path: { type: 'prefix', value: '/' } },
            action: {
              type: 'forward',
              targets: [{ weight: 1, cluster: name }],
              ...(sticky === undefined ? {} : { sticky }),
            },
            ...route,
          },
        ],
      })),
      remove: [],
    },
    clusters: { put: Object.values(hosts), remove: [] },
  };
}

/** A data plane in this process, on a free port. */
export function startPlane(
  test: TestScope,
  model: TrafficMessage,
  options: {
    limits?: Partial<GatewayLimits>;
    trustedPeers?: readonly string[];
    door?: Door;
    lookup?: LookupAll;
    ticketSecret?: Uint8Array;
    zone?: string;
  } = {},
): { readonly plane: DataPlane; readonly port: number } {
  const plane = new DataPlane({
    clock: systemClock,
    random: Math.random,
    limits: { ...defaultLimits, ...options.limits },
    trustedPeers: options.trustedPeers ?? [],
    accessLog: undefined,
    ...(options.lookup === undefined ? {} : { lookup: options.lookup }),
    ...(options.zone === undefined ? {} : { zone: options.zone }),
    ...(options.ticketSecret === undefined ? {} : { ticketSecret: options.ticketSecret }),
  });
  plane.apply(model);
  const handle = bindHandle('127.0.0.1', 0, false);
  if (typeof handle === 'number') throw new Error(`cannot bind: ${handle}`);
  plane.listen(handle, options.door ?? { kind: 'stream', key: 'gateway' });
  test.after(() => {
    plane.beginDrain();
    plane.close();
  });
  return { plane, port: portOf(handle) };
}

/** A TCP server that gives each connection to `serve`. */
export async function startServer(
  test: TestScope,
  serve: (socket: Socket) => void,
): Promise<{ readonly port: number; readonly server: Server; readonly sockets: Set<Socket> }> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    serve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(async () => {
    for (const socket of sockets) socket.destroy();
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  });
  return { port: (server.address() as AddressInfo).port, server, sockets };
}

/** What an upstream saw, connection by connection, and its answer to every request: 200 and `ok`. */
export class Recorder {
  /** Everything that came, Latin-1. */
  seen = '';
  requests = 0;
  #pending = '';

  serve(socket: Socket): void {
    this.#pending = '';
    socket.on('data', (bytes: Buffer) => {
      const text = bytes.toString('latin1');
      this.seen += text;
      this.#pending += text;
      for (let length = wholeRequest(this.#pending); length > 0; length = wholeRequest(this.#pending)) {
        this.#pending = this.#pending.slice(length);
        this.requests++;
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      }
    });
    socket.on('end', () => socket.end());
  }
}

/** The length of the request that `text` begins with as our own proxy frames it, 0 while it is not whole. */
function wholeRequest(text: string): number {
  const headEnd = text.indexOf('\r\n\r\n') + 4;
  if (headEnd < 4) return 0;
  const head = text.slice(0, headEnd);
  if (head.includes('Transfer-Encoding: chunked\r\n')) {
    const end = /(?:^|\r\n)0\r\n(?:[^\r\n]+\r\n)*\r\n/.exec(text.slice(headEnd));
    return end === null ? 0 : headEnd + end.index + end[0].length;
  }
  const length = Number(/\r\nContent-Length: ([0-9]+)\r\n/.exec(head)?.[1] ?? 0);
  return text.length >= headEnd + length ? headEnd + length : 0;
}

/** Sends octets, in the given pieces, and collects the answer until the server ends, `until` fits it, or `timeoutMs`. */
export async function talk(
  port: number,
  pieces: readonly (string | Buffer)[],
  options: { until?: (answer: string) => boolean; end?: boolean } = {},
): Promise<{ readonly answer: string; readonly closed: boolean }> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let answer = '';
  let closed = false;
  const over = new Promise<void>((resolve) => {
    socket.on('data', (bytes) => {
      answer += bytes.toString('latin1');
      if (options.until?.(answer) === true) resolve();
    });
    socket.on('error', () => undefined);
    for (const event of ['end', 'close']) {
      socket.on(event, () => {
        closed = true;
        resolve();
      });
    }
  });
  await once(socket, 'connect');
  for (const piece of pieces) {
    if (pieces.length > 1) await new Promise((resolve) => setImmediate(resolve));
    if (!socket.destroyed) socket.write(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece);
  }
  if (options.end === true) socket.end();
  await over;
  socket.destroy();
  return { answer, closed };
}

/** The first whole response of `text`, with `Content-Length`, is there. */
export function oneResponse(text: string): boolean {
  const headEnd = text.indexOf('\r\n\r\n') + 4;
  if (headEnd < 4) return false;
  const length = Number(/\r\nContent-Length: ([0-9]+)\r\n/i.exec(text.slice(0, headEnd))?.[1] ?? 0);
  return text.length >= headEnd + length;
}

export function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 ([0-9]{3})/.exec(answer)?.[1] ?? 0);
}

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { getSystemErrorName } from 'node:util';
import { Fault } from '@portolan/core/base/fault.ts';
import type { Diagnostic } from '@portolan/core/traffic/model.ts';
import type { Logger } from 'pino';
import type { Bind, ListenerRegistry } from '../contract.ts';
import { type OriginGuard, originGuard } from '../guard/origin-guard.ts';
import type { GatewayView } from './gateway.ts';
import type { InheritedSockets } from './inherited-sockets.ts';
import { bindHandle, type ListeningHandle, portOf } from './listening-handle.ts';
import { mergeClusters, metricsText } from './metrics-text.ts';

export interface AdminServer {
  /** Where it listens, and with what. */
  readonly bind: Bind;
  readonly handle: ListeningHandle;
  close(): Promise<void>;
}

interface Page {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const maxConnections = 64;

/**
 * The listener `proxy-admin`: `/livez`, `/readyz` (also `/ready`), `/config_dump`, `/clusters`, `/stats`, `/metrics`. Reads only.
 * Throws a `Fault` when it cannot be bound.
 */
export async function adminServer(
  view: GatewayView,
  bind: Bind,
  options: {
    readonly log: Logger;
    readonly listeners: ListenerRegistry;
    /** By which it may be called besides IP literals, `localhost`, `*.localhost` and `*.consul`. */
    readonly hostNames: readonly string[];
    /** Of a predecessor. */
    readonly inherited: InheritedSockets | undefined;
  },
): Promise<AdminServer> {
  const guard = originGuard(options.hostNames);
  const server = createServer((request, response) => {
    answer(view, guard, request, response).catch((thrown) => {
      options.log.error({ err: thrown }, 'an admin request failed');
      response.destroy();
    });
  });
  server.maxConnections = maxConnections;
  server.headersTimeout = 5_000;
  server.requestTimeout = 5_000;
  const handle =
    options.inherited?.take('proxy-admin', bind)?.handles[0] ?? bindHandle(bind.address, bind.port, false);
  if (typeof handle === 'number') throw taken(getSystemErrorName(handle));
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(taken(cause.message)));
    // Node takes a bare TCP handle as well as a server that has one; its types only know the latter.
    server.listen(handle as never, resolve);
  });
  const port = portOf(handle);
  const withdraw = options.listeners.announce({
    name: 'proxy-admin',
    address: bind.address,
    port,
    protocols: ['http'],
  });
  return {
    bind: { address: bind.address, port },
    handle,
    close() {
      withdraw();
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function answer(
  view: GatewayView,
  guard: OriginGuard,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [path = '', query = ''] = (request.url ?? '').split('?', 2);
  const refusal = guard.refusal(request);
  const reads = request.method === 'GET' || request.method === 'HEAD';
  let page: Page;
  if (refusal !== undefined) page = text(403, refusal);
  else if (reads) page = await pageOf(view, path, new URLSearchParams(query));
  else page = text(405, 'only GET is answered here');
  response.writeHead(page.status, {
    'content-type': page.type,
    'content-length': Buffer.byteLength(page.body),
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  });
  response.end(request.method === 'HEAD' ? undefined : page.body);
}

async function pageOf(view: GatewayView, path: string, query: URLSearchParams): Promise<Page> {
  switch (path) {
    case '/':
      return text(200, '/livez\n/readyz\n/config_dump\n/clusters\n/stats\n/metrics');
    case '/livez':
      return text(200, 'ok');
    case '/ready':
    case '/readyz': {
      const problems = view.problems();
      const told = query.has('verbose') ? view.diagnostics().map(diagnosticLine) : [];
      const lines = [...(problems.length === 0 ? ['ok'] : problems), ...told];
      return text(problems.length === 0 ? 200 : 503, lines.join('\n'));
    }
    case '/config_dump':
      return json(view.model());
    case '/clusters':
      return json(mergeClusters(await view.reports()));
    case '/stats':
      return json(await view.reports());
    case '/metrics':
      return {
        status: 200,
        type: 'text/plain; version=0.0.4; charset=utf-8',
        body: metricsText(await view.reports()),
      };
    default:
      return text(404, 'no such page; / lists them');
  }
}

function taken(reason: string): Fault {
  return new Fault('conflict', `listener proxy-admin: ${reason}; --listen proxy-admin=ADDR:PORT moves it`);
}

function diagnosticLine({ severity, code, subject, message }: Diagnostic): string {
  return `${severity} ${code} ${subject}: ${message}`;
}

function text(status: number, body: string): Page {
  return { status, type: 'text/plain; charset=utf-8', body: `${body}\n` };
}

function json(value: unknown): Page {
  return { status: 200, type: 'application/json', body: `${JSON.stringify(value, null, 2)}\n` };
}

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { getSystemErrorName } from 'node:util';
import { parseDurationMs } from '@portolan/core/base/duration.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import type { Diagnostic } from '@portolan/core/traffic/model.ts';
import type { Logger } from 'pino';
import type { Bind, ListenerRegistry } from '../contract.ts';
import { type OriginGuard, originGuard } from '../guard/origin-guard.ts';
import type { AdminCommands } from './config.ts';
import type { GatewayView } from './gateway.ts';
import type { InheritedSockets } from './inherited-sockets.ts';
import { bindHandle, type ListeningHandle, portOf } from './listening-handle.ts';
import { mergeClusters, metricsText } from './metrics-text.ts';
import { type MetricsSelection, SeriesBook } from './series-book.ts';
import { type ClusterReport, clusterCounters } from './stats.ts';
import { withoutSecrets } from './without-secrets.ts';

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

interface Admin {
  readonly view: GatewayView;
  readonly commands: AdminCommands | undefined;
  /** Only this machine can connect. */
  readonly local: boolean;
  readonly series: SeriesBook;
}

const maxConnections = 64;

/**
 * The listener `proxy-admin`: see `index`. Throws a `Fault` when it cannot be bound.
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
    /** Undefined: none are taken. */
    readonly commands: AdminCommands | undefined;
  },
): Promise<AdminServer> {
  const guard = originGuard(options.hostNames);
  const admin = {
    view,
    commands: options.commands,
    local: isLoopback(bind.address),
    series: new SeriesBook(),
  };
  const server = createServer((request, response) => {
    answer(admin, guard, request, response).catch((thrown) => {
      options.log.error({ err: thrown }, 'an admin request failed');
      response.destroy();
    });
  });
  server.maxConnections = maxConnections;
  server.headersTimeout = 5_000;
  server.requestTimeout = 5_000;
  const handle =
    options.inherited?.take('proxy-admin', bind)?.handles[0] ?? bindHandle(bind.address, bind.port, false);
  if (typeof handle === 'number') throw taken(bind, getSystemErrorName(handle));
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(taken(bind, cause.message)));
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
  admin: Admin,
  guard: OriginGuard,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [path = '', query = ''] = (request.url ?? '').split('?', 2);
  const { method = '' } = request;
  const parameters = new URLSearchParams(query);
  const refusal = guard.refusal(request);
  if (refusal === undefined && method === 'GET' && path === '/requests') {
    streamRequests(admin.view, parameters, response);
    return;
  }
  let page: Page;
  if (refusal !== undefined) page = text(403, refusal);
  else if (method === 'GET' || method === 'HEAD') page = await pageOf(admin, path, parameters);
  else page = commandOf(admin, `${method} ${path}`, parameters);
  response.writeHead(page.status, {
    'content-type': page.type,
    'content-length': Buffer.byteLength(page.body),
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  });
  response.end(method === 'HEAD' ? undefined : page.body);
}

const index = `/livez
/readyz                     ?verbose: with what registrants did not get
/config_dump                the model, without secrets
/clusters                   health and figures; ?format=text
/stats                      each worker's figures
/workers                    each worker's memory and connections
/metrics                    Prometheus; ?clusters=total, ?clusters=NAME,NAME
/requests                   requests as they end, JSON lines; ?seconds=10
PUT /log-level?level=debug
POST /reload
POST /drain?grace=10s`;

async function pageOf({ view, series }: Admin, path: string, query: URLSearchParams): Promise<Page> {
  switch (path) {
    case '/':
      return text(200, index);
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
      return json(withoutSecrets(view.model()));
    case '/clusters': {
      const clusters = mergeClusters(await view.reports());
      return query.get('format') === 'text' ? text(200, clustersText(clusters)) : json(clusters);
    }
    case '/stats':
      return json(await view.reports());
    case '/workers':
      return json((await view.reports()).map(({ clusters: _, routes: __, ...worker }) => worker));
    case '/metrics':
      return {
        status: 200,
        type: 'text/plain; version=0.0.4; charset=utf-8',
        body: metricsText(await view.reports(), series, selectionOf(query.get('clusters'))),
      };
    default:
      return text(404, 'no such page; / lists them');
  }
}

/** What changes something: only where nobody but this machine can ask for it. */
function commandOf({ commands, local }: Admin, what: string, query: URLSearchParams): Page {
  const known = ['PUT /log-level', 'POST /reload', 'POST /drain'].includes(what);
  if (!known) return text(405, 'this page is only read');
  if (!local) {
    return text(
      403,
      "commands are taken on a loopback address only; 'portolan gateway' gives them on the machine itself",
    );
  }
  if (commands === undefined) return text(501, 'this gateway takes no commands');
  try {
    switch (what) {
      case 'PUT /log-level':
        commands.setLogLevel(query.get('level') ?? '');
        return text(200, 'ok');
      case 'POST /reload':
        commands.reload();
        return text(202, 'the workers are replaced one by one');
      default:
        commands.drain(parseDurationMs(query.get('grace') ?? '0s') ?? 0);
        return text(202, 'draining');
    }
  } catch (thrown) {
    const fault = Fault.from(thrown);
    return text(fault.code === 'invalid' ? 400 : 500, fault.message);
  }
}

function selectionOf(clusters: string | null): MetricsSelection {
  if (clusters === null) return {};
  return { clusters: clusters === 'total' ? 'total' : new Set(clusters.split(',')) };
}

const defaultSampleSeconds = 10;
const maxSampleSeconds = 600;
/** Of whoever does not read as fast as requests come. */
const maxSampleBytes = 1_048_576;

function streamRequests(view: GatewayView, query: URLSearchParams, response: ServerResponse): void {
  const seconds = Math.min(Number(query.get('seconds') ?? defaultSampleSeconds) || 0, maxSampleSeconds);
  response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
  response.flushHeaders();
  const unwatch = view.watchRequests((lines) => {
    if (response.writableLength < maxSampleBytes) response.write(`${lines.join('\n')}\n`);
  });
  const timer = setTimeout(() => response.end(), seconds * 1_000);
  response.on('close', () => {
    clearTimeout(timer);
    unwatch();
  });
}

function clustersText(clusters: readonly ClusterReport[]): string {
  return clusters
    .flatMap(({ name, busy, pending, counts, endpoints }) => [
      `${name} busy=${busy} pending=${pending} ${clusterCounters
        .flatMap((counter, at) => ((counts[at] ?? 0) === 0 ? [] : [`${counter}=${counts[at]}`]))
        .join(' ')}`.trimEnd(),
      ...endpoints.map(
        (one) =>
          `  ${one.address}:${one.port} ${one.state} weight=${one.weight} requests=${one.requests} failures=${one.failures} ejections=${one.ejections} busy=${one.busy} idle=${one.idle}`,
      ),
    ])
    .join('\n');
}

function taken({ address, port }: Bind, reason: string): Fault {
  return new Fault(
    'conflict',
    `listener proxy-admin: ${address}:${port} cannot be bound (${reason}); --listen proxy-admin=ADDR:PORT moves it`,
  );
}

function diagnosticLine({ severity, code, subject, message }: Diagnostic): string {
  return `${severity} ${code} ${subject}: ${message}`;
}

function text(status: number, body: string): Page {
  return { status, type: 'text/plain; charset=utf-8', body: `${body}\n` };
}

/** RFC 6890's loopback blocks. */
function isLoopback(address: string): boolean {
  return address === '::1' || /^127\./.test(address);
}

function json(value: unknown): Page {
  return { status: 200, type: 'application/json', body: `${JSON.stringify(value, null, 2)}\n` };
}

import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Cluster, Endpoint, TrafficMessage } from '@portolan/core/traffic/model.ts';
import { edgeTable } from '@portolan/core/traffic/route.ts';
import type { ListenerRegistry } from '@portolan/server/contract.ts';
import { systemClock } from '@portolan/server/engine/system-clock.ts';
import { createListenerRegistry } from '@portolan/server/listeners.ts';
import { createLog } from '@portolan/server/log.ts';
import { gatewayPart } from '@portolan/server/proxy/gateway.ts';
import type { TracingConfig } from '@portolan/server/proxy/tracing/config.ts';
import { launchProgram, type Program, type TestScope } from '@portolan/testkit/launch-program.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';

/** A control plane that says what a test tells it, over the real stream protocol. */
export class FakeControlPlane {
  readonly #readers = new Set<ServerResponse>();
  readonly #server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    this.#readers.add(response);
    response.on('close', () => this.#readers.delete(response));
    response.write(`${JSON.stringify(this.#model)}\n`);
  });
  #model: TrafficMessage;

  constructor(model: TrafficMessage) {
    this.#model = model;
  }

  get readers(): number {
    return this.#readers.size;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async start(port = 0): Promise<void> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** The whole model anew, as an update. */
  push(model: TrafficMessage): void {
    this.#model = model;
    for (const reader of this.#readers) reader.write(`${JSON.stringify({ ...model, type: 'snapshot' })}\n`);
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    for (const reader of this.#readers) reader.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

export interface Rig {
  readonly control: FakeControlPlane;
  readonly gateway: ReturnType<typeof gatewayPart>;
  /** Of the HTTP listener. */
  readonly port: number;
  /** Of the TLS listener; 0: there is none. */
  readonly tlsPort: number;
  readonly admin: string;
  readonly listeners: ListenerRegistry;
  readonly stateDir: string;
  /** Stops the gateway; once. */
  stop(deadlineMs?: number): Promise<void>;
}

export interface RigOptions {
  /** Default 2. */
  readonly workers?: number;
  readonly accessLog?: string;
  readonly accessLogFormat?: string;
  readonly tracing?: TracingConfig;
  readonly stateDir?: string;
  /** Of the control plane; default: the fake one. */
  readonly server?: string;
  /** Opens the listener `gateway-tls`, too. */
  readonly tls?: boolean;
}

/** A real gateway, its workers in processes of their own, fed by a fake control plane. */
export async function startRig(
  test: TestScope,
  model: TrafficMessage,
  options: RigOptions = {},
): Promise<Rig> {
  const directory = options.stateDir === undefined ? tempDir('gateway') : undefined;
  const stateDir = options.stateDir ?? join(directory?.path ?? '', 'state');
  const control = new FakeControlPlane(model);
  if (options.server === undefined) await control.start();
  const listeners = createListenerRegistry();
  const context = {
    clock: systemClock,
    random: Math.random,
    log: createLog({ level: 'fatal', format: 'json' }),
    listeners,
  };
  const gateway = gatewayPart(context, {
    http: { address: '127.0.0.1', port: 0 },
    admin: { address: '127.0.0.1', port: 0 },
    ...(options.tls === true ? { tls: { address: '127.0.0.1', port: 0 } } : {}),
    workers: options.workers ?? 2,
    servers: [options.server ?? control.url],
    stateDir,
    accessLog: options.accessLog ?? 'off',
    accessLogFormat: options.accessLogFormat ?? 'json',
    ...(options.tracing === undefined ? {} : { tracing: options.tracing }),
  });
  await gateway.start();
  let stopped: Promise<void> | undefined;
  const stop = (deadlineMs = 5_000): Promise<void> => {
    stopped ??= gateway.stop(deadlineMs);
    return stopped;
  };
  test.after(async () => {
    await stop(500);
    await control.stop();
    directory?.remove();
  });
  const portOf = (name: string): number => listeners.list().find((one) => one.name === name)?.port ?? 0;
  const [port, tlsPort] = [portOf('gateway'), portOf('gateway-tls')];
  const admin = `http://127.0.0.1:${portOf('proxy-admin')}`;
  return { control, gateway, port, tlsPort, admin, listeners, stateDir, stop };
}

const upstreamProgram = `
import { createServer } from 'node:http';
const [name, port] = process.argv.slice(-2);
const server = createServer((request, response) => {
  if (request.url === '/status/500') response.writeHead(500);
  request.on('data', () => undefined).on('end', () => response.end(name + ' ' + process.pid));
});
server.keepAliveTimeout = 60_000;
server.listen(Number(port), '127.0.0.1', () => console.log('listening on ' + server.address().port));
`;

export interface Upstream extends Program {
  readonly port: number;
}

/** An instance in a process of its own, so that it can be killed. */
export async function launchUpstream(test: TestScope, name: string, port = 0): Promise<Upstream> {
  const program = await launchProgram({
    command: process.execPath,
    args: ['--input-type=module', '--eval', upstreamProgram, '--', name, String(port)],
    ready: /listening on/,
    test,
  });
  return Object.assign(program, { port: Number(/listening on ([0-9]+)/.exec(program.output())?.[1]) });
}

export function endpointAt(port: number, overrides: Partial<Endpoint> = {}): Endpoint {
  return {
    ...{ id: `node/${port}`, address: '127.0.0.1', port, weight: 1, state: 'healthy', labels: {} },
    ...overrides,
  };
}

/** A model of services: each is at `<name>.localhost`; one with a port of its own is also exposed as TCP there. */
export function modelOf(
  services: Readonly<Record<string, readonly Endpoint[]>>,
  options: { tcp?: Readonly<Record<string, number>>; revision?: number } = {},
): TrafficMessage {
  const names = Object.keys(services);
  return {
    type: 'snapshot',
    revision: options.revision ?? 1,
    certificates: { put: [], remove: [] },
    tlsHosts: { put: [], remove: [] },
    listeners: {
      put: [
        { name: 'gateway', protocol: 'http', bind: 'gateway', table: edgeTable },
        ...Object.entries(options.tcp ?? {}).map(
          ([cluster, port]) =>
            ({
              name: `tcp/${cluster}`,
              protocol: 'tcp',
              bind: { port },
              targets: [{ weight: 1, cluster }],
            }) as const,
        ),
      ],
      remove: [],
    },
    virtualHosts: {
      put: names.map((name) => ({
        name,
        table: edgeTable,
        domains: [`${name}.localhost`],
        routes: [
          {
            name,
            match: { path: { type: 'prefix', value: '/' } },
            action: { type: 'forward', targets: [{ weight: 1, cluster: name }] },
            timeoutMs: 0,
            retry: { retries: 2, on: ['connect-failure', 'reset-before-response'], perTryTimeoutMs: 0 },
          },
        ],
      })),
      remove: [],
    },
    clusters: { put: names.map((name) => clusterOf(name, services[name] ?? [])), remove: [] },
  };
}

function clusterOf(name: string, endpoints: readonly Endpoint[]): Cluster {
  return {
    ...{ name, endpoints, connectTimeoutMs: 1_000, maxConnections: 1_024, maxPendingRequests: 1_024 },
    balance: { policy: 'round-robin' },
    outlier: {
      consecutiveLocalFailures: 5,
      consecutive5xx: 5,
      baseEjectionMs: 30_000,
      maxEjectionMs: 300_000,
      maxEjectionPercent: 10,
    },
  };
}

/** As a program of its own: for tests that kill the supervisor. */
if (import.meta.main && process.argv.includes('--serve')) {
  const rig = await startRig({ after: () => undefined }, modelOf({}));
  const stats = (await (await fetch(`${rig.admin}/stats`)).json()) as { pid: number }[];
  console.log(`serving on ${rig.port} with ${stats.map((worker) => worker.pid)}`);
}

import { Fault } from '@portolan/core/base/fault.ts';
import { createCatalog } from '@portolan/core/catalog/catalog.ts';
import { createPlanner } from '@portolan/core/traffic/plan.ts';
import { pino } from 'pino';
import type { Context, Engine, HealthReports, Identity, ListenerAddress } from '../../contract.ts';
import { systemClock } from '../../engine/system-clock.ts';
import { createEngine } from '../../engine.ts';
import { createHttpListener } from '../../http/listener.ts';
import { LogStream } from '../../log-stream.ts';
import { memoryStore } from '../../store/store-memory.ts';
import { type ConsulConfig, defaultConsulConfig } from './config.ts';
import { consulFrontend } from './frontend.ts';

/** This dialect over real HTTP, with the real engine over a memory store; for tests. */
export interface TestServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly engine: Engine;
  readonly context: Context;
  request(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<TestAnswer>;
  get(path: string): Promise<TestAnswer>;
  put(path: string, body?: unknown): Promise<TestAnswer>;
  /** Stops the frontend, then the listener, as the server does. */
  stop(): Promise<void>;
}

export interface TestAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Throws where the text is not JSON. */
  readonly json: unknown;
  /** `X-Consul-Index`. */
  readonly index: number;
}

export const testIdentity: Identity = {
  node: 'node-1',
  nodeId: '6f1d2b0c-0000-4000-8000-000000000001',
  datacenter: 'dc1',
  address: '127.0.0.1',
  version: '0.1.0',
};

/** The port that clients are told, whatever the real one is, so that answers are the same in every run. */
const toldPort = 8500;

export async function startTestServer(
  options: { config?: Partial<ConsulConfig>; allowedHosts?: readonly string[]; health?: HealthReports } = {},
): Promise<TestServer> {
  const shown = process.env.PORTOLAN_TEST_LOG ?? 'silent';
  const log = pino(
    { level: 'debug', base: null, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: named } },
    new LogStream({ write: (line) => void (shown !== 'silent' && process.stderr.write(line)) }),
  );
  const clock = systemClock;
  const engine = createEngine({
    store: memoryStore(),
    catalog: createCatalog(),
    planner: createPlanner({ gatewayDomain: 'localhost' }),
    clock,
    log,
  });
  await engine.start();
  let bound: ListenerAddress | undefined;
  const listeners = {
    announce: (listener: ListenerAddress) => {
      bound = listener;
      return () => {};
    },
    list: () => (bound === undefined ? [] : [{ ...bound, port: toldPort }]),
  };
  const http = createHttpListener({
    bind: { address: '127.0.0.1', port: 0 },
    nodeName: testIdentity.node,
    allowedHosts: options.allowedHosts ?? [],
    log,
    clock,
    listeners,
  });
  const health = options.health ?? reportsWrittenDirectly(engine);
  const context: Context = {
    engine,
    identity: testIdentity,
    clock,
    random: () => 0,
    log,
    http,
    health,
    listeners,
  };
  const frontend = consulFrontend(context, { ...defaultConsulConfig, ...options.config });
  await http.start();
  await frontend.start();
  const port = (bound as ListenerAddress | undefined)?.port ?? 0;
  const url = `http://127.0.0.1:${port}`;

  async function request(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<TestAnswer> {
    const sent = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    const response = await fetch(url + path, {
      method,
      headers,
      redirect: 'manual',
      ...(sent === undefined ? {} : { body: sent }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      text,
      get json() {
        return JSON.parse(text);
      },
      index: Number(response.headers.get('x-consul-index')),
    };
  }

  let stopped: Promise<void> | undefined;
  async function stop(): Promise<void> {
    await frontend.stop(1_000);
    await http.stop(1_000);
    await engine.stop();
  }

  return {
    url,
    port,
    engine,
    context,
    request,
    get: (path) => request('GET', path),
    put: (path, body) => request('PUT', path, body),
    stop: () => (stopped ??= stop()),
    [Symbol.asyncDispose]: () => (stopped ??= stop()),
  };
}

const named = (label: string) => ({ level: label });

/** TTL reports without a runner behind them: the status is written, nothing expires. */
function reportsWrittenDirectly(engine: Engine): HealthReports {
  return {
    report: (node, checkId, status, output) =>
      engine.submit((draft) => {
        const check = draft.check(node, checkId)?.record;
        if (check === undefined) throw new Fault('not-found', `no check ${checkId}`);
        if (check.definition?.probe.type !== 'ttl') {
          throw new Fault('invalid', `CheckID "${checkId}" does not have associated TTL`);
        }
        draft.put({ ...check, status, output });
      }),
    outputOf: () => undefined,
  };
}

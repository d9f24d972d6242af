import { Agent, request } from 'node:http';
import { launchPortolan } from '@portolan/testkit/launch-portolan.ts';
import { launchProgram, type TestScope } from '@portolan/testkit/launch-program.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { failed, percentile, type Sample, SteadyLoad } from './steady-load.ts';

export interface ChurnOptions {
  readonly seconds: number;
  readonly changesPerSecond: number;
  readonly requestsPerSecond: number;
}

export interface ChurnFigures {
  /** Registrations and deregistrations that the server confirmed. */
  readonly changes: number;
  readonly requests: number;
  readonly failures: readonly Sample[];
  /** Without changes, the same load, just before and just after. */
  readonly quietP99Ms: number;
  readonly p99Ms: number;
  readonly quietP50Ms: number;
  readonly p50Ms: number;
}

/** Instances that exist; half of them, more or less, are registered at any time. */
const instances = 40;

const poolProgram = `
import { createServer } from 'node:http';
const ports = [];
for (let index = 0; index < ${instances}; index++) {
  const server = createServer((request, response) => response.end('ok'));
  server.keepAliveTimeout = 60_000;
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  ports.push(server.address().port);
}
console.log('ports ' + ports.join(' ') + ' end');
`;

/**
 * A whole server with a gateway of two workers, and one service whose instances come and go by its API while it is called. An instance that was
 * deregistered answers on, as one does that shuts down in good order.
 */
export async function measureChurn(scope: TestScope, options: ChurnOptions): Promise<ChurnFigures> {
  const pool = await launchProgram({
    command: process.execPath,
    args: ['--input-type=module', '--eval', poolProgram],
    ready: / end$/m,
    test: scope,
  });
  const ports = (/ports ([0-9 ]+) end/.exec(pool.output())?.[1] ?? '').split(' ').map(Number);
  const server = await launchPortolan({ test: scope, args: ['--gateway-workers', '2'] });
  const registry = new Registrar(server.url, ports);
  for (let index = 0; index < instances / 2; index++) await registry.flip(index);
  const port = server.port('gateway');
  await waitUntil(async () => (await get(port)) === 200);

  const { seconds, requestsPerSecond: perSecond } = options;
  const load = new SteadyLoad({ port, host: 'web.localhost', perSecond, patienceMs: 10_000 });
  const warmUpMs = Math.min(3_000, seconds * 500);
  const quietMs = Math.min(20, seconds / 2) * 1_000;
  await sleep(warmUpMs + quietMs);
  const startMs = performance.now();
  const changes = await registry.churn(options.changesPerSecond, seconds * 1_000);
  const endMs = performance.now();
  await sleep(quietMs);
  await load.stop();
  registry.close();
  const quiet = [...load.between(startMs - quietMs, startMs), ...load.between(endMs + 500, endMs + quietMs)];
  const during = load.between(startMs, endMs);
  return {
    ...{ changes, requests: during.length, failures: during.filter(failed) },
    ...{ quietP99Ms: percentile(quiet, 99), p99Ms: percentile(during, 99) },
    ...{ quietP50Ms: percentile(quiet, 50), p50Ms: percentile(during, 50) },
  };
}

/** Registers and deregisters instances of the service `web`. */
class Registrar {
  readonly #url: URL;
  readonly #ports: readonly number[];
  readonly #registered = new Set<number>();
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 8 });

  constructor(url: string, ports: readonly number[]) {
    this.#url = new URL(url);
    this.#ports = ports;
  }

  /** Puts an instance in that is out, or takes it out. */
  async flip(index: number): Promise<void> {
    const id = `web-${index}`;
    const goes = this.#registered.has(index);
    if (goes) this.#registered.delete(index);
    else this.#registered.add(index);
    const path = goes ? `/v1/agent/service/deregister/${id}` : '/v1/agent/service/register';
    const body = { ID: id, Name: 'web', Address: '127.0.0.1', Port: this.#ports[index], Tags: ['http'] };
    await this.#put(path, goes ? '' : JSON.stringify(body));
  }

  /** Changes at a steady rate; at least a quarter of the instances is always in. Returns how many were confirmed. */
  async churn(perSecond: number, durationMs: number): Promise<number> {
    const startMs = performance.now();
    const confirmed: Promise<void>[] = [];
    while (performance.now() - startMs < durationMs) {
      const due = ((performance.now() - startMs) * perSecond) / 1_000;
      while (confirmed.length < due) confirmed.push(this.flip(this.#next(confirmed.length)));
      await sleep(2);
    }
    await Promise.all(confirmed);
    return confirmed.length;
  }

  close(): void {
    this.#agent.destroy();
  }

  #next(turn: number): number {
    const index = (turn * 7) % instances;
    const few = this.#registered.size <= instances / 4;
    if (!few || !this.#registered.has(index)) return index;
    return this.#ports.findIndex((_, other) => !this.#registered.has(other));
  }

  #put(path: string, body: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const { hostname, port } = this.#url;
      const asked = request({ agent: this.#agent, host: hostname, port, path, method: 'PUT' }, (answer) => {
        answer.resume();
        answer.on('end', () => {
          if (answer.statusCode === 200) resolve();
          else reject(new Error(`${path}: ${answer.statusCode}`));
        });
      });
      asked.on('error', reject);
      asked.end(body);
    });
  }
}

function get(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request({ port, host: '127.0.0.1', headers: { Host: 'web.localhost' } }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode ?? 0));
    });
    asked.on('error', reject);
    asked.end();
  });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

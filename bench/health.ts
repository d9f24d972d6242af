import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { noLabels } from '@portolan/core/base/labels.ts';
import { createCatalog } from '@portolan/core/catalog/catalog.ts';
import type { CatalogRecord } from '@portolan/core/catalog/records.ts';
import { createPlanner } from '@portolan/core/traffic/plan.ts';
import { systemClock } from '@portolan/server/engine/system-clock.ts';
import { createEngine } from '@portolan/server/engine.ts';
import { defaultHealthConfig } from '@portolan/server/health/config.ts';
import { createHealth } from '@portolan/server/health/health.ts';
import { createLog } from '@portolan/server/log.ts';
import { memoryStore } from '@portolan/server/store/store-memory.ts';

/** What 10,000 HTTP checks with an interval of ten seconds cost the process that runs them. */

const checks = 10_000;
const intervalMs = 10_000;
const windowMs = 10_000;
const listeners = 4;
/** A third of one core over 1,000 checks a second. */
const targetMicrosPerCheck = 330;

interface Figures {
  readonly cpuShare: number;
  readonly rssMb: number;
}

export async function healthBench(): Promise<void> {
  const targets = start('--targets');
  const checker = start('--checker');
  try {
    const ports = await ask<number[]>(targets, 'listen');
    await ask(checker, { ports });
    // One interval, so that every check has run and found its rhythm.
    await sleep(intervalMs + 1_000);
    const before = await ask<number>(targets, 'count');
    const figures = await ask<Figures>(checker, 'measure');
    const probes = (await ask<number>(targets, 'count')) - before;
    print(figures, probes);
  } finally {
    targets.kill();
    checker.kill();
  }
}

function print({ cpuShare, rssMb }: Figures, probes: number): void {
  const micros = (cpuShare * windowMs * 1_000) / probes;
  console.log(`${checks} HTTP checks every ${intervalMs / 1_000} s, measured for ${windowMs / 1_000} s:`);
  console.table({
    'share of one core': { measured: `${(cpuShare * 100).toFixed(1)} %`, target: '< 33 %' },
    'CPU per check': { measured: `${micros.toFixed(0)} µs`, target: `< ${targetMicrosPerCheck} µs` },
    'checks a second': {
      measured: `${Math.round(probes / (windowMs / 1_000))}`,
      target: `${(checks * 1_000) / intervalMs}`,
    },
    'resident memory': { measured: `${rssMb.toFixed(0)} MB`, target: '' },
  });
}

function start(role: string): ChildProcess {
  return fork(fileURLToPath(import.meta.url), [role], { stdio: 'inherit' });
}

async function ask<T = unknown>(child: ChildProcess, question: unknown): Promise<T> {
  child.send(question as object);
  const [answer] = await once(child, 'message');
  return answer as T;
}

async function runTargets(): Promise<void> {
  let count = 0;
  const ports: number[] = [];
  for (let index = 0; index < listeners; index += 1) {
    const server = createServer((_request, response) => {
      count += 1;
      response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"status":"UP"}');
    });
    server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 });
    await once(server, 'listening');
    ports.push((server.address() as AddressInfo).port);
  }
  process.on('message', (question) => process.send?.(question === 'listen' ? ports : count));
}

async function runChecker(): Promise<void> {
  const log = createLog({ level: 'warn', format: 'json' });
  const engine = createEngine({
    store: memoryStore(),
    catalog: createCatalog(),
    planner: createPlanner({ gatewayDomain: 'localhost' }),
    clock: systemClock,
    log,
  });
  await engine.start();
  const health = createHealth(
    { engine, identity: { node: 'n1' }, clock: systemClock, random: Math.random, log },
    defaultHealthConfig,
  );
  process.on('message', (question: { ports: number[] } | 'measure') => {
    void (question === 'measure' ? measure() : prepare(question.ports)).then((answer) =>
      process.send?.(answer),
    );
  });

  async function prepare(ports: readonly number[]): Promise<string> {
    await engine.submit((draft) => {
      draft.put(node);
      for (let index = 0; index < checks; index += 1) {
        for (const record of recordsOf(index, ports[index % ports.length] ?? 0)) draft.put(record);
      }
    });
    await health.start();
    return 'started';
  }
}

async function measure(): Promise<Figures> {
  const before = process.cpuUsage();
  const startedAtMs = performance.now();
  await sleep(windowMs);
  const { user, system } = process.cpuUsage(before);
  const wallMs = performance.now() - startedAtMs;
  return { cpuShare: (user + system) / 1_000 / wallMs, rssMb: process.memoryUsage.rss() / 2 ** 20 };
}

const origin = { dialect: 'consul', source: 'agent', node: 'n1' };
const node: CatalogRecord = {
  kind: 'node',
  name: 'n1',
  id: '',
  address: '127.0.0.1',
  datacenter: 'dc1',
  taggedAddresses: noLabels,
  metadata: noLabels,
  adminState: 'in-service',
  adminReason: '',
  origin,
};

function recordsOf(index: number, port: number): CatalogRecord[] {
  const service = `service-${index % 1_000}`;
  const id = `${service}-${index}`;
  return [
    {
      kind: 'instance',
      namespace: 'default',
      service,
      node: 'n1',
      id,
      address: '127.0.0.1',
      port,
      tags: [],
      metadata: noLabels,
      taggedAddresses: {},
      weights: { passing: 1, warning: 1 },
      adminState: 'in-service',
      adminReason: '',
      enableTagOverride: false,
      origin,
    },
    {
      kind: 'check',
      node: 'n1',
      id: `service:${id}`,
      name: `Service '${service}' check`,
      status: 'critical',
      output: '',
      notes: '',
      instance: { namespace: 'default', service, id },
      definition: {
        probe: {
          type: 'http',
          url: `http://127.0.0.1:${port}/actuator/health?instance=${index}`,
          method: '',
          headers: {},
          body: '',
          tlsServerName: '',
          tlsSkipVerify: false,
        },
        intervalMs,
        timeoutMs: 0,
        successBeforePassing: 0,
        failuresBeforeWarning: 0,
        failuresBeforeCritical: 0,
        deregisterAfterMs: 0,
      },
      origin,
    },
  ];
}

if (process.argv[2] === '--targets') await runTargets();
else if (process.argv[2] === '--checker') await runChecker();

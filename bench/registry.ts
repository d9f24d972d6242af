import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort } from '@portolan/testkit/free-port.ts';
import { launchEtcd } from '@portolan/testkit/launch-etcd.ts';
import { launchProgram, type Program } from '@portolan/testkit/launch-program.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import type { LoadOptions, LoadResult } from './http-load.ts';
import { processCost } from './process-cost.ts';

const run = promisify(execFile);
const loadScript = fileURLToPath(import.meta.resolve('./http-load.ts'));
const launcher = fileURLToPath(import.meta.resolve('../packages/cli/bin/portolan.mjs'));
const connectionCounts = [1, 64, 512];
const durationMs = 4_000;
const warmUpMs = 1_000;

interface Contender {
  readonly name: string;
  readonly target: LoadOptions['target'];
  readonly port: number;
  readonly program: Program;
}

interface Row {
  readonly name: string;
  readonly connections: number;
  readonly load: LoadResult;
  readonly cpuUsPerRequest: number;
  readonly rssMb: number;
}

/**
 * Durable registrations a second: a PUT to Consul's `/v1/agent/service/register` on the embedded store, beside a durable put of the
 * same content to etcd over its JSON gateway. One load generator for both, in its own process, on the same machine.
 */
export async function registryBench(): Promise<void> {
  const rows: Row[] = [];
  for (const launch of [launchPortolan, launchEtcdContender]) {
    const contender = await launch();
    try {
      await measure(contender, 64, warmUpMs, 'warm-up');
      for (const connections of connectionCounts) {
        rows.push(await measure(contender, connections, durationMs, `c${connections}`));
      }
    } finally {
      await contender.program.stop();
    }
  }
  print(rows);
}

async function launchPortolan(): Promise<Contender> {
  const directory = tempDir('bench-registry');
  const port = await freePort();
  const off = ['dns', 'gateway', 'proxy-admin'].flatMap((name) => ['--listen', `${name}=off`]);
  const program = await launchProgram({
    command: process.execPath,
    args: [launcher, 'server', '--data-dir', directory.path, '--listen', `http=127.0.0.1:${port}`, ...off],
    ready: async () => (await fetch(`http://127.0.0.1:${port}/v1/status/leader`)).ok,
    cleanUp: () => directory.remove(),
  });
  return { name: 'portolan', target: 'register', port, program };
}

async function launchEtcdContender(): Promise<Contender> {
  const etcd = await launchEtcd();
  return { name: 'etcd', target: 'etcd-put', port: etcd.port, program: etcd };
}

async function measure(
  contender: Contender,
  connections: number,
  forMs: number,
  runName: string,
): Promise<Row> {
  const options: LoadOptions = {
    port: contender.port,
    connections,
    durationMs: forMs,
    target: contender.target,
    run: runName,
  };
  const before = processCost(contender.program.pid);
  const { stdout } = await run(process.execPath, [loadScript, JSON.stringify(options)]);
  const after = processCost(contender.program.pid);
  const load = JSON.parse(stdout) as LoadResult;
  return {
    name: contender.name,
    connections,
    load,
    cpuUsPerRequest: ((after.cpuMs - before.cpuMs) * 1000) / load.requests,
    rssMb: after.rssMb,
  };
}

function print(rows: readonly Row[]): void {
  console.log(
    `Durable registrations over HTTP, ${durationMs / 1000} s each, one request under way on each connection`,
  );
  console.table(
    rows.map(({ name, connections, load, cpuUsPerRequest, rssMb }) => ({
      server: name,
      connections,
      'per second': Math.round(load.requests / load.seconds),
      'p50 ms': Number(load.p50Ms.toFixed(2)),
      'p99 ms': Number(load.p99Ms.toFixed(2)),
      'CPU µs each': Math.round(cpuUsPerRequest),
      'RSS MB': Math.round(rssMb),
      failures: load.failures,
    })),
  );
}

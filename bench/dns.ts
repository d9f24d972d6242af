import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { CatalogRecord } from '@portolan/core/catalog/records.ts';
import { instanceRecord, nodeRecord, startDns } from '@portolan/server/outlets/dns/dns.fixture.ts';
import { freePort } from '@portolan/testkit/free-port.ts';
import { launchProgram } from '@portolan/testkit/launch-program.ts';
import { findProgram } from '@portolan/testkit/require-program.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';

/**
 * DNS queries a second and CPU per query: the DNS outlet on one thread against unbound on one thread with the same names as
 * static data, loaded by dnsperf in turn.
 */

const services = 1_000;
const instancesPerService = 3;
const nodes = 50;
const rounds = 3;
const secondsPerRun = 4;
/** dnsperf's clients, each a socket, and queries under way: enough to keep a server busy, few enough that none are lost. */
const clients = 8;
const outstanding = 100;
const latencyQueriesPerSecond = 5_000;
/** Linux counts process times in hundredths of a second. */
const microsecondsPerTick = 10_000;

type QueryType = 'A' | 'SRV';

interface Server {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
}

interface Run {
  readonly queriesPerSecond: number;
  readonly cpuMicroseconds: number;
  readonly lost: number;
}

interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export async function dnsBench(): Promise<void> {
  const dnsperf = findProgram('dnsperf');
  const unbound = findProgram('unbound');
  if (dnsperf === undefined || unbound === undefined) {
    throw new Error('dnsperf and unbound must be installed: apt-get install dnsperf unbound');
  }
  const directory = tempDir('bench-dns');
  const started: AsyncDisposable[] = [];
  try {
    const servers = [await startPortolan(started), await startUnbound(unbound, directory.path, started)];
    const rows: Record<string, Record<string, string | number>> = {};
    for (const type of ['A', 'SRV'] as const) {
      const questions = join(directory.path, `questions-${type}`);
      writeFileSync(questions, questionLines(type));
      for (const [server, runs] of await compare(dnsperf, questions, servers))
        rows[`${type} ${server.name}`] = row(runs, await latency(dnsperf, questions, server));
    }
    console.log(
      `DNS, ${services} services of ${instancesPerService} instances, UDP, median of ${rounds} interleaved runs of ${secondsPerRun} s:`,
    );
    console.table(rows);
  } finally {
    for (const program of started) await program[Symbol.asyncDispose]();
    directory.remove();
  }
}

/** Warms each server up, then runs them in turn. */
async function compare(
  dnsperf: string,
  questions: string,
  servers: readonly Server[],
): Promise<Map<Server, Run[]>> {
  const results = new Map(servers.map((server): [Server, Run[]] => [server, []]));
  for (const server of servers) await load(dnsperf, questions, server, 1);
  for (let round = 0; round < rounds; round++) {
    for (const [server, runs] of results) runs.push(await load(dnsperf, questions, server, secondsPerRun));
  }
  return results;
}

/** As many queries as the server takes. */
async function load(dnsperf: string, questions: string, server: Server, seconds: number): Promise<Run> {
  const before = cpuTicks(server.pid);
  const output = await runLoad(dnsperf, questions, server, ['-l', String(seconds)]);
  const ticks = cpuTicks(server.pid) - before;
  const completed = figure(output, /Queries completed:\s+(\d+)/);
  if (completed === 0 || figure(output, /NOERROR (\d+)/) !== completed) {
    throw new Error(`${server.name} did not answer every query with NOERROR:\n${output}`);
  }
  return {
    queriesPerSecond: figure(output, /Queries per second:\s+([\d.]+)/),
    cpuMicroseconds: (ticks * microsecondsPerTick) / completed,
    lost: figure(output, /Queries lost:\s+(\d+)/),
  };
}

/** At a rate that leaves both sides time: under full load a latency says only how many queries were under way. */
async function latency(dnsperf: string, questions: string, server: Server): Promise<Latency> {
  const rate = ['-l', '2', '-Q', String(latencyQueriesPerSecond), '-v'];
  const output = await runLoad(dnsperf, questions, server, rate);
  // With -v: `> NOERROR service-1.service.consul A 0.000123`, in seconds.
  const times = [...output.matchAll(/^> NOERROR \S+ \S+ ([\d.]+)$/gm)].map(
    (found) => Number(found[1]) * 1_000,
  );
  times.sort((left, right) => left - right);
  const at = (share: number): number => times[Math.floor(share * times.length)] ?? Number.NaN;
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}

async function runLoad(
  dnsperf: string,
  questions: string,
  server: Server,
  more: readonly string[],
): Promise<string> {
  const target = ['-s', '127.0.0.1', '-p', String(server.port), '-d', questions];
  const load = ['-c', String(clients), '-q', String(outstanding), ...more];
  const { stdout } = await promisify(execFile)(dnsperf, [...target, ...load], { maxBuffer: 64 << 20 });
  return stdout;
}

function row(runs: readonly Run[], { p50Ms, p99Ms }: Latency): Record<string, string | number> {
  const middle = (of: (run: Run) => number): number => median(runs.map(of));
  return {
    'queries/s': Math.round(middle((run) => run.queriesPerSecond)),
    'CPU µs/query': middle((run) => run.cpuMicroseconds).toFixed(2),
    'queries/s of one core': Math.round(1e6 / middle((run) => run.cpuMicroseconds)),
    [`p50 ms at ${latencyQueriesPerSecond}/s`]: p50Ms.toFixed(2),
    [`p99 ms at ${latencyQueriesPerSecond}/s`]: p99Ms.toFixed(2),
    lost: runs.reduce((sum, run) => sum + run.lost, 0),
  };
}

/** User and system time of all threads: fields 14 and 15 of proc(5)'s stat, counted after the name in parentheses. */
function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[values.length >> 1] ?? Number.NaN;
}

function figure(output: string, pattern: RegExp): number {
  return Number(pattern.exec(output)?.[1] ?? 0);
}

function questionLines(type: QueryType): string {
  return Array.from({ length: services }, (_, service) => `service-${service}.service.consul ${type}\n`).join(
    '',
  );
}

const nodeAddress = (node: number): string => `10.0.0.${node}`;
const instanceAddress = (service: number, instance: number): string =>
  `10.${instance + 1}.${service >> 8}.${service & 0xff}`;

function catalogRecords(): CatalogRecord[] {
  const records: CatalogRecord[] = [];
  for (let node = 0; node < nodes; node++) records.push(nodeRecord(`node-${node}`, nodeAddress(node)));
  for (let service = 0; service < services; service++) {
    for (let instance = 0; instance < instancesPerService; instance++) {
      const node = `node-${(service + instance) % nodes}`;
      const address = instanceAddress(service, instance);
      records.push(instanceRecord(`service-${service}`, node, `${service}-${instance}`, { address }));
    }
  }
  return records;
}

async function startPortolan(started: AsyncDisposable[]): Promise<Server> {
  const program = await launchProgram({
    command: process.execPath,
    args: [fileURLToPath(import.meta.url), '--serve'],
    ready: /listening on \d+/,
  });
  started.push(program);
  return { name: 'portolan', pid: program.pid, port: figure(program.output(), /listening on (\d+)/) };
}

async function startUnbound(path: string, directory: string, started: AsyncDisposable[]): Promise<Server> {
  const port = await freePort();
  const configuration = join(directory, 'unbound.conf');
  writeFileSync(configuration, unboundConfiguration(port, directory));
  const program = await launchProgram({
    command: path,
    args: ['-d', '-c', configuration],
    ready: /start of service/,
  });
  started.push(program);
  return { name: 'unbound', pid: program.pid, port };
}

function unboundConfiguration(port: number, directory: string): string {
  const data: string[] = [];
  const add = (record: string): void => {
    data.push(`  local-data: "${record}"`);
  };
  for (let service = 0; service < services; service++) {
    const name = `service-${service}.service.consul.`;
    for (let instance = 0; instance < instancesPerService; instance++) {
      const address = instanceAddress(service, instance);
      const target = `${Buffer.from(address.split('.').map(Number)).toString('hex')}.addr.dc1.consul.`;
      add(`${name} 0 IN A ${address}`);
      add(`${name} 0 IN SRV 1 1 80 ${target}`);
      add(`${target} 0 IN A ${address}`);
    }
  }
  return `server:
  interface: 127.0.0.1
  port: ${port}
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "${directory}"
  pidfile: ""
  use-syslog: no
  num-threads: 1
  module-config: "iterator"
  so-rcvbuf: 1m
  so-sndbuf: 1m
  minimal-responses: no
  rrset-roundrobin: yes
  local-zone: "consul." static
${data.join('\n')}
remote-control:
  control-enable: no
`;
}

if (import.meta.main) {
  if (process.argv.includes('--serve')) {
    const rig = await startDns({}, catalogRecords());
    console.log(`listening on ${rig.port}`);
  } else {
    await dnsBench();
  }
}

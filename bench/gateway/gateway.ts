import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { findProgram } from '@portolan/testkit/require-program.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { idleConnections, latencyAt, load, type Run, type Scenario } from './load.ts';
import {
  makeCertificate,
  type Peer,
  type PeerContext,
  startCaddy,
  startEnvoy,
  startGateway,
  startHaproxy,
  startNginx,
  startNodePeer,
  startUpstreams,
} from './peers.ts';
import { median, rssBytes, Scope } from './scope.ts';

/*
 * The gateway with one worker beside other proxies with one worker, thread or process each, in front of the same two upstreams, loaded in
 * turn. What counts is the CPU time that the proxy's processes need for a request, as the operating system measures it; as a ratio, for
 * machines differ and are shared.
 */

const post = 'wrk.method = "POST"\nwrk.body = string.rep("x", 1024)';
const browser = Object.entries({
  'User-Agent':
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36',
  Accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8',
  'Accept-Encoding': 'gzip, deflate, br',
  'Accept-Language': 'en-GB,en;q=0.9',
  Connection: 'keep-alive',
  Cookie: 'session=0123456789abcdef0123456789abcdef; theme=dark',
  Referer: 'http://shop.example/list?page=2',
  'Upgrade-Insecure-Requests': '1',
})
  .map(([name, value]) => `wrk.headers["${name}"] = "${value}"`)
  .join('\n');

const scenarios: readonly Scenario[] = [
  { name: 'GET small', path: '/small', connections: 64 },
  { name: 'GET 1 KiB', path: '/1k', connections: 64 },
  { name: 'GET 64 KiB', path: '/64k', connections: 64 },
  { name: 'POST 1 KiB', path: '/small', connections: 64, script: post },
  { name: 'GET small, 8 more fields', path: '/small', connections: 64, script: browser },
  { name: 'GET small, 1,000 connections', path: '/small', connections: 1_000 },
  {
    name: 'GET small, connection per request',
    path: '/small',
    connections: 64,
    script: 'wrk.headers["Connection"] = "close"',
  },
  { name: 'GET small, TLS', path: '/small', connections: 64, over: 'tls' },
  { name: 'GET small, HTTP/2 over TLS', path: '/small', connections: 8, over: 'h2' },
];

interface Extent {
  readonly rounds: number;
  readonly secondsPerRun: number;
}

const whole: Extent = { rounds: 3, secondsPerRun: 2 };
const quick: Extent = { rounds: 1, secondsPerRun: 1 };
/** Below the gateway's limit for each worker, 10,000. */
const idleCount = 9_500;

/** `--quick` measures once and shortly; `--only=TEXT` only what has it in its name: a scenario, `rate`, `memory`, `workers`. */
export async function gatewayBench(options: readonly string[] = []): Promise<void> {
  if (findProgram('wrk') === undefined) throw new Error('wrk must be installed: apt-get install wrk');
  const extent = options.includes('--quick') ? quick : whole;
  const only = options.find((option) => option.startsWith('--only='))?.slice('--only='.length) ?? '';
  const scope = new Scope();
  const directory = tempDir('bench-gateway');
  try {
    const certificate = await makeCertificate(directory.path);
    const upstreams = await startUpstreams(scope);
    const context = { scope, directory: directory.path, upstreams, certificate };
    const selected = scenarios.filter(({ name }) => name.includes(only));
    // Before the others are there, and on fresh processes: what a load has left behind is not what a connection costs.
    if ('memory'.includes(only) && extent === whole) await memory(context);
    if (selected.length > 0 || 'rate'.includes(only)) {
      const peers = await startPeers(context);
      for (const scenario of selected) await measure(scenario, peers, extent, directory.path);
      if ('rate'.includes(only)) await rates(peers, extent, directory.path);
    }
    if ('workers'.includes(only)) console.log(await twoWorkers(context, directory.path));
  } finally {
    await scope.end();
    directory.remove();
  }
}

async function startPeers(context: PeerContext): Promise<readonly Peer[]> {
  const log = (name: string): string => join(context.directory, name);
  const started = [
    await startNginx(context),
    await startHaproxy(context),
    await startEnvoy(context),
    await startCaddy(context),
    await startNodePeer(context, 'undici'),
    await startNodePeer(context, 'reply-from'),
    await startNodePeer(context, 'http-proxy'),
    await startGateway(context),
    await startNginx(context, log('nginx.log')),
    await startGateway(context, log('portolan.log')),
  ];
  for (const peer of started) if (typeof peer === 'string') console.log(`not measured: ${peer}`);
  return started.filter((peer) => typeof peer !== 'string');
}

async function measure(
  scenario: Scenario,
  all: readonly Peer[],
  { rounds, secondsPerRun }: Extent,
  directory: string,
): Promise<void> {
  const first = scenario === scenarios[0];
  if (scenario.over === 'h2' && findProgram('h2load') === undefined) {
    console.log(`\n${scenario.name}: not measured, h2load is not installed`);
    return;
  }
  const peers = all.filter(
    ({ name, tlsPort }) =>
      (first || !name.includes('log')) && (scenario.over === undefined || tlsPort !== undefined),
  );
  const results = new Map(peers.map((peer): [Peer, Run[]] => [peer, []]));
  for (const peer of peers) await load(scenario, peer, 1, directory);
  for (let round = 0; round < rounds; round++) {
    for (const [peer, runs] of results) runs.push(await load(scenario, peer, secondsPerRun, directory));
  }
  const ours = middle(
    results.get(peers.find(({ name }) => name === 'portolan') as Peer) ?? [],
    'cpuMicroseconds',
  );
  const rows: Record<string, Record<string, string | number>> = {};
  for (const [peer, runs] of results) {
    const cpu = middle(runs, 'cpuMicroseconds');
    rows[peer.name] = {
      'CPU µs/request': cpu.toFixed(1),
      'portolan / it': `${(ours / cpu).toFixed(2)} ×`,
      'requests/s': Math.round(middle(runs, 'requestsPerSecond')),
      'p50 ms': shown(middle(runs, 'p50Ms')),
      'p99 ms': shown(middle(runs, 'p99Ms')),
      errors: runs.map((run) => run.errors).find((error) => error !== '') ?? '',
    };
  }
  console.log(
    `\n${scenario.name}: ${scenario.connections} connections, median of ${rounds} interleaved runs of ${secondsPerRun} s`,
  );
  console.table(rows);
}

function middle(runs: readonly Run[], what: Exclude<keyof Run, 'errors'>): number {
  return median(runs.map((run) => run[what]));
}

/** h2load tells no percentiles. */
function shown(ms: number): string {
  return Number.isNaN(ms) ? '' : ms.toFixed(2);
}

/** p99 at 60 % of the gateway's own peak, at the same rate for all that reach it. */
async function rates(
  peers: readonly Peer[],
  { rounds, secondsPerRun }: Extent,
  directory: string,
): Promise<void> {
  if (findProgram('h2load') === undefined) {
    console.log('\np99 at a rate: not measured, h2load is not installed');
    return;
  }
  const [scenario] = scenarios as [Scenario];
  const candidates = peers.filter(({ name }) => !name.includes('log'));
  const peak = new Map<Peer, number>();
  for (const peer of candidates) peak.set(peer, (await load(scenario, peer, 1, directory)).requestsPerSecond);
  const rate = Math.round(0.6 * (peak.get(candidates.find(({ name }) => name === 'portolan') as Peer) ?? 0));
  const able = candidates.filter((peer) => (peak.get(peer) ?? 0) >= rate);
  const runs = new Map(able.map((peer) => [peer, [] as Awaited<ReturnType<typeof latencyAt>>[]]));
  for (let round = 0; round < rounds; round++) {
    for (const [peer, all] of runs) all.push(await latencyAt(peer, rate, secondsPerRun, directory));
  }
  const rows: Record<string, Record<string, string | number>> = {};
  for (const [peer, all] of runs) {
    rows[peer.name] = {
      'p50 ms': median(all.map((one) => one.p50Ms)).toFixed(2),
      'p99 ms': median(all.map((one) => one.p99Ms)).toFixed(2),
      'requests/s': Math.round(median(all.map((one) => one.requestsPerSecond))),
    };
  }
  console.log(
    `\nGET small at ${rate} requests/s, 60 % of the gateway's peak (whoever does not reach it is left out)`,
  );
  console.table(rows);
}

async function memory(context: PeerContext): Promise<void> {
  const rows: Record<string, Record<string, string>> = {};
  for (const peer of await startPeers(context)) {
    if (peer.name.includes('log')) continue;
    const before = rssBytes(peer.pids);
    const close = await idleConnections(peer.port, idleCount).catch((error: Error) => error.message);
    const bytesEach = (rssBytes(peer.pids) - before) / idleCount;
    if (typeof close !== 'string') close();
    rows[peer.name] = {
      'idle RSS MB': (before / 1_048_576).toFixed(0),
      'KiB for each idle connection': typeof close === 'string' ? close : (bytesEach / 1_024).toFixed(1),
    };
  }
  console.log(
    `\nMemory of a fresh worker, and with ${idleCount} idle keep-alive connections (one request each)`,
  );
  console.table(rows);
}

async function twoWorkers(context: PeerContext, directory: string): Promise<string> {
  if (availableParallelism() < 6) {
    return '\nTwo workers against one: not measured; load, upstreams and two workers need six cores.';
  }
  const [scenario] = scenarios as [Scenario];
  const rate = async (workers: number): Promise<number> =>
    (await load(scenario, await startGateway(context, 'off', workers), whole.secondsPerRun, directory))
      .requestsPerSecond;
  const [one, two] = [await rate(1), await rate(2)];
  return `\nTwo workers serve ${(two / one).toFixed(2)} × the requests of one.`;
}

if (import.meta.main) await gatewayBench(process.argv.slice(2));

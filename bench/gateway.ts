import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '@portolan/testkit/free-port.ts';
import { launchNginx } from '@portolan/testkit/launch-nginx.ts';
import { launchProgram } from '@portolan/testkit/launch-program.ts';
import { findProgram } from '@portolan/testkit/require-program.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { endpointAt, modelOf, startRig } from '../interop/gateway-rig.ts';
import { Scope } from './scope.ts';

/**
 * The gateway with one worker beside nginx with one worker and HAProxy with one thread, in front of the same two upstreams, loaded by
 * wrk in turn. What counts is the CPU time that the proxy's processes need for a request, as the operating system measures it.
 */

const rounds = 3;
const secondsPerRun = 4;
/** Linux counts process times in hundredths of a second. */
const microsecondsPerTick = 10_000;

interface Proxy {
  readonly name: string;
  readonly port: number;
  pids(): Promise<readonly number[]>;
}

interface Scenario {
  readonly name: string;
  readonly path: string;
  readonly connections: number;
  /** Lines of a wrk script. */
  readonly script?: string;
}

const post = 'wrk.method = "POST"\nwrk.body = string.rep("x", 1024)';

const scenarios: readonly Scenario[] = [
  { name: 'GET small', path: '/small', connections: 64 },
  { name: 'GET 1 KiB', path: '/1k', connections: 64 },
  { name: 'GET 64 KiB', path: '/64k', connections: 64 },
  { name: 'POST 1 KiB', path: '/small', connections: 64, script: post },
  {
    name: 'GET small, 8 more fields',
    path: '/small',
    connections: 64,
    script: Object.entries({
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
      .join('\n'),
  },
  { name: 'GET small, 1,000 connections', path: '/small', connections: 1_000 },
  {
    name: 'GET small, connection per request',
    path: '/small',
    connections: 64,
    script: 'wrk.headers["Connection"] = "close"',
  },
];

interface Run {
  readonly requestsPerSecond: number;
  readonly cpuMicroseconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly errors: string;
}

/** @param only the scenarios whose name contains it; default: all */
export async function gatewayBench(only = ''): Promise<void> {
  const wrk = need('wrk');
  const scope = new Scope();
  const directory = tempDir('bench-gateway');
  try {
    const upstreams = await startUpstreams(scope);
    const proxies = [
      await startNginx(scope, 'nginx', upstreams, ''),
      await startNginx(
        scope,
        'nginx, access log',
        upstreams,
        `access_log ${join(directory.path, 'nginx.log')};`,
      ),
      await startHaproxy(scope, upstreams, directory.path),
      await startGateway(scope, 'portolan', upstreams, 'off'),
      await startGateway(scope, 'portolan, access log', upstreams, join(directory.path, 'portolan.log')),
    ];
    for (const scenario of scenarios.filter((one) => one.name.includes(only))) {
      console.log(
        `\n${scenario.name}: ${scenario.connections} connections, median of ${rounds} interleaved runs of ${secondsPerRun} s`,
      );
      console.table(await compare(wrk, scenario, proxies, directory.path));
    }
  } finally {
    await scope.end();
    directory.remove();
  }
}

async function compare(
  wrk: string,
  scenario: Scenario,
  proxies: readonly Proxy[],
  directory: string,
): Promise<Record<string, Record<string, string | number>>> {
  const script = join(directory, 'load.lua');
  writeFileSync(script, `wrk.headers["Host"] = "web.localhost"\n${scenario.script ?? ''}\n`);
  const results = new Map(proxies.map((proxy): [Proxy, Run[]] => [proxy, []]));
  for (const proxy of proxies) await load(wrk, scenario, script, proxy, 1);
  for (let round = 0; round < rounds; round++) {
    for (const [proxy, runs] of results) runs.push(await load(wrk, scenario, script, proxy, secondsPerRun));
  }
  const rows: Record<string, Record<string, string | number>> = {};
  let base = 0;
  for (const [proxy, runs] of results) {
    const middle = (of: (run: Run) => number): number => median(runs.map(of));
    const cpu = middle((run) => run.cpuMicroseconds);
    base ||= cpu;
    rows[proxy.name] = {
      'CPU µs/request': cpu.toFixed(1),
      'of nginx': `${(cpu / base).toFixed(2)} ×`,
      'requests/s': Math.round(middle((run) => run.requestsPerSecond)),
      'p50 ms': middle((run) => run.p50Ms).toFixed(2),
      'p99 ms': middle((run) => run.p99Ms).toFixed(2),
      'RSS MB': (await rssMegabytes(proxy)).toFixed(0),
      errors: runs.map((run) => run.errors).find((error) => error !== '') ?? '',
    };
  }
  return rows;
}

async function load(
  wrk: string,
  scenario: Scenario,
  script: string,
  proxy: Proxy,
  seconds: number,
): Promise<Run> {
  const pids = await proxy.pids();
  const before = ticksOf(pids);
  const { stdout } = await promisify(execFile)(wrk, [
    ...['-t1', `-c${scenario.connections}`, `-d${seconds}s`, '--latency', '-s', script],
    `http://127.0.0.1:${proxy.port}${scenario.path}`,
  ]);
  const ticks = ticksOf(pids) - before;
  const requests = figure(stdout, /([0-9]+) requests in/);
  return {
    requestsPerSecond: figure(stdout, /Requests\/sec:\s+([0-9.]+)/),
    cpuMicroseconds: (ticks * microsecondsPerTick) / requests,
    p50Ms: milliseconds(stdout, '50%'),
    p99Ms: milliseconds(stdout, '99%'),
    errors: /Socket errors:.*|Non-2xx.*/.exec(stdout)?.[0] ?? '',
  };
}

/** Two nginx of one worker each: the fastest upstream that there is. */
async function startUpstreams(scope: Scope): Promise<readonly number[]> {
  const ports = [await freePort(), await freePort()];
  const bodies = { small: 'hello from an upstream\\n', '1k': 'x'.repeat(1_024) };
  for (const port of ports) {
    const locations = Object.entries(bodies).map(
      ([name, body]) => `location /${name} { default_type text/plain; return 200 "${body}"; }`,
    );
    const nginx = await launchNginx({
      http: `keepalive_requests 100000000; keepalive_timeout 300s; sendfile on;
        server { listen 127.0.0.1:${port} backlog=4096; root html; ${locations.join('\n')} }`,
      test: scope,
    });
    const html = join(nginx.prefix, 'html');
    await promisify(execFile)('mkdir', ['-p', html]);
    writeFileSync(join(html, '64k'), 'y'.repeat(65_536));
  }
  return ports;
}

async function startNginx(
  scope: Scope,
  name: string,
  upstreams: readonly number[],
  log: string,
): Promise<Proxy> {
  const port = await freePort();
  const servers = upstreams.map((one) => `server 127.0.0.1:${one};`).join(' ');
  const nginx = await launchNginx({
    http: `keepalive_requests 100000000;
      upstream web { ${servers} keepalive 128; keepalive_requests 100000000; }
      server {
        listen 127.0.0.1:${port} backlog=4096; ${log}
        location / {
          proxy_pass http://web; proxy_http_version 1.1; proxy_set_header Connection "";
          proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr;
          proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host $host;
          proxy_set_header X-Request-Id $request_id;
        }
      }`,
    test: scope,
  });
  // Its master has written its pid before it has its worker.
  const workers = await waitUntil(() => {
    const children = childrenOf(nginx.pid);
    return children.length > 0 ? children : undefined;
  });
  return { name, port, pids: () => Promise.resolve(workers) };
}

async function startHaproxy(scope: Scope, upstreams: readonly number[], directory: string): Promise<Proxy> {
  const port = await freePort();
  const configuration = join(directory, 'haproxy.cfg');
  const servers = upstreams.map((one, index) => `  server s${index} 127.0.0.1:${one}`).join('\n');
  writeFileSync(
    configuration,
    `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 1s
  timeout client 75s
  timeout server 75s
  http-reuse always
frontend web
  bind 127.0.0.1:${port}
  unique-id-format %{+X}o%ci_%cp_%Ts_%rt
  unique-id-header X-Request-Id
  default_backend web
backend web
  balance roundrobin
  option forwardfor
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.hdr(Host)]
${servers}
`,
  );
  const haproxy = await launchProgram({
    command: need('haproxy'),
    args: ['-db', '-f', configuration],
    ready: async () => (await fetch(`http://127.0.0.1:${port}/small`)).ok,
    test: scope,
  });
  return { name: 'haproxy', port, pids: () => Promise.resolve([haproxy.pid]) };
}

async function startGateway(
  scope: Scope,
  name: string,
  upstreams: readonly number[],
  accessLog: string,
): Promise<Proxy> {
  const model = modelOf({ web: upstreams.map((port) => endpointAt(port)) });
  const rig = await startRig(scope, model, { workers: 1, accessLog });
  return {
    name,
    port: rig.port,
    pids: async () => {
      const stats = (await (await fetch(`${rig.admin}/stats`)).json()) as { pid: number }[];
      return stats.map((worker) => worker.pid);
    },
  };
}

function need(program: string): string {
  const path = findProgram(program);
  if (path === undefined) throw new Error(`${program} must be installed: apt-get install ${program}`);
  return path;
}

function childrenOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return (children.match(/[0-9]+/g) ?? []).map(Number);
}

/** User and system time of all threads: fields 14 and 15 of proc(5)'s stat, counted after the name in parentheses. */
function ticksOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return sum + Number(fields[11]) + Number(fields[12]);
  }, 0);
}

async function rssMegabytes(proxy: Proxy): Promise<number> {
  return (await proxy.pids()).reduce((sum, pid) => {
    const kilobytes = figure(readFileSync(`/proc/${pid}/status`, 'utf8'), /VmRSS:\s+([0-9]+)/);
    return sum + kilobytes / 1_024;
  }, 0);
}

function milliseconds(output: string, percentile: string): number {
  const [, value = '0', unit = 'ms'] = new RegExp(`${percentile}\\s+([0-9.]+)(us|ms|s)`).exec(output) ?? [];
  return Number(value) * { us: 0.001, ms: 1, s: 1_000 }[unit as 'us' | 'ms' | 's'];
}

function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[values.length >> 1] ?? Number.NaN;
}

function figure(output: string, pattern: RegExp): number {
  return Number(pattern.exec(output)?.[1] ?? 0);
}

if (import.meta.main) await gatewayBench(process.argv[2]);

// `npm run bench -- policies`: what a policy costs each request, as CPU time of one gateway worker.
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Route, RoutePolicies, TrafficMessage } from '@portolan/core/traffic/model.ts';
import { findProgram } from '@portolan/testkit/require-program.ts';
import { endpointAt, launchUpstream, modelOf, startRig } from '../interop/gateway-rig.ts';
import { processCost } from './process-cost.ts';
import { Scope } from './scope.ts';

const rounds = 3;
const secondsPerRun = 2;

const limit = { requests: 1_000_000, perMs: 1_000, burst: 1_000_000, status: 429 } as const;
const headers = {
  remove: ['x-gone'],
  set: [{ name: 'x-one', value: '1' }],
  add: [{ name: 'x-two', value: '2' }],
};
const users = [
  'ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=',
  'bob:$2y$10$2U/CMCJYEQUAfM7LgihbZ.h8AhD6WXgKfYoztnaqWZlJL1i5TDZC6',
];

const policies: Readonly<Record<string, RoutePolicies | undefined>> = {
  none: undefined,
  'access list of 1,000 ranges': {
    access: {
      allow: [
        '127.0.0.0/8',
        ...Array.from({ length: 1_000 }, (_, index) => `10.${index >> 8}.${index & 255}.0/24`),
      ],
    },
  },
  'rate limit by address': { rateLimits: [{ ...limit, by: { type: 'source-address' } }] },
  'connection limit by address': { connectionLimit: { max: 1_000, by: 'source-address', status: 503 } },
  CORS: { cors: { origins: [{ type: 'exact', value: '*' }], methods: ['GET'], headers: ['*'] } },
  'basic auth, SHA': { basicAuth: { realm: 'r', users } },
  'path rewrite, prefix': { rewrite: { path: { type: 'prefix', value: '/' } } },
  'path rewrite, regex': { rewrite: { path: { type: 'regex', pattern: '^/(.*)$', value: '/$1' } } },
  'header changes, both ways': { requestHeaders: headers, responseHeaders: headers },
  'all of them': {
    access: { allow: ['127.0.0.0/8'] },
    rateLimits: [{ ...limit, by: { type: 'source-address' } }],
    connectionLimit: { max: 1_000, by: 'source-address', status: 503 },
    cors: { origins: [{ type: 'exact', value: '*' }], methods: ['GET'], headers: ['*'] },
    basicAuth: { realm: 'r', users },
    maxBodyBytes: 1_048_576,
    rewrite: { path: { type: 'regex', pattern: '^/(.*)$', value: '/$1' } },
    requestHeaders: headers,
    responseHeaders: headers,
  },
};

/** Each policy at a host of its own. */
function modelAt(port: number): TrafficMessage {
  const names = Object.keys(policies).map((_, index) => `p${index}`);
  const model = modelOf(Object.fromEntries(names.map((name) => [name, [endpointAt(port)]])));
  const put = model.virtualHosts.put.map((host, index) => {
    const wanted = Object.values(policies)[index];
    const routes = host.routes.map(
      (route): Route => (wanted === undefined ? route : { ...route, policies: wanted }),
    );
    return { ...host, routes };
  });
  return { ...model, virtualHosts: { put, remove: [] } };
}

/** The one process that this one started which runs the worker's program. */
function workerPid(): number {
  for (const name of readdirSync('/proc').filter((one) => /^\d+$/.test(one))) {
    try {
      const parent = /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1];
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8');
      if (Number(parent) === process.pid && command.includes('worker')) return Number(name);
    } catch {
      // It has ended meanwhile.
    }
  }
  throw new Error('the worker is not found');
}

/** Microseconds of the worker's CPU for one request. */
async function costOf(wrk: string, port: number, host: string, pid: number): Promise<number> {
  const before = processCost(pid).cpuMs;
  const { stdout } = await promisify(execFile)(wrk, [
    ...[
      '-t',
      '1',
      '-c',
      '32',
      '-d',
      `${secondsPerRun}s`,
      '-H',
      `Host: ${host}`,
      '-H',
      'Origin: http://x.test',
    ],
    ...['-H', `Authorization: Basic ${Buffer.from('ann:secret').toString('base64')}`, '-H', 'Accept: */*'],
    `http://127.0.0.1:${port}/a/b`,
  ]);
  if (stdout.includes('Non-2xx')) throw new Error(`${host}: ${stdout}`);
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1]);
  return ((processCost(pid).cpuMs - before) * 1_000) / requests;
}

export async function policiesBench(): Promise<void> {
  const wrk = findProgram('wrk');
  if (wrk === undefined) {
    console.log('policies: wrk is not installed');
    return;
  }
  const scope = new Scope();
  try {
    const upstream = await launchUpstream(scope, 'web');
    const rig = await startRig(scope, modelAt(upstream.port), { workers: 1 });
    const pid = workerPid();
    const costs = new Map<string, number>();
    for (let round = 0; round < rounds; round++) {
      for (const [index, name] of Object.keys(policies).entries()) {
        const cost = await costOf(wrk, rig.port, `p${index}.localhost`, pid);
        costs.set(name, Math.min(cost, costs.get(name) ?? Number.POSITIVE_INFINITY));
      }
    }
    console.log(
      `policies: one worker, GET of a few octets, 32 connections, best of ${rounds} rounds of ${secondsPerRun} s`,
    );
    console.log('| policy | CPU µs/request |\n| --- | --- |');
    for (const [name, cost] of costs) console.log(`| ${name} | ${cost.toFixed(1)} |`);
  } finally {
    await scope.end();
  }
}

if (import.meta.main) await policiesBench();

import { get } from 'node:http';
import { clusterDefaults, retryDefaults } from '@portolan/core/traffic/defaults.ts';
import type { Cluster, RetryPolicy, TrafficMessage } from '@portolan/core/traffic/model.ts';
import type { WorkerReport } from '@portolan/server/proxy/stats.ts';
import { launchProgram, type Program, type TestScope } from '@portolan/testkit/launch-program.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { endpointAt, modelOf, startRig } from './gateway-rig.ts';
import { failed, percentile, type Sample, SteadyLoad } from './steady-load.ts';

/** How a cluster and its route are set. */
export interface FaultSettings {
  readonly name: string;
  readonly cluster: Partial<Cluster>;
  readonly retry: RetryPolicy;
}

export const byDefault: FaultSettings = { name: 'default', cluster: {}, retry: retryDefaults };

/** What docs/reliability.md advises for idempotent services that answer within half a second. */
export const advised: FaultSettings = {
  name: 'advised',
  cluster: {
    activeCheck: {
      probe: { type: 'http', path: '/health' },
      ...{ intervalMs: 1_000, timeoutMs: 500, healthyThreshold: 2, unhealthyThreshold: 2 },
    },
  },
  retry: { retries: 2, on: ['connect-failure', 'reset', 'gateway-error', '5xx'], perTryTimeoutMs: 500 },
};

/** What is done to one of three instances. */
export interface Fault {
  readonly name: string;
  begin(instance: Instance): Promise<void> | void;
}

export const faults: readonly Fault[] = [
  { name: 'kill -9', begin: (instance) => instance.kill('SIGKILL') },
  { name: 'SIGSTOP', begin: (instance) => instance.kill('SIGSTOP') },
  { name: 'answers 500', begin: (instance) => instance.become('500') },
  { name: 'answers 503', begin: (instance) => instance.become('503') },
  { name: 'answers after 2 s', begin: (instance) => instance.become('slow') },
];

export interface FaultOptions {
  readonly perSecond: number;
  readonly beforeMs: number;
  /** Watched from the fault on. */
  readonly afterMs: number;
  /** Of a caller. */
  readonly patienceMs: number;
}

export interface FaultFigures {
  readonly before: readonly Sample[];
  readonly after: readonly Sample[];
  readonly failures: readonly Sample[];
  /** From the fault to the begin of the last request that failed. */
  readonly lastFailureMs: number;
  /** From the fault until no worker asks the instance any more; undefined: that did not happen. */
  readonly ejectedMs: number | undefined;
  readonly p99BeforeMs: number;
  readonly p99Ms: number;
}

/**
 * What callers notice when one of three instances fails: steady requests from the outside, a gateway of two workers, each instance a process of
 * its own. Nobody but the gateway acts: the registry's own checks are left out.
 */
export async function measureFault(
  scope: TestScope,
  fault: Fault,
  settings: FaultSettings,
  { perSecond, beforeMs, afterMs, patienceMs }: FaultOptions,
): Promise<FaultFigures> {
  const instances = await Promise.all(['a', 'b', 'c'].map((name) => launchInstance(scope, name)));
  const [victim] = instances;
  if (victim === undefined) throw new Error('no instance');
  const rig = await startRig(scope, modelWith(instances, settings), { workers: 2 });
  await waitUntil(() => answers(rig.port));
  const load = new SteadyLoad({ port: rig.port, host: 'web.localhost', perSecond, patienceMs });
  await sleep(beforeMs);
  const faultMs = performance.now();
  await fault.begin(victim);
  const [ejectedMs] = await Promise.all([
    waitForEjection(rig.admin, victim.port, faultMs, afterMs),
    sleep(afterMs),
  ]);
  await load.stop();
  const before = load.between(faultMs - beforeMs / 2, faultMs);
  const after = load.between(faultMs, faultMs + afterMs);
  const failures = after.filter(failed);
  return {
    ...{ before, after, failures, ejectedMs },
    lastFailureMs: Math.max(0, ...failures.map(({ dueMs }) => dueMs - faultMs)),
    p99BeforeMs: percentile(before, 99),
    p99Ms: percentile(after, 99),
  };
}

/** Whether a worker listens and knows the way. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    get({ port, host: '127.0.0.1', headers: { Host: 'web.localhost' }, agent: false }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode === 200));
    }).on('error', () => resolve(false));
  });
}

async function waitForEjection(
  admin: string,
  port: number,
  sinceMs: number,
  timeoutMs: number,
): Promise<number | undefined> {
  const isOut = async (): Promise<boolean> => {
    const reports = (await (await fetch(`${admin}/stats`)).json()) as WorkerReport[];
    return reports.every(({ clusters }) =>
      clusters[0]?.endpoints.some(
        (one) => one.port === port && (one.state === 'ejected' || one.check === 'failing'),
      ),
    );
  };
  try {
    await waitUntil(isOut, { timeoutMs });
    return performance.now() - sinceMs;
  } catch {
    return undefined;
  }
}

function modelWith(instances: readonly Instance[], settings: FaultSettings): TrafficMessage {
  const model = modelOf({ web: instances.map(({ port }) => endpointAt(port)) });
  const clusters = model.clusters.put.map(({ name, endpoints }) => {
    return { ...clusterDefaults, name, endpoints, ...settings.cluster };
  });
  const hosts = model.virtualHosts.put.map((host) => {
    return { ...host, routes: host.routes.map((route) => ({ ...route, retry: settings.retry })) };
  });
  return { ...model, clusters: { put: clusters, remove: [] }, virtualHosts: { put: hosts, remove: [] } };
}

export interface Instance extends Program {
  readonly port: number;
  become(what: string): Promise<void>;
}

const instanceProgram = `
import { createServer } from 'node:http';
let how = 'ok';
const server = createServer((request, response) => {
  const [, verb, word] = request.url.split('/');
  if (verb === 'become') how = word;
  const answer = () => {
    response.writeHead(verb !== 'become' && /^5/.test(how) ? Number(how) : 200);
    response.end('ok');
  };
  request.resume().on('end', () => (verb !== 'become' && how === 'slow' ? setTimeout(answer, 2_000) : answer()));
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => console.log('listening on ' + server.address().port));
`;

async function launchInstance(scope: TestScope, name: string): Promise<Instance> {
  const program = await launchProgram({
    command: process.execPath,
    args: ['--input-type=module', '--eval', instanceProgram, '--', name],
    ready: /listening on/,
    test: scope,
  });
  const port = Number(/listening on ([0-9]+)/.exec(program.output())?.[1]);
  const become = async (what: string): Promise<void> => {
    await (await fetch(`http://127.0.0.1:${port}/become/${what}`)).text();
  };
  return Object.assign(program, { port, become });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

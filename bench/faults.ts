import { clusterDefaults, retryDefaults } from '@portolan/core/traffic/defaults.ts';
import type { Cluster, RetryPolicy, TrafficMessage } from '@portolan/core/traffic/model.ts';
import type { WorkerReport } from '@portolan/server/proxy/stats.ts';
import { launchProgram, type Program } from '@portolan/testkit/launch-program.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { endpointAt, modelOf, startRig } from '../interop/gateway-rig.ts';
import { failed, percentile, SteadyLoad } from '../interop/steady-load.ts';
import { Scope } from './scope.ts';

/**
 * What callers notice when one of three instances fails: 300 requests a second from the outside, a gateway of two workers, each instance a
 * process of its own. Nobody but the gateway acts: the registry's own checks are left out.
 */

const perSecond = 300;
const beforeMs = 2_000;
const afterMs = 12_000;
const patienceMs = 5_000;

interface Settings {
  readonly name: string;
  readonly cluster: Partial<Cluster>;
  readonly retry: RetryPolicy;
}

const byDefault: Settings = { name: 'default', cluster: {}, retry: retryDefaults };

/** What docs/reliability.md advises for idempotent services that answer within half a second. */
const advised: Settings = {
  name: 'advised',
  cluster: {
    activeCheck: {
      probe: { type: 'http', path: '/health' },
      ...{ intervalMs: 1_000, timeoutMs: 500, healthyThreshold: 2, unhealthyThreshold: 2 },
    },
  },
  retry: { retries: 2, on: ['connect-failure', 'reset', 'gateway-error', '5xx'], perTryTimeoutMs: 500 },
};

interface Fault {
  readonly name: string;
  begin(instance: Instance): Promise<void> | void;
}

const faults: readonly Fault[] = [
  { name: 'kill -9', begin: (instance) => instance.kill('SIGKILL') },
  { name: 'SIGSTOP', begin: (instance) => instance.kill('SIGSTOP') },
  { name: 'answers 500', begin: (instance) => instance.become('500') },
  { name: 'answers 503', begin: (instance) => instance.become('503') },
  { name: 'answers after 2 s', begin: (instance) => instance.become('slow') },
];

/** @param only the faults whose name contains it; default: all */
export async function faultsBench(only = ''): Promise<void> {
  const rows: Record<string, Record<string, string | number>> = {};
  for (const fault of faults.filter(({ name }) => name.includes(only))) {
    for (const settings of [byDefault, advised]) {
      rows[`${fault.name}, ${settings.name}`] = await measure(fault, settings);
    }
  }
  console.log(
    `\nOne of three instances fails at ${perSecond} requests/s; figures of the ${afterMs / 1_000} s from then on`,
  );
  console.table(rows);
}

async function measure(fault: Fault, settings: Settings): Promise<Record<string, string | number>> {
  const scope = new Scope();
  try {
    const instances = await Promise.all(['a', 'b', 'c'].map((name) => launchInstance(scope, name)));
    const [victim] = instances;
    if (victim === undefined) throw new Error('no instance');
    const model = modelWith(instances, settings);
    const rig = await startRig(scope, model, { workers: 2 });
    const load = new SteadyLoad({ port: rig.port, host: 'web.localhost', perSecond, patienceMs });
    await sleep(beforeMs);
    const faultMs = performance.now();
    await fault.begin(victim);
    const out = waitForEjection(rig.admin, victim.port, faultMs);
    await sleep(afterMs);
    await load.stop();
    const before = load.between(faultMs - beforeMs / 2, faultMs);
    const after = load.between(faultMs, faultMs + afterMs);
    const broken = after.filter(failed);
    const last = Math.max(0, ...broken.map(({ dueMs }) => dueMs - faultMs));
    return {
      requests: after.length,
      failed: broken.length,
      'last failure after, ms': broken.length === 0 ? '' : Math.round(last),
      'ejected after, ms': await out,
      'p99 ms before': percentile(before, 99).toFixed(0),
      'p99 ms': percentile(after, 99).toFixed(0),
      ends: [...new Set(broken.map(({ end }) => end))].join(' '),
    };
  } finally {
    await scope.end();
  }
}

/** Milliseconds until every worker has it out of rotation; `no` if that did not happen. */
async function waitForEjection(admin: string, port: number, sinceMs: number): Promise<number | string> {
  const isOut = async (): Promise<boolean> => {
    const reports = (await (await fetch(`${admin}/stats`)).json()) as WorkerReport[];
    return reports.every(({ clusters }) =>
      clusters[0]?.endpoints.some(
        (one) => one.port === port && (one.state === 'ejected' || one.check === 'failing'),
      ),
    );
  };
  try {
    await waitUntil(isOut, { timeoutMs: afterMs });
    return Math.round(performance.now() - sinceMs);
  } catch {
    return 'no';
  }
}

function modelWith(instances: readonly Instance[], settings: Settings): TrafficMessage {
  const model = modelOf({ web: instances.map(({ port }) => endpointAt(port)) });
  const clusters = model.clusters.put.map(({ name, endpoints }) => {
    return { ...clusterDefaults, name, endpoints, ...settings.cluster };
  });
  const hosts = model.virtualHosts.put.map((host) => {
    return { ...host, routes: host.routes.map((route) => ({ ...route, retry: settings.retry })) };
  });
  return { ...model, clusters: { put: clusters, remove: [] }, virtualHosts: { put: hosts, remove: [] } };
}

interface Instance extends Program {
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

async function launchInstance(scope: Scope, name: string): Promise<Instance> {
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

if (import.meta.main) await faultsBench(process.argv[2]);

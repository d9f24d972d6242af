import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { freePort } from '@portolan/testkit/free-port.ts';
import { launchProgram } from '@portolan/testkit/launch-program.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import type { WatchLoad, WatchResult } from './watch-load.ts';

/**
 * Blocking queries: how long after a change is written the last watcher has it, what a watcher costs in memory, and what a
 * change costs the server. The server is the real command on its durable store; the watchers are another process.
 */

const rounds = 20;
const variants: readonly Omit<WatchLoad, 'port' | 'serverPid'>[] = [
  { title: '1,000 on one service', watchers: 1_000, services: 1, rounds },
  { title: '10,000 on one service', watchers: 10_000, services: 1, rounds },
  { title: '10,000 on 1,000 services', watchers: 10_000, services: 1_000, rounds },
];

const targetMs = 500;

export async function watchBench(): Promise<void> {
  const rows: Record<string, Record<string, string | number>> = {};
  for (const variant of variants) rows[variant.title] = row(await measure(variant));
  console.log(
    `Blocking watchers: change written → answer read, over ${rounds} changes (target: p99 ≤ ${targetMs} ms)`,
  );
  console.table(rows);
}

function row(result: WatchResult): Record<string, string | number> {
  return {
    'woken per change': result.wokenPerChange,
    'woken in vain': result.wokenInVain,
    'p50 ms': result.p50Ms.toFixed(1),
    'p99 ms': result.p99Ms.toFixed(1),
    'last ms': result.lastMs.toFixed(1),
    'server CPU ms/change': result.cpuMsPerChange.toFixed(1),
    'RSS KiB/watcher': (result.rssBytesPerWatcher / 1024).toFixed(1),
  };
}

async function measure(variant: Omit<WatchLoad, 'port' | 'serverPid'>): Promise<WatchResult> {
  const port = await freePort();
  const data = tempDir('bench-watch');
  const listen = [`http=127.0.0.1:${port}`, 'dns=off', 'gateway=off', 'proxy-admin=off'];
  await using server = await launchProgram({
    command: process.execPath,
    args: [
      fileURLToPath(new URL('../packages/cli/bin/portolan.mjs', import.meta.url)),
      'server',
      ...listen.flatMap((setting) => ['--listen', setting]),
      ...['--data-dir', data.path, '--log-level', 'warn'],
    ],
    ready: async () => (await fetch(`http://127.0.0.1:${port}/v1/status/leader`)).ok,
    cleanUp: () => data.remove(),
  });
  return await load({ ...variant, port, serverPid: server.pid });
}

async function load(work: WatchLoad): Promise<WatchResult> {
  const child = fork(new URL('./watch-load.ts', import.meta.url), [JSON.stringify(work)]);
  try {
    const [result] = await once(child, 'message', { signal: AbortSignal.timeout(300_000) });
    return result as WatchResult;
  } finally {
    child.kill();
  }
}

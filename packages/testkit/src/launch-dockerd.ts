import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { busyboxRootFs } from './busybox-image.ts';
import { type DockerdApi, dockerdApi, testImage } from './dockerd-api.ts';
import { launchProgram, type Program, type TestScope } from './launch-program.ts';
import { findProgram, requireProgram } from './require-program.ts';
import { tempDir } from './temp-dir.ts';
import { waitUntil } from './wait-until.ts';

/** What outlives one run of the daemon: its files, and the bridge of its default network. */
export interface DockerdHome {
  readonly directory: string;
  /** The bridge's name; the bridges of a test's own networks start with it. */
  readonly bridge: string;
  /** The first numbers of the addresses that it hands out: `10.x.y`. */
  readonly subnet: string;
  /** Daemons to be stopped before it goes. */
  readonly daemons: Set<Dockerd>;
}

export interface Dockerd extends Program, DockerdApi {
  /** `unix:///…`, as `--docker` takes it. */
  readonly host: string;
  /** A network with a bridge of its own. */
  createNetwork(name: string): Promise<void>;
}

/** A `docker stop` of containers that do not end of themselves would take this long; they are removed before. */
const stopGraceMs = 20_000;

/**
 * What a test of containers cannot do without: root, `dockerd`, `ip`, BusyBox. Not root: the test is skipped by name;
 * a program is missing: as `requireProgram` has it.
 */
export function requireDockerd(t: TestContext): boolean {
  if (process.getuid?.() !== 0) {
    t.skip('dockerd needs root');
    return false;
  }
  return ['dockerd', 'ip', 'busybox'].every((name) => requireProgram(t, name) !== undefined);
}

/**
 * A directory and a bridge for a daemon, taken away when the test ends. Nothing of the machine's own Docker is touched: no
 * `docker0`, no packet filter.
 */
export function dockerdHome(test: TestScope): DockerdHome {
  const directory = tempDir('dockerd');
  const bridge = `pt${randomInt(0x100000, 0x1000000).toString(16)}`;
  const subnet = `10.${randomInt(100, 250)}.${randomInt(0, 250)}`;
  const daemons = new Set<Dockerd>();
  test.after(async () => {
    for (const daemon of daemons) await stopWithContainers(daemon);
    killShims(directory.path);
    removeLinks(bridge);
    unmountBelow(directory.path);
    directory.remove();
  });
  ip('link', 'add', bridge, 'type', 'bridge');
  ip('address', 'add', `${subnet}.1/24`, 'dev', bridge);
  ip('link', 'set', bridge, 'up');
  return { directory: directory.path, bridge, subnet, daemons };
}

/** Starts a real Docker Engine that can run `testImage`, with further arguments. It ends with its home, at the latest. */
export async function launchDockerd(home: DockerdHome, args: readonly string[] = []): Promise<Dockerd> {
  const socket = join(home.directory, 'docker.sock');
  const api = dockerdApi(socket);
  await untilContainerdEnded(home.directory);
  const program = await launchProgram({
    command: findProgram('dockerd') ?? 'dockerd',
    args: [
      ...['--data-root', join(home.directory, 'data'), '--exec-root', join(home.directory, 'exec')],
      ...['--host', `unix://${socket}`, '--pidfile', join(home.directory, 'docker.pid')],
      ...['--bridge', home.bridge, '--iptables=false', '--ip-masq=false', '--ip-forward=false'],
      ...['--default-address-pool', `base=${home.subnet.replace(/\.\d+$/, '')}.0.0/16,size=24`],
      ...args,
    ],
    ready: async () => existsSync(socket) && (await api.call('GET', '/version')) !== undefined,
    readyTimeoutMs: 60_000,
  });
  let networks = 0;
  const dockerd = Object.assign(program, api, {
    host: `unix://${socket}`,
    async createNetwork(name: string): Promise<void> {
      networks += 1;
      const options = { 'com.docker.network.bridge.name': `${home.bridge}-${networks}` };
      await api.call('POST', '/networks/create', { Name: name, Driver: 'bridge', Options: options });
    },
  });
  home.daemons.add(dockerd);
  await importImage(api);
  return dockerd;
}

async function importImage(api: DockerdApi): Promise<void> {
  const present = (await api.call('GET', '/images/json')) as { RepoTags?: string[] | null }[];
  if (present.some(({ RepoTags }) => RepoTags?.includes(testImage))) return;
  const [repo = '', tag = ''] = testImage.split(':');
  const query = new URLSearchParams({ fromSrc: '-', repo, tag, changes: 'ENV PATH=/bin' });
  await api.call('POST', `/images/create?${query}`, busyboxRootFs(findProgram('busybox') ?? '/bin/busybox'));
}

/** A daemon that ends asks its containers to end first, and waits ten seconds for those that will not. */
async function stopWithContainers(daemon: Dockerd): Promise<void> {
  try {
    const containers = (await daemon.call('GET', '/containers/json?all=1')) as { Id: string }[];
    await Promise.all(
      containers.map(({ Id }) => daemon.call('DELETE', `/containers/${Id}?force=1`).catch(() => undefined)),
    );
  } catch {
    // It was stopped already.
  }
  await daemon.stop(stopGraceMs);
}

/** The containerd of a daemon that was killed dies with it, but not at once, and looks alive until somebody reaps it. */
async function untilContainerdEnded(directory: string): Promise<void> {
  const pidFile = join(directory, 'exec', 'containerd', 'containerd.pid');
  if (!existsSync(pidFile)) return;
  const pid = readFileSync(pidFile, 'utf8').trim();
  await waitUntil(() => !/^State:\s+[^Z]/m.test(procFile(pid, 'status')), { what: 'containerd to end' });
  rmSync(pidFile, { force: true });
}

/** Containers outlive a daemon that was killed: each has a process over it that names the daemon's directory. */
function killShims(directory: string): void {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const [program = '', ...args] = procFile(pid, 'cmdline').split('\0');
    if (!program.includes('containerd-shim') || !args.some((arg) => arg.startsWith(`${directory}/`)))
      continue;
    const children = procFile(pid, `task/${pid}/children`).trim().split(' ');
    for (const victim of [...children, pid]) if (victim !== '') killNow(Number(victim));
  }
}

function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** '' when the process is gone. */
function procFile(pid: string, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}

function ip(...args: string[]): string {
  return execFileSync(findProgram('ip') ?? 'ip', args, { encoding: 'utf8' });
}

function removeLinks(prefix: string): void {
  const links = ip('-o', 'link', 'show', 'type', 'bridge').matchAll(/^\d+: ([^:@\s]+)/gm);
  for (const [, name = ''] of links) if (name.startsWith(prefix)) ip('link', 'delete', name);
}

/** Network namespaces and layers stay mounted when a daemon was killed. */
function unmountBelow(directory: string): void {
  const points = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((point) => point.startsWith(`${directory}/`))
    .sort()
    .reverse();
  for (const point of points) execFileSync(findProgram('umount') ?? 'umount', ['-l', point]);
}

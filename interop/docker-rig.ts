import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import {
  type Dockerd,
  dockerdHome,
  launchDockerd,
  requireDockerd,
} from '@portolan/testkit/launch-dockerd.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { type PortolanProcess, startPortolan } from './portolan-process.ts';

/** A container that has nothing to do, and ends at once when it is told to. */
export const idle = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1000 & wait $!; done'];

export interface Rig {
  readonly dockerd: Dockerd;
  readonly portolan: PortolanProcess;
}

export interface WireService {
  readonly ID: string;
  readonly Service: string;
  readonly Address: string;
  readonly Port: number;
  readonly Tags: readonly string[];
  readonly Meta: Readonly<Record<string, string>>;
}

export async function startRig(t: TestContext, args: readonly string[] = []): Promise<Rig | undefined> {
  if (!requireDockerd(t)) return undefined;
  const dockerd = await launchDockerd(dockerdHome(t));
  const portolan = await startServer(t, dockerd, args);
  return { dockerd, portolan };
}

/** Starts a server that follows the engine, and waits for the first list of containers. */
export async function startServer(
  t: TestContext,
  dockerd: Dockerd,
  args: readonly string[] = [],
  dataDir = newDataDir(t),
): Promise<PortolanProcess> {
  const portolan = await startIn(t, dataDir, ['--docker', dockerd.host, ...args]);
  await waitUntil(async () => (await fetch(`${portolan.http}/readyz`)).status === 200, {
    what: 'the first list of containers',
  });
  return portolan;
}

/** Where servers keep their data, one after the other. */
export interface DataDir {
  readonly path: string;
  readonly servers: Set<PortolanProcess>;
}

/** Goes when its servers have ended: they write to the last. */
export function newDataDir(t: TestContext): DataDir {
  const directory = tempDir('server');
  const servers = new Set<PortolanProcess>();
  t.after(async () => {
    for (const { program } of servers) await program.stop();
    directory.remove();
  });
  return { path: directory.path, servers };
}

export async function startIn(
  t: TestContext,
  { path, servers }: DataDir,
  args: readonly string[],
): Promise<PortolanProcess> {
  const portolan = await startPortolan(t, { dataDir: path, args });
  servers.add(portolan);
  return portolan;
}

/** What the agent has, without this server itself. */
export async function services(portolan: PortolanProcess): Promise<readonly WireService[]> {
  const response = await fetch(`${portolan.http}/v1/agent/services`);
  return Object.values((await response.json()) as Record<string, WireService>);
}

/** The IDs that a client that wants healthy ones is given. */
export async function passing(portolan: PortolanProcess, name: string): Promise<readonly string[]> {
  const response = await fetch(`${portolan.http}/v1/health/service/${name}?passing`);
  return ((await response.json()) as { Service: WireService }[]).map(({ Service }) => Service.ID);
}

export async function one(portolan: PortolanProcess, name: string): Promise<WireService | undefined> {
  return (await services(portolan)).find(({ Service }) => Service === name);
}

export const appears = (portolan: PortolanProcess, name: string): Promise<WireService> =>
  waitUntil(() => one(portolan, name), { what: `${name} to be registered` });

export const goes = (portolan: PortolanProcess, name: string): Promise<boolean> =>
  waitUntil(async () => (await one(portolan, name)) === undefined, { what: `${name} to be gone` });

/** In Portolan's own words. */
export async function adminState(portolan: PortolanProcess, name: string): Promise<string | undefined> {
  const response = await fetch(`${portolan.http}/portolan/v1/services/${name}`);
  if (response.status === 404) return undefined;
  const { instances } = (await response.json()) as { instances: { adminState: string }[] };
  return instances[0]?.adminState;
}

/** A TCP door to an engine's socket that can be shut, with all who are inside put out. */
export async function openDoor(
  t: TestContext,
  socketPath: string,
): Promise<{ url: string; shut: () => void; open: () => void }> {
  const sockets = new Set<Socket>();
  let isOpen = true;
  const server = createServer((near) => {
    if (!isOpen) {
      near.destroy();
      return;
    }
    const far = connect(socketPath);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far).pipe(near);
  });
  const shut = (): void => {
    isOpen = false;
    for (const socket of sockets) socket.destroy();
  };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(async () => {
    shut();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `tcp://127.0.0.1:${port}`,
    shut,
    open: () => {
      isOpen = true;
    },
  };
}

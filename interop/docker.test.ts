import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import type { ContainerOptions } from '@portolan/testkit/dockerd-api.ts';
import {
  type Dockerd,
  dockerdHome,
  launchDockerd,
  requireDockerd,
} from '@portolan/testkit/launch-dockerd.ts';
import { requireProgram } from '@portolan/testkit/require-program.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { type PortolanProcess, startPortolan } from './portolan-process.ts';

const run = promisify(execFile);

/** A container that has nothing to do, and ends at once when it is told to. */
const idle = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1000 & wait $!; done'];
/** It ends a second after it was told to, as one does that finishes its requests. */
const slowToEnd = ['sh', '-c', 'trap "sleep 1; exit 0" TERM; sleep 1000 & wait $!; wait'];
const web = ['httpd', '-f', '-p', '8080', '-h', '/www'];

interface Rig {
  readonly dockerd: Dockerd;
  readonly portolan: PortolanProcess;
}

interface WireService {
  readonly ID: string;
  readonly Service: string;
  readonly Address: string;
  readonly Port: number;
  readonly Tags: readonly string[];
  readonly Meta: Readonly<Record<string, string>>;
}

async function startRig(t: TestContext, args: readonly string[] = []): Promise<Rig | undefined> {
  if (!requireDockerd(t)) return undefined;
  const dockerd = await launchDockerd(dockerdHome(t));
  const portolan = await startServer(t, dockerd, args);
  return { dockerd, portolan };
}

async function startServer(
  t: TestContext,
  dockerd: Dockerd,
  args: readonly string[] = [],
  dataDir = newDataDir(t),
): Promise<PortolanProcess> {
  const portolan = await startPortolan(t, { dataDir, args: ['--docker', dockerd.host, ...args] });
  await waitUntil(async () => (await fetch(`${portolan.http}/readyz`)).status === 200, {
    what: 'the first list of containers',
  });
  return portolan;
}

function newDataDir(t: TestContext): string {
  const directory = tempDir('server');
  t.after(async () => directory.remove());
  return directory.path;
}

/** What the agent has, without this server itself. */
async function services(portolan: PortolanProcess): Promise<readonly WireService[]> {
  const response = await fetch(`${portolan.http}/v1/agent/services`);
  return Object.values((await response.json()) as Record<string, WireService>);
}

/** The IDs that a client that wants healthy ones is given. */
async function passing(portolan: PortolanProcess, name: string): Promise<readonly string[]> {
  const response = await fetch(`${portolan.http}/v1/health/service/${name}?passing`);
  return ((await response.json()) as { Service: WireService }[]).map(({ Service }) => Service.ID);
}

async function one(portolan: PortolanProcess, name: string): Promise<WireService | undefined> {
  return (await services(portolan)).find(({ Service }) => Service === name);
}

const appears = (portolan: PortolanProcess, name: string): Promise<WireService> =>
  waitUntil(() => one(portolan, name), { what: `${name} to be registered` });

const goes = (portolan: PortolanProcess, name: string): Promise<boolean> =>
  waitUntil(async () => (await one(portolan, name)) === undefined, { what: `${name} to be gone` });

/** In Portolan's own words. */
async function adminState(portolan: PortolanProcess, name: string): Promise<string | undefined> {
  const response = await fetch(`${portolan.http}/portolan/v1/services/${name}`);
  if (response.status === 404) return undefined;
  const { instances } = (await response.json()) as { instances: { adminState: string }[] };
  return instances[0]?.adminState;
}

/** A TCP door to an engine's socket that can be shut, with all who are inside put out. */
async function openDoor(
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

test('a container is found over Consul HTTP and by dig, checked, and reached', async (t) => {
  const dig = requireProgram(t, 'dig');
  const rig = dig === undefined ? undefined : await startRig(t);
  if (rig === undefined || dig === undefined) return;
  const { dockerd, portolan } = rig;
  await dockerd.run({
    name: 'shop-1',
    cmd: web,
    publish: ['8080/tcp'],
    env: ['SERVICE_TAGS=blue,eu', 'SERVICE_NAME=hidden'],
    labels: {
      SERVICE_NAME: 'shop',
      SERVICE_CHECK_HTTP: '/index.html',
      SERVICE_CHECK_INTERVAL: '1s',
      SERVICE_TEAM: 'sales',
    },
  });
  const port = await dockerd.hostPort('shop-1', '8080/tcp');
  const shop = await appears(portolan, 'shop');
  assert.match(shop.ID, /^[^:]+:shop-1:8080$/);
  assert.deepEqual([shop.Address, shop.Port], ['127.0.0.1', port]);
  assert.deepEqual(shop.Tags, ['blue', 'eu']);
  assert.equal(shop.Meta.team, 'sales');

  const healthy = await waitUntil(async () => {
    const response = await fetch(`${portolan.http}/v1/health/service/shop?passing`);
    return ((await response.json()) as { Service: WireService }[])[0]?.Service;
  });
  const reached = await fetch(`http://${healthy.Address}:${healthy.Port}/index.html`);
  assert.equal(await reached.text(), 'hello from a container\n');

  const args = ['@127.0.0.1', '-p', String(portolan.ports.dns), '+short', 'blue.shop.service.consul', 'SRV'];
  const { stdout } = await run(dig, args);
  assert.match(stdout, new RegExp(`^1 1 ${port} `, 'm'));
});

test('what happens to a container happens to its service', async (t) => {
  const rig = await startRig(t, ['--docker-resync', '1s']);
  if (rig === undefined) return;
  const { dockerd, portolan } = rig;
  const start = (name: string, more: Partial<ContainerOptions> = {}): Promise<string> =>
    dockerd.run({ name, cmd: idle, publish: ['80/tcp'], labels: { SERVICE_NAME: name }, ...more });

  await t.test('docker stop takes it out of use before it ends; start brings it back', async () => {
    await start('slow', { cmd: slowToEnd });
    await appears(portolan, 'slow');
    const seen: (string | undefined)[] = [];
    const stopped = dockerd.stopContainer('slow', 20);
    await waitUntil(async () => {
      const state = await adminState(portolan, 'slow');
      if (seen.at(-1) !== state) seen.push(state);
      return state === undefined;
    });
    await stopped;
    assert.deepEqual(seen.slice(-2), ['draining', undefined]);

    await dockerd.call('POST', '/containers/slow/start');
    const again = await appears(portolan, 'slow');
    assert.equal(again.Port, await dockerd.hostPort('slow', '80/tcp'));
    assert.equal(await adminState(portolan, 'slow'), 'in-service');
  });

  await t.test('a signal that does not end it changes nothing; docker kill removes it', async () => {
    await start('killed', {
      cmd: ['sh', '-c', 'trap "echo again" HUP; while :; do sleep 1000 & wait $!; done'],
    });
    await appears(portolan, 'killed');
    await dockerd.call('POST', '/containers/killed/kill?signal=HUP');
    // Events come in order: once a later one has arrived, the signal was seen.
    await start('marker');
    await appears(portolan, 'marker');
    assert.equal(await adminState(portolan, 'killed'), 'in-service');
    await dockerd.call('POST', '/containers/killed/kill');
    await goes(portolan, 'killed');
  });

  await t.test('docker restart leaves one registration, at the new port', async () => {
    await start('restarted');
    const before = await appears(portolan, 'restarted');
    await dockerd.call('POST', '/containers/restarted/restart?t=5');
    const port = await dockerd.hostPort('restarted', '80/tcp');
    await waitUntil(async () => (await one(portolan, 'restarted'))?.Port === port);
    const all = (await services(portolan)).filter(({ Service }) => Service === 'restarted');
    assert.deepEqual(
      all.map(({ ID, Port }) => [ID, Port]),
      [[before.ID, port]],
    );
    assert.equal(await adminState(portolan, 'restarted'), 'in-service');
  });

  await t.test('docker pause takes it out of service until unpause', async () => {
    await start('paused');
    await appears(portolan, 'paused');
    await dockerd.call('POST', '/containers/paused/pause');
    await waitUntil(async () => (await adminState(portolan, 'paused')) === 'out-of-service');
    assert.deepEqual(await passing(portolan, 'paused'), []);
    await dockerd.call('POST', '/containers/paused/unpause');
    await waitUntil(async () => (await passing(portolan, 'paused')).length === 1);
  });

  await t.test('docker rename changes its ID, and leaves no other', async () => {
    await start('before');
    const { ID } = await appears(portolan, 'before');
    await dockerd.call('POST', '/containers/before/rename?name=after');
    await waitUntil(async () => (await one(portolan, 'before'))?.ID === ID.replace(':before:', ':after:'));
    assert.equal((await services(portolan)).filter(({ Service }) => Service === 'before').length, 1);
  });

  await t.test('host network and the network of another container', async () => {
    await start('in-host', { network: 'host', publish: [], expose: ['7001/tcp'] });
    const inHost = await appears(portolan, 'in-host');
    assert.deepEqual([inHost.Address, inHost.Port], ['127.0.0.1', 7001]);

    const owner = await start('owner');
    const { NetworkSettings } = (await dockerd.call('GET', '/containers/owner/json')) as {
      NetworkSettings: { IPAddress: string };
    };
    await dockerd.call('POST', '/commit?container=owner&repo=portolan-test&tag=side', {
      ExposedPorts: { '7002/tcp': {} },
    });
    const side = { network: `container:${owner}`, publish: [], image: 'portolan-test:side' };
    await start('side', side);
    const beside = await appears(portolan, 'side-7002');
    assert.deepEqual([beside.Address, beside.Port], [NetworkSettings.IPAddress, 7002]);
  });

  await t.test('a TTL check is kept by the application, over Consul', async () => {
    await start('beating', { labels: { SERVICE_NAME: 'beating', SERVICE_CHECK_TTL: '60s' } });
    const { ID } = await appears(portolan, 'beating');
    assert.deepEqual(await passing(portolan, 'beating'), []);
    const pass = `${portolan.http}/v1/agent/check/pass/service:${encodeURIComponent(ID)}`;
    assert.equal((await fetch(pass, { method: 'PUT' })).status, 200);
    assert.equal((await passing(portolan, 'beating')).length, 1);
  });

  await t.test('what another brought under the same ID stays as it is, until it goes', async () => {
    const body = JSON.stringify({ Name: 'theirs', ID: 'same', Port: 1234 });
    await fetch(`${portolan.http}/v1/agent/service/register`, { method: 'PUT', body });
    await start('ours', { labels: { SERVICE_NAME: 'ours', SERVICE_ID: 'same' } });
    await waitUntil(() => /"same\\" is not registered: consul \(agent\)/.test(portolan.program.output()));
    assert.equal((await one(portolan, 'theirs'))?.Port, 1234);
    assert.equal(await one(portolan, 'ours'), undefined);
    await fetch(`${portolan.http}/v1/agent/service/deregister/same`, { method: 'PUT' });
    await appears(portolan, 'ours');
  });

  await t.test('fifty at once are registered, each once, and go at once', async () => {
    const names = Array.from({ length: 50 }, (_, index) => `many-${index}`);
    const labels = { SERVICE_NAME: 'many' };
    await Promise.all(
      names.map((name) => start(name, { labels, publish: [], network: 'host', expose: ['9/tcp'] })),
    );
    const ids = await waitUntil(
      async () => {
        const found = (await services(portolan)).filter(({ Service }) => Service === 'many');
        return found.length === names.length ? found.map(({ ID }) => ID.split(':')[1] ?? '') : undefined;
      },
      { what: 'all fifty', timeoutMs: 30_000 },
    );
    assert.deepEqual(ids.toSorted(), names.toSorted());
    await Promise.all(names.map((name) => dockerd.call('DELETE', `/containers/${name}?force=1`)));
    await goes(portolan, 'many');
  });
});

test('network connect and disconnect move a container that is registered by its own address', async (t) => {
  const rig = await startRig(t, ['--docker-internal']);
  if (rig === undefined) return;
  const { dockerd, portolan } = rig;
  await dockerd.createNetwork('first');
  await dockerd.createNetwork('second');
  const labels = { SERVICE_NAME: 'moving' };
  await dockerd.run({ name: 'moving', cmd: idle, expose: ['7000/tcp'], network: 'first', labels });
  const addressIn = async (network: string): Promise<string | undefined> => {
    const { NetworkSettings } = (await dockerd.call('GET', '/containers/moving/json')) as {
      NetworkSettings: { Networks: Record<string, { IPAddress: string }> };
    };
    return NetworkSettings.Networks[network]?.IPAddress;
  };
  const { Address, Port } = await appears(portolan, 'moving');
  assert.deepEqual([Address, Port], [await addressIn('first'), 7000]);
  await dockerd.call('POST', '/networks/second/connect', { Container: 'moving' });
  await dockerd.call('POST', '/networks/first/disconnect', { Container: 'moving' });
  const second = await addressIn('second');
  assert.notEqual(second, Address);
  await waitUntil(async () => (await one(portolan, 'moving'))?.Address === second);
});

test('with on-success a container that failed stays, critical, until it is removed', async (t) => {
  const rig = await startRig(t, ['--docker-deregister', 'on-success']);
  if (rig === undefined) return;
  const { dockerd, portolan } = rig;
  const exits = (code: number): string[] => [
    'sh',
    '-c',
    `trap "exit ${code}" USR1; while :; do sleep 1000 & wait $!; done`,
  ];
  for (const code of [0, 3]) {
    const name = `exits-${code}`;
    await dockerd.run({ name, cmd: exits(code), publish: ['80/tcp'], labels: { SERVICE_NAME: name } });
    await appears(portolan, name);
    await dockerd.call('POST', `/containers/${name}/kill?signal=USR1`);
  }
  await goes(portolan, 'exits-0');
  await waitUntil(async () => (await passing(portolan, 'exits-3')).length === 0);
  const response = await fetch(`${portolan.http}/v1/health/service/exits-3`);
  const [found] = (await response.json()) as { Checks: { Status: string; Output: string }[] }[];
  const check = found?.Checks.find(({ Status }) => Status === 'critical');
  assert.equal(check?.Output, 'the container ended with exit code 3');
  await dockerd.call('POST', '/containers/exits-3/start');
  await waitUntil(async () => (await passing(portolan, 'exits-3')).length === 1);
  await dockerd.call('POST', '/containers/exits-3/kill?signal=USR1');
  await waitUntil(async () => (await passing(portolan, 'exits-3')).length === 0);
  await dockerd.call('DELETE', '/containers/exits-3');
  await goes(portolan, 'exits-3');
});

test('a daemon that is killed and comes back: what it registered stays meanwhile, then is what runs', async (t) => {
  if (!requireDockerd(t)) return;
  const home = dockerdHome(t);
  const first = await launchDockerd(home);
  const portolan = await startServer(t, first);
  const publish = ['80/tcp'];
  const restarts = { RestartPolicy: { Name: 'always' } };
  await first.run({
    name: 'returns',
    cmd: idle,
    publish,
    labels: { SERVICE_NAME: 'returns' },
    hostConfig: restarts,
  });
  await first.run({ name: 'leaves', cmd: idle, publish, labels: { SERVICE_NAME: 'leaves' } });
  await appears(portolan, 'returns');
  await appears(portolan, 'leaves');

  first.kill('SIGKILL');
  await first.exited;
  await waitUntil(() => /Docker is away/.test(portolan.program.output()));
  assert.deepEqual((await services(portolan)).map(({ Service }) => Service).toSorted(), [
    'leaves',
    'returns',
  ]);

  const second = await launchDockerd(home);
  await goes(portolan, 'leaves');
  const returned = await waitUntil(async () => {
    const port = await second.hostPort('returns', '80/tcp');
    const found = await one(portolan, 'returns');
    return found?.Port === port ? found : undefined;
  });
  assert.match(returned.ID, /:returns:80$/);

  // An orderly end: it stops its containers, which is told before the events end.
  await second.stop(20_000);
  await goes(portolan, 'returns');
  await launchDockerd(home);
  await appears(portolan, 'returns');
});

test('a restart of Portolan mends what it missed, and takes nothing away before the first list', async (t) => {
  if (!requireDockerd(t)) return;
  const home = dockerdHome(t);
  const dockerd = await launchDockerd(home);
  const dataDir = newDataDir(t);
  const start = (name: string): Promise<string> =>
    dockerd.run({ name, cmd: idle, publish: ['80/tcp'], labels: { SERVICE_NAME: name } });
  const first = await startServer(t, dockerd, [], dataDir);
  await start('stays');
  await start('ends-meanwhile');
  await appears(first, 'stays');
  await appears(first, 'ends-meanwhile');
  await first.program.stop();

  await dockerd.call('DELETE', '/containers/ends-meanwhile?force=1');
  await start('starts-meanwhile');
  const noEngine = await startPortolan(t, { dataDir, args: ['--docker', 'unix:///nowhere/docker.sock'] });
  await waitUntil(() => /Docker is away/.test(noEngine.program.output()));
  assert.equal((await fetch(`${noEngine.http}/readyz`)).status, 503);
  assert.deepEqual((await services(noEngine)).map(({ Service }) => Service).toSorted(), [
    'ends-meanwhile',
    'stays',
  ]);
  await noEngine.program.stop();

  const second = await startServer(t, dockerd, [], dataDir);
  const names = (await services(second)).map(({ Service }) => Service);
  assert.deepEqual(names.toSorted(), ['starts-meanwhile', 'stays']);
  await second.program.stop();

  const turnedOff = await startPortolan(t, { dataDir });
  assert.deepEqual(await services(turnedOff), []);
});

test('a connection that breaks is made again, and everything is compared anew', async (t) => {
  if (!requireDockerd(t)) return;
  const dockerd = await launchDockerd(dockerdHome(t));
  const door = await openDoor(t, dockerd.host.replace('unix://', ''));
  const portolan = await startPortolan(t, { dataDir: newDataDir(t), args: ['--docker', door.url] });
  const start = (name: string): Promise<string> =>
    dockerd.run({ name, cmd: idle, publish: ['80/tcp'], labels: { SERVICE_NAME: name } });
  await start('early');
  await appears(portolan, 'early');

  door.shut();
  await waitUntil(() => /Docker is away/.test(portolan.program.output()));
  await dockerd.call('DELETE', '/containers/early?force=1');
  await start('late');
  assert.notEqual(await one(portolan, 'early'), undefined);

  door.open();
  await appears(portolan, 'late');
  await goes(portolan, 'early');
});

test('docker.ttl removes what an engine registered that stays away', async (t) => {
  if (!requireDockerd(t)) return;
  const dockerd = await launchDockerd(dockerdHome(t));
  const door = await openDoor(t, dockerd.host.replace('unix://', ''));
  const args = ['--docker', door.url, '--docker-ttl', '5s'];
  const portolan = await startPortolan(t, { dataDir: newDataDir(t), args });
  await dockerd.run({ name: 'held', cmd: idle, publish: ['80/tcp'], labels: { SERVICE_NAME: 'held' } });
  await appears(portolan, 'held');
  door.shut();
  await goes(portolan, 'held');
  door.open();
  await appears(portolan, 'held');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Dockerd } from '@portolan/testkit/launch-dockerd.ts';
import { dockerdHome, launchDockerd, requireDockerd } from '@portolan/testkit/launch-dockerd.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import {
  adminState,
  appears,
  goes,
  idle,
  newDataDir,
  one,
  openDoor,
  services,
  startIn,
  startServer,
} from './docker-rig.ts';

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
  const noEngine = await startIn(t, dataDir, ['--docker', 'unix:///nowhere/docker.sock']);
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

  const turnedOff = await startIn(t, dataDir, []);
  assert.deepEqual(await services(turnedOff), []);
});

test('a connection that breaks is made again, and everything is compared anew', async (t) => {
  if (!requireDockerd(t)) return;
  const dockerd = await launchDockerd(dockerdHome(t));
  const door = await openDoor(t, dockerd.host.replace('unix://', ''));
  const portolan = await startIn(t, newDataDir(t), ['--docker', door.url]);
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
  const portolan = await startIn(t, newDataDir(t), args);
  await dockerd.run({ name: 'held', cmd: idle, publish: ['80/tcp'], labels: { SERVICE_NAME: 'held' } });
  await appears(portolan, 'held');
  door.shut();
  await goes(portolan, 'held');
  door.open();
  await appears(portolan, 'held');
});

test('after any mixture of events and broken connections the catalog is what runs', async (t) => {
  if (!requireDockerd(t)) return;
  const dockerd = await launchDockerd(dockerdHome(t));
  const door = await openDoor(t, dockerd.host.replace('unix://', ''));
  const portolan = await startIn(t, newDataDir(t), ['--docker', door.url]);
  const names = Array.from({ length: 6 }, (_, index) => `c${index}`);
  for (const name of names) {
    await dockerd.run({ name, cmd: idle, publish: ['80/tcp'], labels: { SERVICE_NAME: name } });
  }
  const random = seededRandom(7);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const actions = ['start', 'kill', 'stop?t=1', 'restart?t=1', 'pause', 'unpause', 'door'];
  for (let step = 0; step < 60; step += 1) {
    const action = pick(actions);
    if (action !== 'door') {
      // What is not possible in the container's state is refused: no harm.
      await dockerd.call('POST', `/containers/${pick(names)}/${action}`).catch(() => undefined);
    } else if (random() < 0.5) door.shut();
    else door.open();
  }
  door.open();
  for (const name of names) {
    const expected = await stateOf(dockerd, name);
    await waitUntil(async () => (await adminState(portolan, name)) === expected.adminState, {
      what: `${name} to be ${expected.adminState ?? 'gone'}`,
      timeoutMs: 20_000,
    });
    assert.equal((await one(portolan, name))?.Port, expected.port, name);
  }
  const running = (await services(portolan)).map(({ Service }) => Service);
  assert.equal(new Set(running).size, running.length);
});

/** What an engine says about a container, as it should be registered. */
async function stateOf(
  dockerd: Dockerd,
  name: string,
): Promise<{ adminState: string | undefined; port: number | undefined }> {
  const { State } = (await dockerd.call('GET', `/containers/${name}/json`)) as {
    State: { Running: boolean; Paused: boolean };
  };
  if (!State.Running) return { adminState: undefined, port: undefined };
  const port = await dockerd.hostPort(name, '80/tcp');
  return { adminState: State.Paused ? 'out-of-service' : 'in-service', port };
}

/** Marsaglia's xorshift: the same steps in every run. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { ContainerOptions } from '@portolan/testkit/dockerd-api.ts';
import { requireProgram } from '@portolan/testkit/require-program.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import {
  adminState,
  appears,
  goes,
  idle,
  one,
  passing,
  services,
  startRig,
  type WireService,
} from './docker-rig.ts';

const run = promisify(execFile);

/** It ends a second after it was told to, as one does that finishes its requests. */
const slowToEnd = ['sh', '-c', 'trap "sleep 1; exit 0" TERM; sleep 1000 & wait $!; wait'];
const web = ['httpd', '-f', '-p', '8080', '-h', '/www'];

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

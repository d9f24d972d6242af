import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { checkRecord } from '@portolan/core/catalog/validate.ts';
import fc from 'fast-check';
import { readContainer } from './container.ts';
import { alone, container, labelled, place, recorded, recordedNames } from './docker.fixture.ts';
import { translate } from './translate.ts';

for (const name of recordedNames) {
  test(`what an engine says about the container "${name}" becomes the expected registrations`, () => {
    const owner = name === 'side' ? recorded('web') : undefined;
    const translation = translate(recorded(name), place(), { networkOwner: owner, stopping: false });
    const golden = new URL(`testdata/golden/${name}.json`, import.meta.url);
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(golden, JSON.stringify(translation, undefined, 2));
    assert.deepEqual(JSON.parse(JSON.stringify(translation)), JSON.parse(readFileSync(golden, 'utf8')));
  });
}

const only = (...args: Parameters<typeof translate>) => {
  const [first, ...more] = translate(...args).registrations;
  assert.ok(first !== undefined && more.length === 0);
  return first;
};

test('a plain container is named for its image, at the host', () => {
  const { instance, checks } = only(container(), place(), alone);
  assert.equal(instance.service, 'shop');
  assert.equal(instance.id, 'web1:shop-1:8080');
  assert.deepEqual([instance.address, instance.port], ['192.0.2.1', 32_000]);
  assert.deepEqual([instance.node, instance.adminState, checks], ['n1', 'in-service', []]);
});

test('the name of an image is its base, whatever stands around it', () => {
  for (const image of [
    'shop',
    'shop:1',
    'a/b/shop:1',
    'r:5000/shop',
    'r:5000/a/shop@sha256:12ab',
    'shop:1@sha256:12',
  ]) {
    assert.equal(only(container({ image }), place(), alone).instance.service, 'shop', image);
  }
});

test('docker.ip wins over where a port is bound; without it a bound address is kept', () => {
  const ports = new Map([['8080/tcp', [{ address: '192.0.2.77', port: 32_000 }]]]);
  assert.equal(only(container({ ports }), place(), alone).instance.address, '192.0.2.77');
  assert.equal(only(container({ ports }), place({ ip: '192.0.2.9' }), alone).instance.address, '192.0.2.9');
});

test('docker.internal registers the own address, of unpublished ports too', () => {
  const unpublished = container({ ports: new Map([['8080/tcp', []]]) });
  assert.deepEqual(translate(unpublished, place(), alone).registrations, []);
  const { instance } = only(unpublished, place({ internal: true }), alone);
  assert.deepEqual([instance.address, instance.port], ['172.17.0.2', 8080]);
});

test('docker.internal takes the network that the container was made in, by name or id, then the first with an address', () => {
  const internal = place({ internal: true });
  const networks = new Map([
    ['zoo', { id: 'id-zoo', address: '10.0.3.1' }],
    ['app', { id: 'id-app', address: '10.0.1.1' }],
    ['aaa', { id: 'id-aaa', address: '' }],
  ]);
  const addressOf = (networkMode: string): string =>
    only(container({ networks, networkMode }), internal, alone).instance.address;
  assert.equal(addressOf('zoo'), '10.0.3.1');
  assert.equal(addressOf('id-zoo'), '10.0.3.1');
  assert.equal(addressOf('gone'), '10.0.1.1');
});

test('docker.ip-from-label takes the address of a label, without its prefix length', () => {
  const withLabel = labelled({ 'io.rancher.container.ip': '10.42.1.7/16' });
  const config = { ipFromLabel: 'io.rancher.container.ip' };
  const { instance } = only(withLabel, place(config), alone);
  assert.deepEqual([instance.address, instance.port], ['10.42.1.7', 32_000]);
  assert.equal(only(container(), place(config), alone).instance.address, '192.0.2.1');
});

test('docker.explicit leaves out what has no name', () => {
  const explicit = place({ explicit: true });
  assert.deepEqual(translate(container(), explicit, alone).registrations, []);
  assert.equal(only(labelled({ SERVICE_NAME: 'named' }), explicit, alone).instance.service, 'named');
  assert.equal(only(labelled({ SERVICE_8080_NAME: 'named' }), explicit, alone).instance.service, 'named');
});

test('SERVICE_IGNORE with any text leaves a container, or one port, out', () => {
  assert.deepEqual(translate(labelled({ SERVICE_IGNORE: 'no' }), place(), alone).registrations, []);
  assert.deepEqual(translate(labelled({ SERVICE_8080_IGNORE: '1' }), place(), alone).registrations, []);
  assert.equal(translate(labelled({ SERVICE_81_IGNORE: '1' }), place(), alone).registrations.length, 1);
  assert.equal(translate(labelled({ SERVICE_IGNORE: '' }), place(), alone).registrations.length, 1);
});

test('several ports are told apart by name and ID; UDP has a tag and a suffix', () => {
  const ports = new Map([
    ['53/udp', [{ address: '', port: 1053 }]],
    ['53/tcp', [{ address: '', port: 1053 }]],
    ['9/sctp', [{ address: '', port: 9 }]],
  ]);
  const { registrations, problems } = translate(
    container({ ports, exposedPorts: [], labels: new Map([['SERVICE_NAME', 'dns']]) }),
    place({ tags: 'forced' }),
    alone,
  );
  assert.deepEqual(
    registrations.map(({ instance: { service, id, tags } }) => [service, id, tags]),
    [
      ['dns-53', 'web1:shop-1:53', ['forced']],
      ['dns-53', 'web1:shop-1:53:udp', ['forced', 'udp']],
    ],
  );
  assert.deepEqual(problems, ['port 9/sctp is left out: only tcp and udp can be registered']);
});

test('docker.tags may be a template; one that fails for a container costs it only these tags', () => {
  const template = place({ tags: 'at-{{ .Name | toUpper }}' });
  const { instance } = only(container({ inspect: { Name: '/x' } }), template, alone);
  assert.deepEqual(instance.tags, ['at-/X']);
  const { registrations, problems } = translate(container({ inspect: { Name: 1 } }), template, alone);
  assert.deepEqual(registrations[0]?.instance.tags, []);
  assert.match(problems.join(), /^docker\.tags does not work for it: /);
});

test('SERVICE_ID replaces the whole ID; the other names become metadata', () => {
  const { instance } = only(
    labelled({
      SERVICE_ID: 'mine',
      SERVICE_TAGS: 'a,b\\,c,,d',
      SERVICE_REGION: 'eu',
      SERVICE_9_REGION: 'x',
      OTHER: 'y',
    }),
    place(),
    alone,
  );
  assert.equal(instance.id, 'mine');
  assert.deepEqual(instance.tags, ['a', 'b,c', 'd']);
  assert.deepEqual({ ...instance.metadata }, { region: 'eu' });
});

test('stopping drains, a pause takes out of service, what is stopped is nothing', () => {
  const stateOf = (state: 'running' | 'paused', stopping: boolean) =>
    only(container({ state }), place(), { networkOwner: undefined, stopping }).instance.adminState;
  assert.equal(stateOf('running', true), 'draining');
  assert.equal(stateOf('paused', false), 'out-of-service');
  assert.deepEqual(translate(container({ state: 'stopped' }), place(), alone), {
    registrations: [],
    problems: [],
  });
});

test('in the network of another container it has that one’s address, or is a problem', () => {
  const beside = container({ networkMode: 'container:c0', ports: new Map() });
  const owner = container({ id: 'c0' });
  const { instance } = only(beside, place(), { networkOwner: owner, stopping: false });
  assert.deepEqual([instance.address, instance.port], ['172.17.0.2', 8080]);
  const inHost = container({ id: 'c0', networkMode: 'host' });
  const { instance: atHost } = only(beside, place(), { networkOwner: inHost, stopping: false });
  assert.equal(atHost.address, '192.0.2.1');
  const orphan = translate(beside, place(), alone);
  assert.deepEqual(orphan.registrations, []);
  assert.match(orphan.problems.join(), /network it shares has no address/);
});

test('what the catalog would refuse is left out and named, the rest of the container is not', () => {
  const ports = new Map([
    ['80/tcp', [{ address: '', port: 80 }]],
    ['81/tcp', [{ address: '', port: 81 }]],
  ]);
  const { registrations, problems } = translate(
    container({ ports, exposedPorts: [], labels: new Map([['SERVICE_80_NAME', 'x'.repeat(300)]]) }),
    place(),
    alone,
  );
  assert.deepEqual(
    registrations.map(({ instance }) => instance.service),
    ['shop-81'],
  );
  assert.deepEqual(problems, ['port 80/tcp is not registered: service is larger than 255 bytes']);
});

test('whatever an engine and an image’s author say, the records are ones that the catalog takes', () => {
  const key = fc.oneof(
    fc.constantFrom('SERVICE_NAME', 'SERVICE_80_NAME', 'SERVICE_ID', 'SERVICE_TAGS', 'SERVICE_CHECK_HTTP'),
    fc.constantFrom('SERVICE_CHECK_TTL', 'SERVICE_CHECK_INTERVAL', 'SERVICE___proto__', '__proto__'),
    fc.string({ unit: 'binary' }),
  );
  const value = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('10s', '/health', '@evil.example/', '//evil.example', '\\\\evil'),
  );
  const port = fc.constantFrom('80/tcp', '53/udp', '1/sctp', '0/tcp', '99999/tcp', 'x/y', '');
  const binding = fc.record({
    HostIp: fc.constantFrom('', '::', '10.0.0.1', 'x\u0000'),
    HostPort: fc.constantFrom('80', '0', 'a', '70000'),
  });
  const inspect = fc.record({
    Id: fc.constantFrom('c1', 'c2'),
    Name: fc.string({ unit: 'binary' }),
    Created: fc.anything(),
    State: fc.oneof(fc.anything(), fc.constant({ Running: true, StartedAt: 'then' })),
    Config: fc.record({
      Image: fc.string({ unit: 'binary' }),
      Env: fc.oneof(fc.array(fc.tuple(key, value).map((pair) => pair.join('='))), fc.anything()),
      Labels: fc.oneof(fc.dictionary(key, value), fc.anything()),
      ExposedPorts: fc.oneof(fc.dictionary(port, fc.constant({})), fc.anything()),
    }),
    HostConfig: fc.oneof(
      fc.record({ NetworkMode: fc.constantFrom('default', 'host', 'none', 'container:c9', 'app') }),
      fc.anything(),
    ),
    NetworkSettings: fc.oneof(
      fc.record({
        Ports: fc.dictionary(port, fc.oneof(fc.array(binding), fc.constant(null))),
        Networks: fc.anything(),
      }),
      fc.anything(),
    ),
  });
  fc.assert(
    fc.property(inspect, fc.boolean(), (json, internal) => {
      const { registrations } = translate(readContainer(json), place({ internal }), alone);
      for (const { instance, checks } of registrations) {
        checkRecord(instance);
        for (const check of checks) {
          checkRecord(check);
          const probe = check.definition?.probe;
          if (probe?.type !== 'http') continue;
          const host = instance.address.includes(':') ? `[${instance.address}]` : instance.address;
          const port = instance.port === 80 ? '' : String(instance.port);
          assert.deepEqual([new URL(probe.url).hostname, new URL(probe.url).port], [host, port]);
        }
      }
    }),
    { numRuns: 300 },
  );
});

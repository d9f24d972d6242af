import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCatalog } from '@portolan/core/catalog/catalog.ts';
import { clusterIpRange } from '@portolan/core/rules/cluster-ip.ts';
import { clusterDefaults } from '@portolan/core/traffic/defaults.ts';
import type { Cluster, Endpoint } from '@portolan/core/traffic/model.ts';
import fc from 'fast-check';
import { nftConfig } from './config.ts';
import { changesOf, type NftSource, rulesetOf, type VirtualPort, virtualPorts } from './translate.ts';

const range = clusterIpRange('10.96.0.0/12');

function endpoint(address: string, port: number, more: Partial<Endpoint> = {}): Endpoint {
  return { id: `n/${address}:${port}`, address, port, weight: 1, state: 'healthy', labels: {}, ...more };
}

function sourceOf(
  services: Readonly<Record<string, object>>,
  clusters: Readonly<Record<string, readonly Endpoint[]>>,
): NftSource {
  const catalog = createCatalog();
  catalog.apply({
    revision: 1,
    writes: Object.entries(services).map(([name, spec]) => ({
      op: 'put' as const,
      record: {
        ...{ kind: 'rule' as const, apiVersion: 'v1', ruleKind: 'Service', namespace: 'default', name },
        manifest: { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec } as never,
        origin: { dialect: 'portolan', source: 'test', node: 'n1' },
      },
    })),
  });
  const made = Object.entries(clusters).map(([name, endpoints]): [string, Cluster] => [
    name,
    { ...clusterDefaults, name, endpoints },
  ]);
  return { catalog, traffic: { clusters: new Map(made) } };
}

function rules(source: NftSource): string {
  return rulesetOf(virtualPorts(source, range), range);
}

test('each port of each address leads to its endpoints, by their weights', () => {
  const text = rules(
    sourceOf(
      {
        one: { clusterIP: '10.96.0.1', ports: [{ port: 80 }, { port: 53, protocol: 'UDP', name: 'dns' }] },
        two: { clusterIP: '10.96.0.2', ports: [{ port: 80 }], sessionAffinity: 'ClientIP' },
      },
      {
        'one:80': [endpoint('10.1.0.1', 8080), endpoint('10.1.0.2', 8080)],
        'one:53/udp': [endpoint('10.1.0.1', 5353, { weight: 6 }), endpoint('10.1.0.2', 5353, { weight: 3 })],
        'two:80': [endpoint('10.1.0.1', 1), endpoint('10.1.0.2', 2), endpoint('10.1.0.3', 3)],
      },
    ),
  );
  for (const line of [
    'tcp . 10.96.0.1 . 80 : goto tcp_10_96_0_1_80,',
    'dnat ip to numgen random mod 2 map { 0 : 10.1.0.1 . 8080, 1 : 10.1.0.2 . 8080 }',
    'dnat ip to numgen random mod 3 map { 0-1 : 10.1.0.1 . 5353, 2 : 10.1.0.2 . 5353 }',
    'dnat ip to jhash ip saddr mod 3 seed 1886351988 map { 0 : 10.1.0.1 . 1, 1 : 10.1.0.2 . 2, 2 : 10.1.0.3 . 3 }',
  ]) {
    assert.ok(text.includes(line), `${line}\n${text}`);
  }
  assert.match(text, /^table ip portolan \{\}\ndelete table ip portolan\ntable ip portolan \{\n/);
});

test('who leaves is only asked when there is nobody else, and who has no IPv4 address never', () => {
  const service = { web: { clusterIP: '10.96.0.1', ports: [{ port: 80 }] } };
  const leaving = endpoint('10.1.0.1', 80, { state: 'draining' });
  const staying = endpoint('10.1.0.2', 80);
  const others = [endpoint('::1', 80), endpoint('db.example', 80), endpoint('10.1.0.4', 80, { weight: 0 })];
  const seen = (...endpoints: readonly Endpoint[]): number[] =>
    virtualPorts(sourceOf(service, { 'web:80': endpoints }), range).flatMap((port) =>
      port.endpoints.map(({ address }) => address % 256),
    );
  assert.deepEqual(seen(leaving, staying, ...others), [2]);
  assert.deepEqual(seen(leaving, ...others), [1]);
  assert.deepEqual(seen(...others), []);
});

test('what has no address in the range is left alone: headless, external, elsewhere', () => {
  const ports = [{ port: 80 }];
  const services = {
    headless: { clusterIP: 'None', ports },
    outside: { clusterIP: '192.168.0.1', ports },
    external: { type: 'ExternalName', externalName: 'a.example', ports },
    sctp: { clusterIP: '10.96.0.9', ports: [{ port: 80, protocol: 'SCTP' }] },
  };
  assert.deepEqual(virtualPorts(sourceOf(services, {}), range), []);
});

test('nothing that somebody wrote gets into the rules', () => {
  const hostile = fc.oneof(
    fc.string(),
    ...['10.1.0.1; flush ruleset', '10.1.0.1\n}', '10.1.0.1/0'].map(fc.constant),
  );
  const ports = [{ port: 80 }];
  fc.assert(
    fc.property(hostile, hostile, (clusterIP, address) => {
      const web = { clusterIP, ports };
      const good = { clusterIP: '10.96.0.1', ports: [{ port: 80, name: clusterIP }] };
      const source = sourceOf(
        { web, good },
        { 'good:80': [endpoint(address, 80)], 'web:80': [endpoint('10.1.0.1', 80)] },
      );
      assert.equal(rules(source), rules(sourceOf({}, {})));
    }),
  );
});

test('a change concerns its own port only', () => {
  const port = (last: number, ...endpoints: readonly number[]): VirtualPort => ({
    ...{ address: range.first + last, protocol: 'tcp', port: 80, bySource: false },
    endpoints: endpoints.map((address) => ({ address, port: 8080, weight: 1 })),
  });
  assert.equal(changesOf([port(1, 7), port(2, 7)], [port(1, 7), port(2, 7)]), '');
  assert.equal(
    changesOf(
      [port(1, 7), port(2, 7), port(3, 7), port(5)],
      [port(1, 7), port(2, 8), port(3), port(4, 7), port(5)],
    ),
    [
      'delete element ip portolan services { tcp . 10.96.0.3 . 80 }',
      'flush chain ip portolan tcp_10_96_0_3_80',
      'delete chain ip portolan tcp_10_96_0_3_80',
      'flush chain ip portolan tcp_10_96_0_2_80',
      'add rule ip portolan tcp_10_96_0_2_80 meta l4proto tcp dnat ip to 0.0.0.8:8080',
      'add chain ip portolan tcp_10_96_0_4_80',
      'add rule ip portolan tcp_10_96_0_4_80 meta l4proto tcp dnat ip to 0.0.0.7:8080',
      'add element ip portolan services { tcp . 10.96.0.4 . 80 : goto tcp_10_96_0_4_80 }',
      '',
    ].join('\n'),
  );
});

test('a range of loopback, and a user without rights, are refused before anything is done', () => {
  const root = { platform: 'linux', userId: 0 };
  assert.deepEqual(nftConfig({ mode: 'nft', range }, root), { range });
  assert.equal(nftConfig({ mode: 'listen', range }, { platform: 'darwin', userId: 501 }), undefined);
  assert.throws(
    () => nftConfig({ mode: 'nft', range: clusterIpRange('127.96.0.0/12') }, root),
    /cluster-ip\.range must be outside 127/,
  );
  assert.throws(
    () => nftConfig({ mode: 'nft', range }, { platform: 'linux', userId: 1000 }),
    /cluster-ip\.mode/,
  );
});

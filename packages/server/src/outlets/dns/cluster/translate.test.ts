import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CatalogRecord } from '@portolan/core/catalog/records.ts';
import {
  instance,
  labelled,
  node,
  put,
  rule,
  type WrittenManifest,
  world,
} from '@portolan/core/traffic/planner.fixture.ts';
import type { Answer } from '../answer.ts';
import { type Resource, rcode, typeCode } from '../message.ts';
import { serviceAt } from './services.ts';
import { type ClusterZone, clusterAnswer, clusterPointer } from './translate.ts';

const zone: ClusterZone = { domain: ['cluster', 'local'], serverAddress: '127.0.0.1' };

function service(name: string, spec: object, namespace = 'default'): CatalogRecord {
  return rule({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec } as WrittenManifest);
}

const records: readonly CatalogRecord[] = [
  node('n1'),
  labelled('web', '10.0.0.1', {}, { tags: ['http'] }),
  labelled('web', '10.0.0.2', {}, { port: 8081, tags: ['http'] }),
  labelled('web', '2001:db8::1'),
  instance('Mixed.Case', 'm', { address: '10.0.0.9' }),
  service('virtual', {
    clusterIP: '127.96.0.7',
    selector: { app: 'web' },
    ports: [
      { name: 'http', port: 80 },
      { name: 'dns', port: 53, protocol: 'UDP' },
    ],
  }),
  service('headless', { clusterIP: 'None', selector: { app: 'web' }, ports: [{ name: 'http', port: 80 }] }),
  service('listed', { clusterIP: 'None', ports: [{ name: 'peer', port: 7000 }] }),
  rule({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'listed-1', labels: { 'kubernetes.io/service-name': 'listed' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.1.0.1'], hostname: 'db-0' }, { addresses: ['10.1.0.2'] }],
    ports: [{ name: 'peer', port: 7000 }],
  } as WrittenManifest),
  service('empty', { clusterIP: 'None', selector: { app: 'nobody' }, ports: [{ port: 80 }] }),
  service('outside', { type: 'ExternalName', externalName: 'db.example.com' }),
  service('other', { clusterIP: '127.96.0.8', ports: [{ port: 80 }] }, 'team'),
];

const { catalog, planner, write } = world({ gatewayDomain: 'localhost' });
write(put(...records));
const source = { catalog, traffic: planner.model };

function ask(name: string, type: keyof typeof typeCode = 'A'): Answer {
  return clusterAnswer(source, `${name}.cluster.local`.split('.'), typeCode[type], zone);
}

function shown({ fixed, shuffled }: Answer): string[] {
  return [...fixed, ...shuffled].map(text).sort();
}

function text(record: Resource): string {
  switch (record.type) {
    case 'A':
    case 'AAAA':
      return record.address;
    case 'SRV':
      return `${record.port} ${record.target.join('.')}`;
    case 'CNAME':
    case 'PTR':
    case 'NS':
      return record.target.join('.');
    case 'TXT':
      return record.strings.join('');
    default:
      return record.type;
  }
}

test('a Service has its virtual address, and SRV records of its named ports', () => {
  assert.deepEqual(shown(ask('virtual.default.svc')), ['127.96.0.7']);
  const none = ask('virtual.default.svc', 'AAAA');
  assert.deepEqual([none.rcode, shown(none)], [rcode.noError, []]);
  const srv = ask('_http._tcp.virtual.default.svc', 'SRV');
  assert.deepEqual(shown(srv), ['80 virtual.default.svc.cluster.local']);
  assert.deepEqual(srv.targets.get('virtual.default.svc.cluster.local')?.map(text), ['127.96.0.7']);
  assert.deepEqual(shown(ask('_dns._udp.virtual.default.svc', 'SRV')), [
    '53 virtual.default.svc.cluster.local',
  ]);
  for (const name of ['_dns._tcp.virtual', '_x._tcp.virtual', '_http._tcp.gone'])
    assert.equal(ask(`${name}.default.svc`, 'SRV').rcode, rcode.nameError, name);
});

test('a headless one has the addresses of its endpoints, each with a name of its own', () => {
  assert.deepEqual(shown(ask('headless.default.svc')), ['10.0.0.1', '10.0.0.2']);
  assert.deepEqual(shown(ask('headless.default.svc', 'AAAA')), ['2001:db8::1']);
  assert.deepEqual(shown(ask('_http._tcp.headless.default.svc', 'SRV')), [
    '8080 0a000001.headless.default.svc.cluster.local',
    '8080 20010db8000000000000000000000001.headless.default.svc.cluster.local',
    '8081 0a000002.headless.default.svc.cluster.local',
  ]);
  assert.deepEqual(shown(ask('0a000001.headless.default.svc')), ['10.0.0.1']);
  assert.equal(ask('0a0000ff.headless.default.svc').rcode, rcode.nameError);
  assert.deepEqual(shown(ask('db-0.listed.default.svc')), ['10.1.0.1']);
  assert.deepEqual(shown(ask('_peer._tcp.listed.default.svc', 'SRV')), [
    '7000 0a010002.listed.default.svc.cluster.local',
    '7000 db-0.listed.default.svc.cluster.local',
  ]);
  assert.equal(ask('empty.default.svc').rcode, rcode.nameError, 'nobody is ready');
});

test('a service that no manifest defines is found by its registrations', () => {
  assert.deepEqual(shown(ask('web.default.svc')), ['10.0.0.1', '10.0.0.2']);
  assert.deepEqual(shown(ask('_http._tcp.web.default.svc', 'SRV')).length, 3);
  assert.deepEqual(shown(ask('mixed.case.default.svc')), ['10.0.0.9']);
});

test('an ExternalName is an alias', () => {
  assert.deepEqual(shown(ask('outside.default.svc')), ['db.example.com']);
});

test('names between and around', () => {
  assert.deepEqual(shown(ask('dns-version', 'TXT')), ['1.1.0']);
  assert.deepEqual(shown(ask('10-0-0-1.default.pod')), ['10.0.0.1']);
  assert.deepEqual(shown(ask('2001-db8--1.default.pod', 'AAAA')), ['2001:db8::1']);
  const exists = ['svc', 'default.svc', 'team.svc', 'pod', 'other.team.svc'];
  for (const name of exists) assert.equal(ask(name).rcode, rcode.noError, name);
  const missing = [
    ...['x.svc', 'nobody.default.svc', 'web.x.svc', 'x', 'a.b.c', 'nope.default.pod', '10-0-0-1.x.pod'],
    // What a search list makes of a whole name.
    ...['virtual.default.svc.cluster.local.svc', 'virtual.default.svc.cluster.local.default.svc'],
  ];
  for (const name of missing) assert.equal(ask(name).rcode, rcode.nameError, name);
  assert.deepEqual(shown(clusterAnswer(source, ['cluster', 'local'], typeCode.NS, zone)), [
    'ns.dns.cluster.local',
  ]);
  assert.deepEqual(shown(ask('ns.dns')), ['127.0.0.1']);
});

test('a virtual address points back at its Service', () => {
  const found = serviceAt(source, '127.96.0.7');
  assert.deepEqual(found, { namespace: 'default', name: 'virtual' });
  assert.equal(found && text(clusterPointer(found, zone, [])), 'virtual.default.svc.cluster.local');
  assert.equal(serviceAt(source, '10.0.0.1'), undefined);
});

test('an answer depends on the clusters and rules that it was made of', () => {
  const { dependsOn } = ask('headless.default.svc');
  assert.deepEqual(dependsOn?.traffic, ['\0rules', 'headless:80']);
});

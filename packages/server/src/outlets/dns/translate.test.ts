import assert from 'node:assert/strict';
import { test } from 'node:test';
import { labelsFrom } from '@portolan/core/base/labels.ts';
import type { CatalogRecord, Health } from '@portolan/core/catalog/records.ts';
import type { Answer } from './answer.ts';
import { type DnsConfig, dnsConfig } from './config.ts';
import { checkRecord, directoryOf, instanceRecord, nodeRecord } from './dns.fixture.ts';
import { type Resource, rcode, typeCode } from './message.ts';
import { bytesOf } from './names.ts';
import { answer } from './translate.ts';
import { createZone } from './zone.ts';

type TypeName = Exclude<keyof typeof typeCode, 'OPT'>;

/** Asks a catalog of these records. */
function world(records: readonly CatalogRecord[], settings: Partial<DnsConfig> = {}) {
  const zone = createZone(dnsConfig(settings), 'dc1', '192.0.2.1');
  const directory = directoryOf(...records);
  const ask = (name: string, type: TypeName): Answer | undefined =>
    answer(directory, name === '' ? [] : name.split('.').map(bytesOf), typeCode[type], zone);
  /** The answer section as dig prints it, in a fixed order; or the name of the error. */
  const told = (name: string, type: TypeName = 'A'): string[] | string => {
    const found = ask(name, type);
    if (found === undefined) return 'outside';
    const lines = [...found.fixed, ...[...found.shuffled].sort(byText)].map(text);
    if (lines.length > 0) {
      assert.deepEqual(found.authorities, []);
      return lines;
    }
    assert.deepEqual(
      found.authorities.map((record) => record.type),
      ['SOA'],
    );
    return found.rcode === rcode.nameError ? 'NXDOMAIN' : 'NODATA';
  };
  return { ask, told, directory };
}

function byText(left: Resource, right: Resource): number {
  return text(left) < text(right) ? -1 : 1;
}

function text(record: Resource): string {
  switch (record.type) {
    case 'A':
    case 'AAAA':
      return record.address;
    case 'SRV':
      return `${record.priority} ${record.weight} ${record.port} ${record.target.join('.')}`;
    case 'TXT':
      return record.strings.join('|');
    case 'SOA':
      return `SOA ${record.primary.join('.')} ${record.serial}`;
    case 'other':
      return `TYPE${record.code}`;
    default:
      return `${record.type} ${record.target.join('.')}`;
  }
}

const n1 = nodeRecord('N1', '10.0.0.1', { metadata: labelsFrom({ env: 'prod', 'rfc1035-note': 'hello' }) });
const n2 = nodeRecord('n2', '2001:db8:0::2');
const web1 = instanceRecord('web', 'N1', 'web-1', { tags: ['V1', 'primary'], port: 8080 });
const web2 = instanceRecord('web', 'n2', 'web-2', {
  tags: ['v2'],
  address: '10.0.1.2',
  weights: { passing: 5, warning: 2 },
});
const basis = [n1, n2, web1, web2];

test('a service has the addresses of its instances, or of their nodes', () => {
  const { told } = world(basis);
  assert.deepEqual(told('web.service.consul'), ['10.0.0.1', '10.0.1.2']);
  assert.deepEqual(told('web.service.dc1.consul'), ['10.0.0.1', '10.0.1.2']);
  assert.equal(told('web.service.consul', 'AAAA'), 'NODATA');
  assert.equal(told('web.service.consul', 'TXT'), 'NODATA');
  assert.equal(told('nothing.service.consul'), 'NXDOMAIN');
  assert.equal(told('web.service.dc2.consul'), 'NXDOMAIN');
});

test('a tag narrows, whatever its case; one that nobody has is an unknown name', () => {
  const { told } = world(basis);
  assert.deepEqual(told('v1.web.service.consul'), ['10.0.0.1']);
  assert.deepEqual(told('_web._primary.service.consul', 'A'), ['10.0.0.1']);
  assert.deepEqual(told('_web._tcp.consul'), ['10.0.0.1', '10.0.1.2']);
  assert.equal(told('v3.web.service.consul'), 'NXDOMAIN');
});

test('_udp filters only where a tag udp is in use', () => {
  assert.deepEqual(world(basis).told('_web._udp.service.consul'), ['10.0.0.1', '10.0.1.2']);
  const tagged = instanceRecord('web', 'N1', 'web-3', { tags: ['udp'], address: '10.0.0.9' });
  assert.deepEqual(world([...basis, tagged]).told('_web._udp.service.consul'), ['10.0.0.9']);
});

test('of a dotted name the longest service wins, then the tag', () => {
  const dotted = instanceRecord('v1.web', 'N1', 'd', { address: '10.9.9.9' });
  assert.deepEqual(world([...basis, dotted]).told('v1.web.service.consul'), ['10.9.9.9']);
  const tag = instanceRecord('db', 'N1', 'db', { tags: ['eu.primary'], address: '10.9.9.8' });
  assert.deepEqual(world([n1, tag]).told('eu.primary.db.service.consul'), ['10.9.9.8']);
});

test('SRV names the node while the instance lives at its address, else the address, and brings the addresses along', () => {
  const { told, ask } = world(basis);
  assert.deepEqual(told('web.service.consul', 'SRV'), [
    '1 1 8080 N1.node.dc1.consul',
    '1 5 80 0a000102.addr.dc1.consul',
  ]);
  const targets = ask('web.service.consul', 'SRV')?.targets;
  assert.deepEqual(
    [...(targets ?? [])].map(([name, records]) => [name, records.map(text)]),
    [
      ['N1.node.dc1.consul', ['10.0.0.1']],
      ['0a000102.addr.dc1.consul', ['10.0.1.2']],
    ],
  );
  assert.deepEqual(told('0A000102.addr.dc1.consul'.toLowerCase()), ['10.0.1.2']);
  assert.equal(told('0a000102.addr.consul', 'AAAA'), 'NODATA');
  assert.equal(told('0a0001.addr.consul'), 'NXDOMAIN');
});

test('a node whose name cannot stand in a name is named by its address', () => {
  const odd = nodeRecord('node with spaces', '10.0.0.7');
  const { told } = world([odd, instanceRecord('web', odd.name, 'w')]);
  assert.deepEqual(told('web.service.consul', 'SRV'), ['1 1 80 0a000007.addr.dc1.consul']);
});

test('the critical are never told, those in warning unless only the passing are wanted, with their own weight', () => {
  const told = (health: Health, onlyPassing: boolean) =>
    world([...basis, checkRecord('n2', 'c', health, web2)], { onlyPassing }).told(
      'v2.web.service.consul',
      'SRV',
    );
  assert.deepEqual(told('passing', true), ['1 5 80 0a000102.addr.dc1.consul']);
  assert.deepEqual(told('warning', false), ['1 2 80 0a000102.addr.dc1.consul']);
  assert.equal(told('warning', true), 'NXDOMAIN');
  assert.equal(told('critical', false), 'NXDOMAIN');
});

test('a critical node takes its instances along, and so does one that drains', () => {
  assert.deepEqual(world([...basis, checkRecord('n2', 'serf', 'critical')]).told('web.service.consul'), [
    '10.0.0.1',
  ]);
  for (const adminState of ['draining', 'out-of-service'] as const) {
    assert.deepEqual(world([...basis, { ...n2, adminState }]).told('web.service.consul'), ['10.0.0.1']);
    assert.deepEqual(world([...basis, { ...web2, adminState }]).told('web.service.consul'), ['10.0.0.1']);
  }
});

test('a node has its address, and its metadata as text', () => {
  const { told } = world(basis);
  assert.deepEqual(told('n1.node.consul'), ['10.0.0.1']);
  assert.equal(told('n1.node.consul', 'AAAA'), 'NODATA');
  assert.deepEqual(told('n2.node.dc1.consul', 'AAAA'), ['2001:db8::2']);
  assert.deepEqual(told('n1.node.consul', 'TXT'), ['env=prod', 'hello']);
  assert.equal(told('n2.node.consul', 'TXT'), 'NODATA');
  assert.deepEqual(told('n1.node.consul', 'ANY'), ['env=prod', 'hello', '10.0.0.1']);
  assert.equal(told('n3.node.consul'), 'NXDOMAIN');
  assert.equal(told('n1.node.dc2.consul'), 'NXDOMAIN');
});

test('metadata is quoted as RFC 1464 says, long values are cut into strings', () => {
  const node = nodeRecord('n', '10.0.0.1', {
    metadata: labelsFrom({ 'a=`b ': '=', long: 'x'.repeat(300), ü: 'ü' }),
  });
  const [quoted, long, unicode] = world([node]).ask('n.node.consul', 'TXT')?.fixed ?? [];
  assert.deepEqual(quoted?.type === 'TXT' && quoted.strings, ['a`=``b` ==']);
  assert.deepEqual(long?.type === 'TXT' && long.strings.map((piece) => piece.length), [255, 50]);
  assert.deepEqual(unicode?.type === 'TXT' && unicode.strings, [bytesOf('ü=ü')]);
});

test('tagged addresses of the other family count where the main one is not of it', () => {
  const both = nodeRecord('both', '10.0.0.3', {
    taggedAddresses: labelsFrom({ lan_ipv4: '10.0.0.4', lan_ipv6: '2001:db8::3' }),
  });
  const { told } = world([both]);
  assert.deepEqual(told('both.node.consul', 'A'), ['10.0.0.3']);
  assert.deepEqual(told('both.node.consul', 'AAAA'), ['2001:db8::3']);
});

test('a service at a host name is an alias', () => {
  const outside = instanceRecord('ext', 'N1', 'e', { address: 'db.example.com' });
  const { told } = world([n1, outside]);
  assert.deepEqual(told('ext.service.consul'), ['CNAME db.example.com']);
  assert.deepEqual(told('ext.service.consul', 'SRV'), ['1 1 80 db.example.com']);
});

test('an alias into our own zone is followed, one in circles ends', () => {
  const inside = instanceRecord('ext', 'N1', 'e', { address: 'Web.service.consul' });
  assert.deepEqual(world([...basis, inside]).told('ext.service.consul'), [
    'CNAME web.service.consul',
    '10.0.0.1',
    '10.0.1.2',
  ]);
  const a = instanceRecord('a', 'N1', 'a', { address: 'b.service.consul' });
  const b = instanceRecord('b', 'N1', 'b', { address: 'a.service.consul' });
  const found = world([n1, a, b]).told('a.service.consul');
  assert.ok(Array.isArray(found) && found.length <= 6, String(found));
});

test('reverse names give nodes and services, in the main domain', () => {
  const { told } = world(basis, { altDomain: 'alt.example' });
  assert.deepEqual(told('1.0.0.10.in-addr.arpa', 'PTR'), ['PTR N1.node.dc1.consul']);
  assert.deepEqual(told('2.1.0.10.in-addr.arpa', 'PTR'), ['PTR web.service.dc1.consul']);
  const ipv6 = [...'20010db8000000000000000000000002'].reverse().join('.');
  assert.deepEqual(told(`${ipv6}.ip6.arpa`, 'PTR'), ['PTR n2.node.dc1.consul']);
  assert.equal(told('1.0.0.10.in-addr.arpa', 'A'), 'NODATA');
  assert.equal(told('9.9.9.9.in-addr.arpa', 'PTR'), 'outside');
});

test('the directory follows changes of nodes and instances', () => {
  const { told, directory } = world(basis);
  assert.deepEqual(told('1.0.0.10.in-addr.arpa', 'PTR'), ['PTR N1.node.dc1.consul']);
  const moved = { ...n1, address: '10.0.0.11' };
  const delta = directory.stored.apply({
    revision: 8,
    writes: [
      { op: 'put', record: moved },
      { op: 'put', record: nodeRecord('n3', '10.0.0.3') },
      { op: 'put', record: { ...web2, address: '10.0.1.3' } },
    ],
  });
  directory.changed(delta.nodes, delta.nodeList);
  assert.equal(told('1.0.0.10.in-addr.arpa', 'PTR'), 'outside');
  assert.deepEqual(told('11.0.0.10.in-addr.arpa', 'PTR'), ['PTR N1.node.dc1.consul']);
  assert.deepEqual(told('3.1.0.10.in-addr.arpa', 'PTR'), ['PTR web.service.dc1.consul']);
  assert.deepEqual(told('n3.node.consul'), ['10.0.0.3']);
});

test('the domain itself has SOA and NS, and a server with an address', () => {
  const { told, ask } = world(basis);
  assert.deepEqual(told('consul', 'SOA'), ['SOA ns.consul 7']);
  assert.deepEqual(told('consul', 'NS'), ['NS ns.consul']);
  assert.deepEqual(ask('consul', 'NS')?.additionals.map(text), ['192.0.2.1']);
  assert.deepEqual(told('ns.consul'), ['192.0.2.1']);
  assert.equal(told('consul', 'A'), 'NODATA');
});

test('names with names below them exist (RFC 8020)', () => {
  const { told } = world(basis);
  for (const name of [
    'service.consul',
    'node.consul',
    'dc1.consul',
    'service.dc1.consul',
    '_tcp.service.consul',
  ]) {
    assert.equal(told(name), 'NODATA', name);
  }
  assert.equal(told('dc9.consul'), 'NXDOMAIN');
});

test('other zones are not ours; the second domain is, and answers in its own name', () => {
  const { told } = world(basis, { domain: 'Consul.', altDomain: 'sub.consul' });
  assert.equal(told('web.service.example.com'), 'outside');
  assert.equal(told(''), 'outside');
  assert.deepEqual(told('web.service.sub.consul', 'SRV'), [
    '1 1 8080 N1.node.dc1.sub.consul',
    '1 5 80 0a000102.addr.dc1.sub.consul',
  ]);
});

test('TTLs: by exact name, by prefix, for all', () => {
  const serviceTtlSeconds = new Map([
    ['WEB', 1],
    ['db-*', 2],
    ['*', 3],
  ]);
  const services = ['web', 'db-main', 'other'].map((name) => instanceRecord(name, 'N1', name));
  const { ask } = world([n1, ...services], { serviceTtlSeconds, nodeTtlSeconds: 4 });
  const ttl = (name: string) => ask(name, 'A')?.shuffled[0]?.ttlSeconds;
  assert.deepEqual(
    ['web.service.consul', 'db-main.service.consul', 'other.service.consul', 'n1.node.consul'].map(ttl),
    [1, 2, 3, 4],
  );
});

test('services and nodes that differ in case only are never mixed', () => {
  const upper = instanceRecord('WEB', 'N1', 'u', { address: '10.0.5.5' });
  assert.deepEqual(world([...basis, upper]).told('web.service.consul'), ['10.0.0.1', '10.0.1.2']);
});

test('service names beyond ASCII are found by their UTF-8 bytes', () => {
  const { told } = world([n1, instanceRecord('Ünï', 'N1', 'u')]);
  assert.deepEqual(told('ünï.service.consul'), ['10.0.0.1']);
});

test('an answer says what it depends on; answers to names without number are not to be kept', () => {
  const { ask } = world(basis);
  assert.deepEqual(ask('v1.web.service.consul', 'A')?.dependsOn, { services: ['v1.web', 'web'], nodes: [] });
  assert.deepEqual(ask('n1.node.consul', 'A')?.dependsOn, { services: [], nodes: ['N1'] });
  for (const name of ['x.service.consul', 'x.web.service.consul', '0a000001.addr.consul', 'x.node.consul']) {
    assert.equal(ask(name, 'A')?.dependsOn, undefined, name);
  }
});

test('hostile names of services, nodes and tags are just names', () => {
  const node = nodeRecord('__proto__', '10.0.0.1');
  const hostile = instanceRecord('constructor', '__proto__', 'x', { tags: ['__proto__'] });
  const { told } = world([node, hostile]);
  assert.deepEqual(told('__proto__.constructor.service.consul'), ['10.0.0.1']);
  assert.deepEqual(told('__proto__.node.consul'), ['10.0.0.1']);
  assert.equal(told('tostring.service.consul'), 'NXDOMAIN');
});

test('a prepared query answers by name and by id, with its own TTL, nearest node first', () => {
  const query = (id: string, name: string, rest: object, service: object): CatalogRecord => ({
    kind: 'rule',
    apiVersion: 'consul.portolan/v1',
    ruleKind: 'PreparedQuery',
    namespace: 'default',
    name: id,
    origin: { dialect: 'consul', source: 'catalog', node: 'here' },
    manifest: {
      ...{ id, name, session: '', token: '' },
      service: {
        ...{ service: 'web', onlyPassing: false, ignoreCheckIds: [], near: '', tags: [] },
        ...{ nodeMeta: {}, serviceMeta: {}, connect: false, failover: null },
        ...service,
      },
      ...rest,
    },
  });
  const { ask, told } = world([
    nodeRecord('n1', '10.0.0.1'),
    nodeRecord('n2', '10.0.0.2'),
    instanceRecord('web', 'n1', 'w1', { tags: ['Blue'] }),
    instanceRecord('web', 'n2', 'w2'),
    query('id-1', 'Find.Web', { dnsTtl: { text: '7s', seconds: 7 } }, {}),
    query('id-2', 'near', {}, { near: 'n2' }),
    query('id-3', 'none', {}, { service: 'none' }),
    query(
      'id-4',
      'only-',
      { template: { regexp: '^only-(.+)$', removeEmptyTags: false } },
      { tags: [`$${'{match(1)}'}`] },
    ),
  ]);
  assert.deepEqual(told('find.web.query.consul'), ['10.0.0.1', '10.0.0.2']);
  assert.deepEqual(told('id-1.query.dc1.consul'), ['10.0.0.1', '10.0.0.2']);
  assert.deepEqual(told('_find.web._tcp.query.consul', 'SRV'), [
    '1 1 80 n1.node.dc1.consul',
    '1 1 80 n2.node.dc1.consul',
  ]);
  assert.equal(ask('find.web.query.consul', 'A')?.shuffled[0]?.ttlSeconds, 7);
  assert.deepEqual(ask('near.query.consul', 'A')?.fixed.map(text), ['10.0.0.2', '10.0.0.1']);
  assert.deepEqual(told('only-blue.query.consul'), ['10.0.0.1']);
  assert.equal(told('only-red.query.consul'), 'NXDOMAIN');
  assert.equal(told('none.query.consul'), 'NXDOMAIN');
  assert.equal(told('other.query.consul'), 'NXDOMAIN');
  assert.equal(told('near.query.dc2.consul'), 'NXDOMAIN');
  assert.equal(told('near.query.consul', 'TXT'), 'NODATA');
  assert.equal(told('query.consul'), 'NODATA');
});

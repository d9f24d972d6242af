import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../base/fault.ts';
import type { CatalogReader } from '../catalog/reader.ts';
import { type ClusterIpRange, clusterIpRange, withServiceAddresses } from './cluster-ip.ts';
import type { Service, ServiceSpec } from './kubernetes.ts';

const range = clusterIpRange('127.96.0.0/12');
const tiny = clusterIpRange('10.0.0.0/28');

function service(name: string, spec: ServiceSpec = {}): Service {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'default' }, spec };
}

function filled(
  one: Service,
  before: Service | undefined,
  clusterIps: ClusterIpRange,
  catalog: Pick<CatalogReader, 'rules'>,
): Service {
  return withServiceAddresses(one, before, { clusterIps }, catalog);
}

function holding(...services: readonly Service[]): Pick<CatalogReader, 'rules'> {
  const records = services.map((manifest) => ({
    record: { namespace: 'default', name: manifest.metadata.name, manifest },
  }));
  return { rules: () => records } as unknown as Pick<CatalogReader, 'rules'>;
}

test('a Service gets an address of the range, the same wherever it is set up', () => {
  const made = filled(service('web'), undefined, range, holding());
  assert.match(made.spec.clusterIP ?? '', /^127\.(9[6-9]|10\d|11[01])\.\d+\.\d+$/);
  assert.equal(filled(service('web'), undefined, range, holding()).spec.clusterIP, made.spec.clusterIP);
  assert.equal(
    filled(service('web', { type: 'NodePort' }), made, range, holding(made)).spec.clusterIP,
    made.spec.clusterIP,
  );
});

test('no two Services have one address, down to the last one', () => {
  const all: Service[] = [];
  for (let index = 0; index < 14; index++) {
    all.push(filled(service(`s${index}`), undefined, tiny, holding(...all)));
  }
  assert.equal(new Set(all.map(({ spec }) => spec.clusterIP)).size, 14);
  assert.throws(() => filled(service('more'), undefined, tiny, holding(...all)), /every address/);
});

test('what is asked for is given, unless somebody has it or it is elsewhere', () => {
  const asked = service('db', { clusterIP: '127.96.0.53' });
  assert.equal(filled(asked, undefined, range, holding()), asked);
  assert.throws(
    () => filled({ ...asked, metadata: { name: 'other' } }, undefined, range, holding(asked)),
    (fault) => fault instanceof Fault && fault.code === 'conflict' && /default\/db/.test(fault.message),
  );
  for (const clusterIP of ['10.0.0.1', '127.96.0.0', '127.111.255.255', '::1', 'no'])
    assert.throws(() => filled(service('x', { clusterIP }), undefined, range, holding()), /clusterIP/);
});

test('headless and external Services have none', () => {
  const headless = service('h', { clusterIP: 'None' });
  const external = service('e', { type: 'ExternalName', externalName: 'x.test' });
  for (const one of [headless, external]) assert.equal(filled(one, undefined, range, holding()), one);
});

test('a range is an IPv4 range', () => {
  assert.deepEqual(clusterIpRange('10.97.1.2/12'), { first: 0x0a600000, size: 2 ** 20 });
  for (const text of ['', '10.0.0.0', '10.0.0.0/29', '10.0.0.0/7', '::/64', 'x/12', '10.0.0.0/1x'])
    assert.throws(() => clusterIpRange(text), /is no IPv4 range/);
});

test('a LoadBalancer gets one of the pool too, where there is one, and keeps it', () => {
  const ranges = { clusterIps: range, loadBalancers: tiny };
  const balancer = service('lb', { type: 'LoadBalancer' });
  const made = withServiceAddresses(balancer, undefined, ranges, holding());
  assert.match(made.spec.loadBalancerIP ?? '', /^10\.0\.0\.\d+$/);
  assert.equal(
    withServiceAddresses(balancer, made, ranges, holding(made)).spec.loadBalancerIP,
    made.spec.loadBalancerIP,
  );
  const same = service('other', { type: 'LoadBalancer', loadBalancerIP: made.spec.loadBalancerIP ?? '' });
  assert.throws(() => withServiceAddresses(same, undefined, ranges, holding(made)), /default\/lb/);
  const others = service('cloud', { type: 'LoadBalancer', loadBalancerClass: 'cloud' });
  assert.equal(withServiceAddresses(others, undefined, ranges, holding()).spec.loadBalancerIP, undefined);
  assert.equal(filled(balancer, undefined, range, holding()).spec.loadBalancerIP, undefined, 'no pool');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCatalog } from '../../catalog/catalog.ts';
import type { CatalogRecord } from '../../catalog/records.ts';
import type { Ingress } from '../../rules/kubernetes.ts';
import { createDiagnosticSet } from '../diagnostics.ts';
import type { EndpointSet } from '../endpoints.ts';
import { ownListeners } from '../own-listeners.ts';
import { createPlanner } from '../plan.ts';
import { labelled, node, plain, put, rule, world } from '../planner.fixture.ts';
import { emptyTables, noNames } from '../tables.ts';
import type { Translator } from './contract.ts';
import { rankByAge } from './rank.ts';
import { createRulePlan } from './rule-plan.ts';

function ingress(name: string, spec: object = { rules: [] }): CatalogRecord {
  return rule({ apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: { name }, spec });
}

function service(name: string, port: number, selector?: object): CatalogRecord {
  const spec = { ports: [{ port }], ...(selector === undefined ? {} : { selector }) };
  return rule({ apiVersion: 'v1', kind: 'Service', metadata: { name }, spec });
}

/** A plan with a translator that says how often it was asked for which resource. */
function counted(translate: Translator<Ingress>['translate']) {
  const catalog = createCatalog();
  const calls: string[] = [];
  const translator: Translator<Ingress> = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    translate(one, context) {
      calls.push(one.name);
      return translate(one, context);
    },
  };
  const tables = emptyTables();
  const diagnostics = createDiagnosticSet();
  const planned = new Map<string, EndpointSet>();
  const plan = createRulePlan({
    translators: [translator as unknown as Translator],
    settings: {
      gatewayDomain: '',
      httpPort: 80,
      httpsPort: 443,
      virtualAddresses: false,
      loadBalancerPool: false,
    },
    tables,
    diagnostics,
    planned: (key) => planned.get(key),
  });
  const own = ownListeners([], []);
  const write = (...records: readonly CatalogRecord[]): string[] => {
    const delta = catalog.apply({ revision: catalog.revision + 1, writes: put(...records) });
    plan.begin(catalog, own, []);
    for (const key of delta.services) plan.clusters.serviceChanged(key);
    for (const key of delta.ruleKeys) plan.ruleChanged(key);
    plan.settle(noNames());
    return calls.splice(0).sort();
  };
  return { write, tables, diagnostics, planned, plan, calls };
}

test('a resource is translated again when what it looked at changes, and only then', () => {
  const { write } = counted((one, context) => {
    if (one.name === 'a') context.backendPort('default', 'web', { number: 80 });
    if (one.name === 'b') context.rule('v1', 'Secret', 'default', 'missing');
    if (one.name === 'c') context.rules('v1', 'ConfigMap', 'default');
    return {};
  });
  assert.deepEqual(write(ingress('a'), ingress('b'), ingress('c')), ['a', 'b', 'c']);
  assert.deepEqual(write(service('web', 80)), ['a']);
  assert.deepEqual(write(service('web', 80, { app: 'other' })), [], 'routes do not see a selector');
  assert.deepEqual(write(service('web', 81)), ['a']);
  assert.deepEqual(write(service('other', 80)), []);
  assert.deepEqual(write(node('n1'), labelled('web', '10.0.0.1')), [], 'an endpoint');
  const secret = (name: string) => rule({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, data: {} });
  assert.deepEqual(write(secret('else')), []);
  assert.deepEqual(write(secret('missing')), ['b']);
  const config = (namespace: string) =>
    rule({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', namespace }, data: {} });
  assert.deepEqual(write(config('team')), []);
  assert.deepEqual(write(config('default')), ['c']);
});

test('a translator that throws costs its own resource only, and says so', () => {
  const { write, tables, diagnostics } = counted((one, context) => {
    if (one.name === 'bad') throw new Error('no such thing');
    const listener = {
      name: context.subject,
      protocol: 'tcp' as const,
      bind: { port: 4_000 },
      targets: [{ weight: 1 }],
    };
    return { listeners: [{ listener, rank: rankByAge(['', one.name]), path: '' }] };
  });
  write(ingress('bad'), ingress('good'));
  assert.deepEqual([...tables.listeners.keys()], ['ingress/default/good']);
  assert.deepEqual(
    diagnostics.list.map(({ code, subject, message }) => [code, subject, /no such thing/.test(message)]),
    [['rule-failed', 'ingress/default/bad', true]],
  );
});

test('of two that open one port the older has it, and the other takes it when that goes', () => {
  const options = { gatewayDomain: 'localhost' };
  const { planner, write } = world(options);
  const balanced = (name: string, created: string) =>
    rule({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, creationTimestamp: created },
      spec: { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false, ports: [{ port: 7_000 }] },
    });
  const [young, old] = [balanced('a', '2026-02-01T00:00:00.000Z'), balanced('b', '2026-01-01T00:00:00.000Z')];
  write(put(node('n1'), young, old));
  const names = () => [...planner.model.listeners.keys()].filter((name) => name.startsWith('service/'));
  assert.deepEqual(names(), ['service/default/b/load-balancer/7000']);
  assert.deepEqual(
    planner.diagnostics.map(({ code, subject }) => [code, subject]),
    [['port-conflict', 'service/default/a']],
  );
  const delta = write([{ op: 'delete', key: 'rule/v1/Service/default/b' }]);
  assert.deepEqual(names(), ['service/default/a/load-balancer/7000']);
  assert.equal(delta.listeners.size, 2);
  assert.deepEqual(planner.diagnostics, []);
});

test('certificates of the edge change without any rule, and who shows them follows', () => {
  let certificates = [{ name: 'one', chain: 'c1', key: 'k1', serverNames: ['a.test'] }];
  const catalog = createCatalog();
  const planner = createPlanner({ gatewayDomain: '', edgeCertificates: () => certificates });
  planner.rebuild(catalog);
  assert.deepEqual([...planner.model.certificates.keys()], ['one']);
  assert.deepEqual([...planner.model.tlsHosts.keys()].sort(), ['*', 'a.test']);
  certificates = [{ name: 'two', chain: 'c2', key: 'k2', serverNames: ['b.test'] }];
  const delta = planner.update(catalog, catalog.apply({ revision: 1, writes: put(node('n1')) }));
  assert.deepEqual([...delta.certificates].sort(), ['one', 'two']);
  assert.deepEqual([...delta.tlsHosts].sort(), ['*', 'a.test', 'b.test']);
  assert.deepEqual([...planner.model.tlsHosts.keys()].sort(), ['*', 'b.test']);
});

test('a name that a registration may choose never takes the place of a Service manifest', () => {
  const { planner, write } = world({ gatewayDomain: '' });
  write(put(node('n1'), service('web', 80), labelled('web:80', '10.6.6.6'), labelled('web', '10.0.0.1')));
  const { clusters } = planner.model;
  assert.deepEqual(
    clusters.get('web:80')?.endpoints.map(({ address }) => address),
    ['10.0.0.1'],
  );
  assert.deepEqual(
    clusters.get('web%3A80')?.endpoints.map(({ address }) => address),
    ['10.6.6.6'],
  );
  assert.deepEqual(plain(planner).diagnostics, []);
});

test('a wildcard of one label also has the routes of the wildcard of any depth, after its own', () => {
  const { planner, write } = world({ gatewayDomain: '' });
  const backend = { service: { name: 'web', port: { number: 80 } } };
  const rules = [{ host: '*.w.test', http: { paths: [{ path: '/a', pathType: 'Prefix', backend }] } }];
  const route = rule({
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: 'wide' },
    spec: {
      parentRefs: [{ name: 'portolan' }],
      hostnames: ['*.w.test'],
      rules: [{ backendRefs: [{ name: 'web', port: 80 }] }],
    },
  });
  const names = (host: string) => planner.model.virtualHosts.get(host)?.routes.map(({ name }) => name);
  write(put(node('n1'), labelled('web', '10.0.0.1'), ingress('narrow', { rules })));
  assert.deepEqual(names('?.w.test'), ['ingress/default/narrow/0/0']);
  const delta = write(put(route));
  assert.deepEqual([...delta.virtualHosts].sort(), ['*.w.test', '?.w.test']);
  assert.equal(names('?.w.test')?.length, 2);
  assert.deepEqual(names('?.w.test')?.[1], names('*.w.test')?.[0]);
  write([{ op: 'delete', key: 'rule/gateway.networking.k8s.io%2Fv1/HTTPRoute/default/wide' }]);
  assert.deepEqual(names('?.w.test'), ['ingress/default/narrow/0/0']);
  assert.equal(names('*.w.test'), undefined);
});

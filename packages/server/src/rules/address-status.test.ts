import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCatalog } from '@portolan/core/catalog/catalog.ts';
import type { RuleRecord } from '@portolan/core/catalog/records.ts';
import { ruleOf } from '@portolan/core/rules/rule.ts';
import { testServer } from '../server.fixture.ts';
import { addressStatus } from './address-status.ts';

interface Shown {
  readonly status: {
    readonly loadBalancer?: unknown;
    readonly listeners?: readonly { name: string; attachedRoutes: number }[];
    readonly portolan: { readonly nodePorts?: readonly { nodePort: number }[] };
  };
}

const manifests = `apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: LoadBalancer
  ports: [{name: a, port: 81, nodePort: 30005}, {name: b, port: 82}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  gatewayClassName: portolan
  listeners:
    - {name: http, port: 8081, protocol: HTTP, hostname: '*.example.com'}
    - {name: all, port: 8082, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}
    - {name: tcp, port: 8083, protocol: TCP}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: inside}
spec: {parentRefs: [{name: edge}], hostnames: [a.example.com], rules: [{backendRefs: [{name: web, port: 81}]}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: elsewhere}
spec: {parentRefs: [{name: edge}], hostnames: [a.example.org]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: other, namespace: team}
spec: {parentRefs: [{name: edge, namespace: default}, {name: missing}]}
`;

test('resources say which ports they were given and how many routes they have', async (t) => {
  const { call } = await testServer(t);
  await call('POST', '/portolan/v1/apply', manifests);
  const statusOf = async (path: string): Promise<Shown['status']> =>
    ((await call('GET', `/portolan/v1/resources/${path}`)).json as Shown).status;

  const web = await statusOf('core/v1/services/default/web');
  assert.equal(web.loadBalancer, undefined, 'this server has no gateway');
  const [asked, given] = web.portolan.nodePorts ?? [];
  assert.deepEqual(asked, { port: 81, protocol: 'TCP', nodePort: 30_005 });
  assert.ok(given !== undefined && given.nodePort >= 30_086 && given.nodePort <= 32_767);

  const gateway = await statusOf('gateway.networking.k8s.io/v1/gateways/default/edge');
  assert.deepEqual(
    gateway.listeners?.map(({ name, attachedRoutes }) => `${name} ${attachedRoutes}`),
    ['http 1', 'all 3', 'tcp 0'],
  );
});

test('what is served here has the address of the gateway, what is left to others has none', () => {
  const catalog = createCatalog();
  const ingressClass = { spec: { controller: 'example.com/other' } };
  catalog.apply({
    revision: 1,
    writes: [{ op: 'put', record: record('IngressClass', '_', 'theirs', ingressClass) }],
  });
  const address = (kind: string, spec: object): object => {
    const rule = ruleOf(record(kind, 'default', 'one', { spec }));
    assert.ok(rule);
    return addressStatus(rule, [], catalog, '10.0.0.1');
  };
  const served = { loadBalancer: { ingress: [{ ip: '10.0.0.1' }] } };
  assert.deepEqual(address('Ingress', {}), served);
  assert.deepEqual(address('Ingress', { ingressClassName: 'nginx' }), served);
  assert.deepEqual(address('Ingress', { ingressClassName: 'theirs' }), {});
  assert.deepEqual(address('Service', { type: 'LoadBalancer' }), served);
  assert.deepEqual(address('Service', { type: 'NodePort' }), {});
  assert.deepEqual(address('Gateway', { gatewayClassName: 'portolan' }), {
    addresses: [{ type: 'IPAddress', value: '10.0.0.1' }],
  });
});

test('a LoadBalancer of a pool has the address that it was given', () => {
  const spec = { type: 'LoadBalancer', loadBalancerIP: '127.100.0.9' };
  const rule = ruleOf(record('Service', 'default', 'one', { spec }));
  assert.ok(rule);
  const of = (pooled: boolean): unknown =>
    addressStatus(rule, [], createCatalog(), '10.0.0.1', pooled).loadBalancer?.ingress[0]?.ip;
  assert.deepEqual([of(true), of(false)], ['127.100.0.9', '10.0.0.1']);
});

const apiVersions: Readonly<Record<string, string>> = {
  Service: 'v1',
  Gateway: 'gateway.networking.k8s.io/v1',
};

function record(ruleKind: string, namespace: string, name: string, more: object): RuleRecord {
  const apiVersion = apiVersions[ruleKind] ?? 'networking.k8s.io/v1';
  return {
    ...{ kind: 'rule', apiVersion, ruleKind, namespace, name },
    manifest: { apiVersion, kind: ruleKind, metadata: { name }, ...more },
    origin: { dialect: 'portolan', source: 'test', node: 'n1' },
  };
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { labelsFrom } from '../../base/labels.ts';
import type { Write } from '../../catalog/change.ts';
import { type InstanceRecord, keyOf, type RuleRecord, recordKey } from '../../catalog/records.ts';
import { ownListeners } from '../own-listeners.ts';
import { createPlanner, type PlannerOptions } from '../plan.ts';
import { check, copy, difference, instance, node, plain, put, rule, world } from '../planner.fixture.ts';

const own = ownListeners([{ address: '127.0.0.1', port: 8500 }], []);
const certificate = { name: 'edge-1', chain: 'c', key: 'k', serverNames: ['b.test'] };
const options: PlannerOptions = {
  gatewayDomain: 'localhost',
  own: () => own,
  maxTcpListeners: 2,
  edgeCertificates: () => certificates,
  virtualAddresses: true,
};
const certificates = [certificate];

const anyInstance = fc
  .record({
    service: fc.constantFrom('web', 'WEB', 'api', 'db-7000', 'web:80'),
    id: fc.constantFrom('a', 'b'),
    node: fc.constantFrom('n1', 'n2'),
    port: fc.constantFrom(0, 80, 8500),
    address: fc.constantFrom('', '10.1.1.1', '169.254.169.254', '127.0.0.1'),
    tags: fc.subarray(['http', 'tcp', 'tls', 'app=api', 'version=v1']),
    metadata: fc.constantFrom(
      labelsFrom({}),
      labelsFrom({ app: 'web' }),
      labelsFrom({ app: 'web', version: 'v2', 'port.web': '9090' }),
    ),
    adminState: fc.constantFrom('in-service' as const, 'draining' as const, 'out-of-service' as const),
  })
  .map(({ service, id, ...more }) => instance(service, id, more));

const metadata = (...names: string[]) =>
  fc
    .record({
      name: fc.constantFrom(...names),
      namespace: fc.constantFrom('default', 'default', 'team'),
      creationTimestamp: fc.constantFrom('2026-01-01T00:00:00.000Z', '2026-02-01T00:00:00.000Z'),
    })
    .map((made) => made);
const selector = fc.constantFrom(
  undefined,
  { app: 'web' },
  { app: 'api' },
  { version: 'v2', app: 'web' },
  { 'tag.http': 'true' },
);
const anyService = fc
  .record({
    metadata: metadata('web', 'api'),
    spec: fc.record({
      type: fc.constantFrom('ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'),
      externalName: fc.constantFrom('db.example.com', '169.254.169.254'),
      selector,
      sessionAffinity: fc.constantFrom('None', 'ClientIP'),
      publishNotReadyAddresses: fc.boolean(),
      ports: fc.array(
        fc.record({
          name: fc.constantFrom('http', 'https', 'grpc-x'),
          port: fc.constantFrom(80, 443, 7000, 8500),
          targetPort: fc.constantFrom(undefined, 8080, 'web', '81'),
          protocol: fc.constantFrom('TCP', 'UDP', 'SCTP'),
          nodePort: fc.constantFrom(undefined, 0, 30_007, 31_000, 99),
        }),
        { maxLength: 3 },
      ),
    }),
  })
  .map((made) => rule({ apiVersion: 'v1', kind: 'Service', ...made }));
const anySlice = fc
  .record({
    metadata: metadata('s1', 's2').chain((made) =>
      fc.constantFrom('web', 'api').map((service) => ({
        ...made,
        labels: { 'kubernetes.io/service-name': service },
      })),
    ),
    ports: fc.constantFrom([{ name: 'http', port: 9000 }], [{ name: 'http' }], []),
    endpoints: fc.array(
      fc.record({
        addresses: fc.constantFrom(['10.2.0.1'], ['10.2.0.2'], []),
        conditions: fc.record({ ready: fc.boolean(), serving: fc.boolean(), terminating: fc.boolean() }),
      }),
      { maxLength: 3 },
    ),
  })
  .map((made) =>
    rule({ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: 'IPv4', ...made }),
  );
const anyEndpoints = fc
  .record({
    metadata: metadata('web', 'api'),
    subsets: fc.constantFrom(
      [],
      [{ addresses: [{ ip: '10.3.0.1' }], ports: [{ name: 'http', port: 1 }] }],
      [{ notReadyAddresses: [{ ip: '10.3.0.2' }], ports: [{ port: 2 }] }],
    ),
  })
  .map((made) => rule({ apiVersion: 'v1', kind: 'Endpoints', ...made }));
const pem = btoa('-----BEGIN X-----');
const anySecret = fc
  .record({
    metadata: metadata('cert', 'other'),
    data: fc.constantFrom({ 'tls.crt': pem, 'tls.key': pem }, { 'tls.crt': pem }, { 'tls.crt': '*' }),
  })
  .map((made) => rule({ apiVersion: 'v1', kind: 'Secret', ...made }));
const backend = fc.constantFrom(
  { service: { name: 'web', port: { number: 80 } } },
  { service: { name: 'web', port: { name: 'http' } } },
  { service: { name: 'api', port: { number: 443 } } },
  { service: { name: 'nobody', port: { number: 1 } } },
  { resource: { kind: 'Bucket', name: 'x' } },
);
const host = fc.constantFrom(undefined, 'a.test', 'B.test', '*.test', 'x.localhost', 'no:1');
const prefix = 'nginx.ingress.kubernetes.io/';
const anyIngress = fc
  .record({
    metadata: fc
      .tuple(
        metadata('one', 'two', 'three'),
        fc.constantFrom(
          {},
          {},
          { [`${prefix}canary`]: 'true', [`${prefix}canary-weight`]: '10' },
          { [`${prefix}canary`]: 'true', [`${prefix}canary-by-header`]: 'x-canary' },
          { [`${prefix}use-regex`]: 'true' },
          { [`${prefix}rewrite-target`]: '/$1', [`${prefix}backend-protocol`]: 'HTTPS' },
          { [`${prefix}load-balance`]: 'ewma', [`${prefix}server-alias`]: 'alias.test' },
          { [`${prefix}ssl-passthrough`]: 'true', [`${prefix}auth-secret`]: 'other' },
          { [`${prefix}default-backend`]: 'api', [`${prefix}custom-http-errors`]: '404,503' },
          { [`${prefix}from-to-www-redirect`]: 'true', [`${prefix}affinity`]: 'cookie' },
          { [`${prefix}custom-headers`]: 'headers', [`${prefix}mirror-target`]: 'http://m.test' },
          { [`${prefix}auth-tls-secret`]: 'cert', [`${prefix}force-ssl-redirect`]: 'true' },
          { [`${prefix}proxy-ssl-secret`]: 'cert', [`${prefix}backend-protocol`]: 'GRPCS' },
        ),
      )
      .map(([made, annotations]) => ({ ...made, annotations })),
    spec: fc.record({
      ingressClassName: fc.constantFrom(undefined, undefined, 'portolan', 'mine'),
      defaultBackend: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, backend),
      tls: fc.constantFrom(
        undefined,
        [],
        [{ hosts: ['a.test'], secretName: 'cert' }],
        [{ hosts: ['*.test'], secretName: 'other' }],
        [{ secretName: 'team/cert' }],
      ),
      rules: fc.array(
        fc.record({
          host,
          http: fc.record({
            paths: fc.array(
              fc.record({
                path: fc.constantFrom('/', '/a', '/a/b', 'a'),
                pathType: fc.constantFrom('Exact', 'Prefix', 'ImplementationSpecific'),
                backend,
              }),
              { maxLength: 3 },
            ),
          }),
        }),
        { maxLength: 2 },
      ),
    }),
  })
  .map((made) => rule({ apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', ...made }));
const anyClass = fc.constantFrom('mine', 'nginx').chain((name) =>
  fc.constantFrom('portolan', 'traefik.io/ingress-controller').map((controller) =>
    rule({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'IngressClass',
      metadata: { name },
      spec: { controller },
    }),
  ),
);

const anyConfigMap = fc
  .record({
    metadata: metadata('headers', 'tcp-services', 'udp-services'),
    data: fc.constantFrom(
      {},
      { 'X-A': 'b', '9000': 'default/web:80' },
      { '9000': 'default/web:http:PROXY:PROXY', '30007': 'default/api:443', '8500': 'default/web:80' },
    ),
  })
  .map((made) => rule({ apiVersion: 'v1', kind: 'ConfigMap', ...made }));

/** What nobody should have stored. */
function broken(record: RuleRecord, manifest: RuleRecord['manifest']): RuleRecord {
  return { ...record, manifest };
}

const anyRule: fc.Arbitrary<RuleRecord> = fc.oneof(
  { weight: 4, arbitrary: anyService },
  anySlice,
  anyEndpoints,
  anySecret,
  anyConfigMap,
  { weight: 6, arbitrary: anyIngress },
  anyClass,
  fc
    .tuple(
      fc.oneof(anyService, anyIngress, anySlice, anySecret),
      fc.constantFrom(
        null,
        {},
        { metadata: null, spec: [] },
        { metadata: {}, spec: { rules: 1, ports: '' } },
        { metadata: {}, data: null },
        { metadata: { labels: 7 }, data: { 'tls.crt': 7, 'tls.key': [] } },
      ),
    )
    .map(([record, manifest]) => broken(record, manifest)),
);

const anyWrite: fc.Arbitrary<Write> = fc.oneof(
  { weight: 6, arbitrary: anyRule.map((record) => ({ op: 'put' as const, record })) },
  { weight: 2, arbitrary: anyRule.map((record) => ({ op: 'delete' as const, key: recordKey(record) })) },
  { weight: 4, arbitrary: anyInstance.map((record) => ({ op: 'put' as const, record })) },
  {
    weight: 2,
    arbitrary: anyInstance.map((record) => ({ op: 'delete' as const, key: keyOfInstance(record) })),
  },
  fc
    .tuple(anyInstance, fc.constantFrom('passing' as const, 'critical' as const))
    .map(([of, status]) => ({ op: 'put' as const, record: check(of, status) })),
  fc
    .constantFrom('n1', 'n2')
    .map((name) => ({ op: 'put' as const, record: node(name, { address: '10.0.0.9' }) })),
);

function keyOfInstance({ namespace, service, node: at, id }: InstanceRecord): string {
  return keyOf.instance(namespace, service, at, id);
}

test('with rules too, any sequence of updates ends where a rebuild does, and their deltas tell the whole story', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(anyWrite, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 30 }),
      (changes) => {
        const { catalog, planner, write } = world(options);
        write(put(node('n1')));
        for (const writes of changes) {
          const before = copy(planner.model);
          const delta = write(writes);
          assert.deepEqual(delta, difference(before, planner.model));
        }
        const rebuilt = createPlanner(options);
        rebuilt.rebuild(catalog);
        assert.deepEqual(plain(rebuilt), plain(planner));
        for (const names of Object.values(planner.rebuild(catalog))) assert.deepEqual(names, new Set());
      },
    ),
    { numRuns: 300 },
  );
});

test('a model never points at what it does not have', () => {
  fc.assert(
    fc.property(fc.array(anyWrite, { maxLength: 60 }), (writes) => {
      const { planner, write } = world(options);
      for (const one of writes) write([one]);
      const { clusters, certificates: known, virtualHosts, listeners, tlsHosts } = planner.model;
      const text = JSON.stringify([...virtualHosts.values(), ...listeners.values(), ...tlsHosts.values()]);
      for (const [, name = ''] of text.matchAll(/"cluster":("(?:[^"\\]|\\.)*")/g))
        assert.ok(clusters.has(JSON.parse(name)), `cluster ${name}`);
      for (const { action } of tlsHosts.values())
        if (action.type === 'terminate') for (const name of action.certificates) assert.ok(known.has(name));
      for (const { name, routes } of virtualHosts.values())
        assert.equal(new Set(routes.map((route) => route.name)).size, routes.length, `routes of ${name}`);
    }),
    { numRuns: 200 },
  );
});

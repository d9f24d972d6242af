import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { CatalogRecord } from '../../../catalog/records.ts';
import {
  instance,
  labelled,
  node,
  plain,
  put,
  rule,
  type WrittenManifest,
  world,
} from '../../planner.fixture.ts';
import type { EdgeCertificate } from '../contract.ts';

const api = 'networking.istio.io/v1';
const edge: EdgeCertificate = { name: 'edge', chain: 'CHAIN', key: 'KEY', serverNames: ['*'] };
const options = {
  ...{ gatewayDomain: 'localhost', edgeCertificates: () => [edge] },
  ...{ edgePorts: () => ({ http: 8080, https: 8443 }) },
};

function manifest(kind: string, name: string, spec: object, namespace = 'default'): CatalogRecord {
  return rule({ apiVersion: api, kind, metadata: { name, namespace }, spec } as WrittenManifest);
}

function virtualService(name: string, spec: object, namespace?: string): CatalogRecord {
  return manifest('VirtualService', name, spec, namespace);
}

const to = (host: string, subset?: string) => ({
  destination: { host, ...(subset === undefined ? {} : { subset }) },
});

function secret(name: string, keys: readonly string[]): CatalogRecord {
  const data = Object.fromEntries(keys.map((key) => [key, btoa('-----BEGIN X-----')]));
  return rule({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, data } as WrittenManifest);
}

const version = (service: string, id: string, tags: readonly string[] = ['http']) =>
  labelled(service, `10.0.0.${id}`, { version: `v${id}` }, { tags });

const services = [
  node('n1'),
  ...['1', '2', '3'].map((id) => version('reviews', id)),
  version('ratings', '4', []),
  instance('dotted.name', 'd', { address: '10.0.0.9' }),
];

const subsets = manifest('DestinationRule', 'reviews', {
  host: 'reviews',
  subsets: ['v1', 'v2', 'v3'].map((name) => ({ name, labels: { version: name } })),
});

const cases: Readonly<Record<string, readonly CatalogRecord[]>> = {
  'mesh-rules-hold-where-the-service-shows-itself': [
    subsets,
    virtualService('reviews', {
      hosts: ['reviews'],
      http: [
        { match: [{ headers: { 'End-User': { exact: 'jason' } } }], route: [to('reviews', 'v2')] },
        {
          route: [
            { ...to('reviews', 'v1'), weight: 90 },
            { ...to('reviews', 'v3'), weight: 10 },
          ],
        },
      ],
    }),
    virtualService('ratings', { hosts: ['ratings'], http: [{ route: [to('ratings')] }] }),
  ],
  'a-gateway-and-its-paths': [
    manifest('Gateway', 'shop', {
      selector: { istio: 'ingressgateway' },
      servers: [
        { port: { number: 8080, name: 'http', protocol: 'HTTP' }, hosts: ['*'] },
        {
          port: { number: 9080, name: 'own', protocol: 'HTTP2' },
          hosts: ['default/*.shop.test', './b.test', 'other/c.test'],
        },
      ],
    }),
    virtualService('shop', {
      hosts: ['a.shop.test', 'b.test', 'c.test'],
      gateways: ['shop'],
      http: [
        {
          match: [
            { uri: { exact: '/productpage' } },
            {
              uri: { prefix: '/static' },
              ignoreUriCase: true,
              method: { exact: 'GET' },
              scheme: { exact: 'http' },
            },
            { uri: { regex: '/api/.*' }, queryParams: { v: { prefix: '2' } }, withoutHeaders: { debug: {} } },
            { port: 9080, authority: { prefix: 'b' } },
            { sourceLabels: { app: 'x' } },
          ],
          route: [to('reviews')],
        },
      ],
    }),
  ],
  'what-routes-do': [
    subsets,
    virtualService('all', {
      hosts: ['all.test'],
      gateways: ['portolan'],
      http: [
        {
          match: [{ uri: { prefix: '/redirect' } }],
          redirect: {
            uri: '/x',
            authority: 'else.test',
            scheme: 'https',
            derivePort: 'FROM_PROTOCOL_DEFAULT',
          },
        },
        { match: [{ uri: { prefix: '/direct' } }], directResponse: { status: 418, body: { string: 'tea' } } },
        {
          match: [{ uri: { prefix: '/old' } }, { uri: { exact: '/one' } }],
          rewrite: { uri: '/new', authority: 'inside.test' },
          route: [to('reviews')],
        },
        {
          match: [{ uri: { prefix: '/full' } }],
          timeout: '1.5s',
          retries: {
            attempts: 3,
            perTryTimeout: '2s',
            retryOn: 'gateway-error,503,unavailable,odd',
            backoff: '10ms',
          },
          fault: {
            delay: { percentage: { value: 50 }, fixedDelay: '7s' },
            abort: { grpcStatus: 'UNAVAILABLE', percentage: { value: 1 } },
          },
          mirror: { host: 'ratings' },
          mirrorPercentage: { value: 10 },
          corsPolicy: {
            allowOrigins: [{ prefix: 'https://a' }, { exact: '*' }],
            allowMethods: ['GET'],
            maxAge: '24h',
          },
          headers: {
            request: { set: { Host: 'set.test', A: '1' }, remove: ['B'] },
            response: { add: { C: '2' } },
          },
          route: [{ ...to('reviews'), headers: { request: { add: { D: '3' } } } }],
        },
        { match: [{ uri: { prefix: '/empty' } }] },
      ],
    }),
  ],
  'broken-references': [
    subsets,
    virtualService('broken', {
      hosts: ['broken.test'],
      gateways: ['portolan', 'nobody', 'far/away'],
      http: [
        { match: [{ uri: { prefix: '/a' } }], route: [to('reviews', 'v9')] },
        { match: [{ uri: { prefix: '/b' } }], route: [to('nothing')] },
        { match: [{ uri: { prefix: '/c' } }], route: [to('www.out.test')] },
        { match: [{ uri: { prefix: '/d' } }], delegate: { name: 'gone' } },
        {
          route: [
            { ...to('reviews', 'v1'), weight: 0 },
            { ...to('reviews', 'v2'), weight: 0 },
          ],
        },
      ],
    }),
    virtualService('outside', { hosts: ['out.example'], http: [{ route: [to('reviews')] }] }),
  ],
  delegation: [
    virtualService('root', {
      hosts: ['root.test'],
      gateways: ['portolan'],
      http: [
        { match: [{ uri: { prefix: '/reviews' } }], delegate: { name: 'leaf' } },
        { route: [to('ratings')] },
      ],
    }),
    virtualService('leaf', {
      http: [
        {
          match: [{ uri: { prefix: '/reviews/v2' }, headers: { a: { exact: 'b' } } }],
          route: [to('reviews')],
        },
        { match: [{ uri: { exact: '/elsewhere' } }], route: [to('reviews')] },
        { directResponse: { status: 404 } },
      ],
    }),
  ],
  'policies-of-destinations': [
    manifest('DestinationRule', 'reviews', {
      host: 'reviews.default.svc.cluster.local',
      trafficPolicy: {
        loadBalancer: { consistentHash: { httpCookie: { name: 'user', ttl: '1h' } } },
        connectionPool: {
          tcp: { maxConnections: 1, connectTimeout: '2s' },
          http: { http1MaxPendingRequests: 1, maxRequestsPerConnection: 1, h2UpgradePolicy: 'UPGRADE' },
        },
        outlierDetection: {
          consecutive5xxErrors: 1,
          interval: '1s',
          baseEjectionTime: '3m',
          maxEjectionPercent: 100,
        },
        proxyProtocol: { version: 'V2' },
        retryBudget: { percent: 10 },
        tunnel: { targetHost: 'x', targetPort: 1 },
      },
      subsets: [
        { name: 'v1', labels: { version: 'v1' } },
        {
          name: 'v2',
          labels: { version: 'v2' },
          trafficPolicy: {
            loadBalancer: { simple: 'LEAST_CONN', warmup: { duration: '30s' } },
            tls: { mode: 'MUTUAL', credentialName: 'mtls', sni: 's.test' },
          },
        },
      ],
    }),
    secret('mtls', ['tls.crt', 'tls.key', 'ca.crt']),
    virtualService('reviews', {
      hosts: ['reviews'],
      http: [
        {
          route: [
            { ...to('reviews', 'v1'), weight: 1 },
            { ...to('reviews', 'v2'), weight: 1 },
          ],
        },
      ],
    }),
  ],
  'services-outside': [
    manifest('ServiceEntry', 'outside', {
      hosts: ['api.out.test'],
      ports: [
        { number: 80, name: 'http', protocol: 'HTTP' },
        { number: 443, name: 'https', protocol: 'HTTPS' },
      ],
      resolution: 'STATIC',
      endpoints: [
        {
          address: '192.0.2.1',
          ports: { https: 8443 },
          labels: { version: 'v1' },
          weight: 3,
          locality: 'eu/eu-1',
        },
        { address: '192.0.2.2', labels: { version: 'v2' } },
      ],
    }),
    manifest('ServiceEntry', 'by-name', {
      hosts: ['named.test'],
      ports: [{ number: 80, name: 'http' }],
      resolution: 'DNS',
    }),
    manifest('DestinationRule', 'outside', {
      host: 'api.out.test',
      trafficPolicy: { tls: { mode: 'SIMPLE' } },
      subsets: [{ name: 'v1', labels: { version: 'v1' } }],
    }),
    virtualService('outside', {
      hosts: ['out.test'],
      gateways: ['portolan'],
      http: [
        { match: [{ uri: { prefix: '/named' } }], route: [to('named.test')] },
        { route: [{ destination: { host: 'api.out.test', subset: 'v1', port: { number: 443 } } }] },
      ],
    }),
  ],
  'tls-and-tcp': [
    secret('cert', ['tls.crt', 'tls.key']),
    secret('cert-cacert', ['cacert']),
    manifest('Gateway', 'doors', {
      servers: [
        {
          port: { number: 9443, name: 'https', protocol: 'HTTPS' },
          hosts: ['web.test'],
          tls: { mode: 'MUTUAL', credentialName: 'cert', minProtocolVersion: 'TLSV1_3' },
        },
        {
          port: { number: 9443, name: 'none', protocol: 'HTTPS' },
          hosts: ['gone.test'],
          tls: { mode: 'SIMPLE', credentialName: 'gone' },
        },
        {
          port: { number: 9444, name: 'pass', protocol: 'TLS' },
          hosts: ['*.pass.test'],
          tls: { mode: 'PASSTHROUGH' },
        },
        {
          port: { number: 9445, name: 'end', protocol: 'TLS' },
          hosts: ['end.test'],
          tls: { mode: 'SIMPLE', credentialName: 'cert' },
        },
        { port: { number: 9000, name: 'tcp', protocol: 'TCP' }, hosts: ['*'] },
        {
          port: { number: 9081, name: 'plain', protocol: 'HTTP' },
          hosts: ['web.test'],
          tls: { httpsRedirect: true },
        },
        { port: { number: 9999, name: 'odd', protocol: 'QUIC' }, hosts: ['*'] },
      ],
    }),
    virtualService('web', { hosts: ['web.test'], gateways: ['doors'], http: [{ route: [to('reviews')] }] }),
    virtualService('streams', {
      hosts: ['*'],
      gateways: ['doors'],
      tls: [{ match: [{ sniHosts: ['a.pass.test'], port: 9444 }], route: [to('reviews')] }],
      tcp: [
        {
          match: [{ port: 9000 }],
          route: [
            { ...to('reviews'), weight: 1 },
            { ...to('ratings'), weight: 3 },
          ],
        },
        { match: [{ port: 9445 }], route: [to('ratings')] },
      ],
    }),
  ],
};

for (const [name, records] of Object.entries(cases)) {
  test(`golden: ${name}`, () => {
    const { planner, write } = world(options);
    write(put(...services, ...records));
    const found = plain(planner);
    const file = new URL(`./testdata/${name}.json`, import.meta.url);
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(file, `${JSON.stringify(found, null, 2)}\n`);
    assert.deepEqual(found, JSON.parse(readFileSync(file, 'utf8')));
  });
}

test('a rule of the mesh does not let the world in to a service that does not show itself', () => {
  const { planner, write } = world(options);
  write(
    put(...services, virtualService('ratings', { hosts: ['ratings'], http: [{ route: [to('ratings')] }] })),
  );
  assert.equal(planner.model.virtualHosts.has('ratings.localhost'), false);
  write(put(version('ratings', '4', ['http'])));
  const routes = planner.model.virtualHosts.get('ratings.localhost')?.routes ?? [];
  assert.equal(routes[0]?.name, 'virtualservice/default/ratings/0/0');
});

test('a subset that comes later is used, and only its host is planned again', () => {
  const { planner, write } = world(options);
  write(
    put(
      ...services,
      virtualService('reviews', { hosts: ['reviews'], http: [{ route: [to('reviews', 'v2')] }] }),
    ),
  );
  assert.match(planner.diagnostics[0]?.message ?? '', /no subset v2/);
  const delta = write(put(subsets));
  assert.deepEqual([...delta.virtualHosts], []);
  assert.deepEqual([...delta.clusters], ['reviews#v2']);
  const endpoints = planner.model.clusters.get('reviews#v2')?.endpoints ?? [];
  assert.deepEqual(
    endpoints.map(({ address }) => address),
    ['10.0.0.2'],
  );
  assert.deepEqual(planner.diagnostics, []);
});

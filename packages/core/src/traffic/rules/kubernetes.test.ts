import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { labelsFrom } from '../../base/labels.ts';
import type { CatalogRecord } from '../../catalog/records.ts';
import {
  check,
  instance,
  labelled,
  node,
  plain,
  put,
  rule,
  type WrittenManifest,
  world,
} from '../planner.fixture.ts';
import type { EdgeCertificate } from './contract.ts';

const edge: EdgeCertificate = { name: 'edge', chain: 'CHAIN', key: 'KEY', serverNames: ['edge.test'] };
const options = {
  gatewayDomain: 'localhost',
  edgeCertificates: () => [edge],
  virtualAddresses: true,
};

const before = '2025-01-01T00:00:00.000Z';

interface Metadata {
  readonly namespace?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly creationTimestamp?: string;
}

function manifest(
  apiVersion: string,
  kind: string,
  name: string,
  more: object,
  metadata: Metadata = {},
): CatalogRecord {
  return rule({ apiVersion, kind, metadata: { name, ...metadata }, ...more } as WrittenManifest);
}

function ingress(name: string, spec: object, metadata: Metadata = {}): CatalogRecord {
  return manifest('networking.k8s.io/v1', 'Ingress', name, { spec }, metadata);
}

/** An Ingress with annotations of ingress-nginx, for `/` of `<name>.test`. */
function annotated(
  name: string,
  annotations: Readonly<Record<string, string>>,
  more: object = {},
): CatalogRecord {
  const full = Object.entries(annotations).map(([key, value]) => [
    `nginx.ingress.kubernetes.io/${key}`,
    value,
  ]);
  const spec = { rules: [host(`${name}.test`, path('/', 'web'))], ...more };
  return ingress(name, spec, { annotations: Object.fromEntries(full) });
}

function host(name: string | undefined, ...paths: readonly object[]): object {
  return { ...(name === undefined ? {} : { host: name }), http: { paths } };
}

function path(text: string, name: string, pathType = 'Prefix', port: object = { number: 80 }): object {
  return { path: text, pathType, backend: { service: { name, port } } };
}

function service(name: string, spec: object, metadata: Metadata = {}): CatalogRecord {
  return manifest('v1', 'Service', name, { spec }, metadata);
}

function secret(
  name: string,
  data: Readonly<Record<string, string>>,
  metadata: Metadata = {},
): CatalogRecord {
  const encoded = Object.fromEntries(Object.entries(data).map(([key, value]) => [key, btoa(value)]));
  return manifest('v1', 'Secret', name, { data: encoded }, metadata);
}

const pair = { 'tls.crt': '-----BEGIN CERTIFICATE-----', 'tls.key': '-----BEGIN PRIVATE KEY-----' };
const web = [node('n1'), labelled('web', '10.0.0.1'), labelled('api', '10.0.0.2')];
const oldClass = { annotations: { 'kubernetes.io/ingress.class': 'nginx' } };
const slices = 'discovery.k8s.io/v1';

function slice(
  name: string,
  of: string,
  endpoints: readonly object[],
  ports: readonly object[],
): CatalogRecord {
  return manifest(
    slices,
    'EndpointSlice',
    name,
    { addressType: 'IPv4', endpoints, ports },
    { labels: { 'kubernetes.io/service-name': of } },
  );
}

const cases: Readonly<Record<string, readonly CatalogRecord[]>> = {
  'service-selector': [
    node('n1'),
    node('n2', { adminState: 'draining' }),
    labelled('reviews', '10.0.0.1', { version: 'v1' }),
    labelled('reviews-two', '10.0.0.2', { app: 'reviews', 'port.admin': '9901' }, { port: 9090 }),
    labelled('tagged', '10.0.0.3', {}, { tags: ['app=reviews'] }),
    labelled('reviews', '10.0.0.4', { app: 'other' }),
    labelled('reviews', '10.0.0.5', {}, { namespace: 'team' }),
    labelled('reviews', '10.0.0.6', {}, { node: 'n2' }),
    instance('twice', 'a', { address: '10.0.0.1', metadata: labelsFrom({ app: 'reviews' }) }),
    labelled('down', '10.0.0.7', { app: 'reviews' }),
    check(labelled('down', '10.0.0.7', { app: 'reviews' }), 'critical'),
    service('reviews', {
      selector: { app: 'reviews' },
      ports: [
        { name: 'http', port: 80, targetPort: 9080 },
        { name: 'admin', port: 9901, targetPort: 'admin' },
        { name: 'grpc', port: 50_051 },
      ],
    }),
    service('one-port', { selector: { app: 'reviews' }, ports: [{ port: 80 }] }),
    service('not-ready', {
      selector: { app: 'reviews' },
      ports: [{ port: 80, targetPort: 80 }],
      publishNotReadyAddresses: true,
    }),
    service('nothing', { selector: { app: 'nobody' }, ports: [{ port: 80 }] }),
  ],
  'service-endpoints': [
    node('n1'),
    service('sliced', { ports: [{ name: 'http', port: 80 }] }),
    slice(
      'one',
      'sliced',
      [
        { addresses: ['10.1.0.1', '10.1.0.9'], zone: 'a' },
        { addresses: ['10.1.0.2'], conditions: { ready: false, serving: true, terminating: true } },
        { addresses: ['10.1.0.3'], conditions: { ready: false, serving: false, terminating: true } },
        { addresses: ['10.1.0.4'], conditions: { ready: false } },
      ],
      [{ name: 'http', port: 8080 }],
    ),
    slice(
      'two',
      'sliced',
      [{ addresses: ['10.1.0.1'] }, { addresses: ['10.1.0.5'] }],
      [{ name: 'http', port: 8080 }],
    ),
    slice('other-port', 'sliced', [{ addresses: ['10.1.0.6'] }], [{ name: 'metrics', port: 1 }]),
    service('ending', { ports: [{ port: 80 }] }),
    slice(
      'ending',
      'ending',
      [{ addresses: ['10.2.0.1'], conditions: { ready: false, serving: true, terminating: true } }],
      [{ port: 80 }],
    ),
    service('listed', { ports: [{ port: 3306 }] }),
    manifest('v1', 'Endpoints', 'listed', {
      subsets: [
        {
          addresses: [{ ip: '10.3.0.1' }, { ip: '169.254.169.254' }],
          notReadyAddresses: [{ ip: '10.3.0.2' }],
          ports: [{ port: 3306 }],
        },
      ],
    }),
    service('registered', { ports: [{ name: 'any', port: 80 }] }),
    labelled('registered', '10.4.0.1', {}, { port: 12_345 }),
    labelled('registered', '10.4.0.2', {}, { port: 23_456 }),
    service('external', {
      type: 'ExternalName',
      externalName: 'DB.example.com.',
      ports: [{ port: 443, appProtocol: 'https' }],
    }),
    service('headless', { clusterIP: 'None', selector: { app: 'registered' }, ports: [{ port: 80 }] }),
    service('empty', { ports: [{ port: 80 }], trafficDistribution: 'PreferSameZone' }),
  ],
  'service-doors': [
    node('n1'),
    service('node-port', {
      type: 'NodePort',
      ports: [
        { port: 80, nodePort: 30_080 },
        { name: 'b', port: 81 },
      ],
    }),
    service(
      'taken',
      { type: 'NodePort', ports: [{ port: 80, nodePort: 30_080 }] },
      { creationTimestamp: before },
    ),
    service('outside', { type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] }),
    service('balanced', {
      type: 'LoadBalancer',
      allocateLoadBalancerNodePorts: false,
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } },
      ports: [
        { name: 'dns', port: 5353, protocol: 'UDP' },
        { name: 'dns-tcp', port: 5353 },
        { name: 'https', port: 8443 },
        { name: 'sctp', port: 9, protocol: 'SCTP' },
        { name: 'again', port: 5353 },
      ],
    }),
    service('virtual', { clusterIP: '127.96.0.1', ports: [{ port: 80 }], sessionAffinity: 'ClientIP' }),
    instance('db-8443', 'x', { tags: ['tcp'] }),
  ],
  'service-protocols': [
    node('n1'),
    service('protocols', {
      ports: [
        { name: 'http2', port: 1 },
        { name: 'grpc-api', port: 2 },
        { name: 'grpc-web', port: 3 },
        { name: 'https', port: 4 },
        { name: 'a', port: 5, appProtocol: 'kubernetes.io/h2c' },
        { name: 'b', port: 6, appProtocol: 'kubernetes.io/ws' },
        { name: 'c', port: 7, appProtocol: 'kubernetes.io/wss' },
        { name: 'https-d', port: 8, appProtocol: 'http' },
      ],
    }),
  ],
  'ingress-paths': [
    ...web,
    service('named', { ports: [{ name: 'http', port: 8080 }] }),
    ingress('shop', {
      rules: [
        host(
          'Shop.test',
          path('/', 'web'),
          path('/foo', 'web', 'Prefix'),
          path('/foo/', 'api', 'ImplementationSpecific'),
          path('/foo', 'api', 'Exact'),
          path('/foo/bar', 'named', 'Prefix', { name: 'http' }),
          path('/foo/barista', 'named', 'Prefix', { number: 8080 }),
        ),
        host('*.shop.test', path('/', 'api')),
        host(undefined, path('/', 'web')),
      ],
    }),
  ],
  'ingress-conflicts': [
    ...web,
    ingress('younger', { rules: [host('a.test', path('/', 'web'), path('/own', 'web'))] }),
    ingress('older', { rules: [host('a.test', path('/', 'api'))] }, { creationTimestamp: before }),
    ingress('doubled', { rules: [host('b.test', path('/', 'web')), host('b.test', path('/', 'api'))] }),
    instance('a', 'shown', { tags: ['http'], address: '10.0.0.9' }),
    ingress('over-tag', { rules: [host('a.localhost', path('/api', 'api'))] }),
  ],
  'ingress-default-backend': [
    ...web,
    ingress('only', { defaultBackend: { service: { name: 'web', port: { number: 80 } } } }),
    ingress('with-rules', {
      defaultBackend: { service: { name: 'api', port: { number: 80 } } },
      rules: [host('a.test', path('/a', 'web'))],
    }),
  ],
  'ingress-tls': [
    ...web,
    secret('cert', pair),
    secret('cert-two', pair),
    secret('half', { 'tls.crt': pair['tls.crt'] }),
    secret('elsewhere', pair, { namespace: 'team' }),
    ingress('tls', {
      tls: [{ hosts: ['a.test', '*.w.test'], secretName: 'cert' }],
      rules: [
        host('a.test', path('/', 'web')),
        host('*.w.test', path('/', 'web')),
        host('plain.test', path('/', 'web')),
      ],
    }),
    ingress(
      'second-secret',
      {
        tls: [{ hosts: ['a.test'], secretName: 'cert-two' }],
        rules: [host('a.test', path('/two', 'api'))],
      },
      { creationTimestamp: before },
    ),
    ingress('missing', {
      tls: [
        { hosts: ['m.test'], secretName: 'nothing' },
        { hosts: ['h.test'], secretName: 'half' },
        { hosts: ['x.test'], secretName: 'team/elsewhere' },
      ],
      rules: [
        host('m.test', path('/', 'web')),
        host('h.test', path('/', 'web')),
        host('x.test', path('/', 'web')),
      ],
    }),
    ingress('mismatch', {
      tls: [{ hosts: ['unruled.test'], secretName: 'cert' }],
      rules: [host('c.test', path('/', 'web'))],
    }),
    ingress('without-secret', { tls: [{ hosts: ['d.test'] }], rules: [host('d.test', path('/', 'web'))] }),
    ingress('without-hosts', { tls: [{ secretName: 'cert' }], rules: [host('e.test', path('/', 'web'))] }),
    instance('secure', 's', { tags: ['tls'], address: '10.0.0.8' }),
  ],
  'ingress-broken': [
    ...web,
    service('no-port', { ports: [{ name: 'http', port: 8080 }] }),
    ingress('broken', {
      rules: [
        host(
          'a.test',
          path('/missing', 'nobody'),
          path('/port', 'no-port'),
          path('/name', 'no-port', 'Prefix', { name: 'metrics' }),
        ),
        host('a.test', {
          path: '/bucket',
          pathType: 'Prefix',
          backend: { resource: { kind: 'Bucket', name: 'b' } },
        }),
        host('a.test', path('no-slash', 'web'), path('', 'web', 'ImplementationSpecific')),
        host('10.0.0.1', path('/', 'web')),
        host('a.test:80', path('/', 'web')),
        host('*', path('/', 'web')),
      ],
    }),
    ingress('other-namespace', { rules: [host('b.test', path('/', 'web'))] }, { namespace: 'team' }),
    ingress('external', { rules: [host('c.test', path('/', 'outside', 'Prefix', { number: 8080 }))] }),
    service('outside', { type: 'ExternalName', externalName: 'example.com' }),
  ],
  'ingress-classes': [
    ...web,
    manifest('networking.k8s.io/v1', 'IngressClass', 'ours', {
      spec: { controller: 'k8s.io/ingress-nginx' },
    }),
    manifest('networking.k8s.io/v1', 'IngressClass', 'theirs', {
      spec: { controller: 'traefik.io/ingress-controller' },
    }),
    ingress('by-class', { ingressClassName: 'ours', rules: [host('a.test', path('/', 'web'))] }),
    ingress('by-name', { ingressClassName: 'portolan', rules: [host('b.test', path('/', 'web'))] }),
    ingress('not-ours', { ingressClassName: 'theirs', rules: [host('c.test', path('/', 'web'))] }, oldClass),
    ingress('unknown', { ingressClassName: 'haproxy', rules: [host('d.test', path('/', 'web'))] }),
    ingress('by-annotation', { rules: [host('e.test', path('/', 'web'))] }, oldClass),
    ingress(
      'other-annotation',
      { rules: [host('f.test', path('/', 'web'))] },
      { annotations: { 'kubernetes.io/ingress.class': 'traefik' } },
    ),
  ],
  'stream-services': [
    ...web,
    service('db', { ports: [{ name: 'sql', port: 3306, targetPort: 13_306 }], selector: { app: 'web' } }),
    manifest('v1', 'ConfigMap', 'tcp-services', {
      data: {
        '9000': 'default/db:3306',
        '9001': 'default/db:sql:PROXY:PROXY',
        '9002': 'default/db:3306::PROXY',
        '9003': 'default/web:80:PROXY',
        '9004': 'default/nobody:1',
        '9005': 'db:3306',
        high: 'default/db:3306',
      },
    }),
    manifest('v1', 'ConfigMap', 'udp-services', { data: { '5300': 'default/web:53' } }),
    manifest('v1', 'ConfigMap', 'else', { data: { '9006': 'default/db:3306' } }),
  ],
  'nginx-redirects': [
    ...web,
    annotated('off', { 'ssl-redirect': 'false' }, { tls: [{ hosts: ['off.test'] }] }),
    annotated('forced', { 'force-ssl-redirect': 'true' }),
    annotated('permanent', { 'permanent-redirect': 'https://new.test/', 'permanent-redirect-code': '308' }),
    annotated('temporal', {
      'temporal-redirect': 'https://new.test/',
      'permanent-redirect': 'https://old.test/',
    }),
    annotated('root', { 'app-root': '/app' }),
    annotated('www', { 'from-to-www-redirect': 'true', 'server-alias': 'alias.test, *.alias.test, ~^x$' }),
    annotated('wrong', { 'app-root': 'app', 'permanent-redirect': 'nowhere', 'ssl-redirect': 'perhaps' }),
  ],
  'nginx-rewrite': [
    ...web,
    annotated(
      'rewrite',
      { 'rewrite-target': '/$2', 'x-forwarded-prefix': '/api' },
      {
        rules: [
          host('r.test', path('/api(/|$)(.*)', 'web', 'ImplementationSpecific'), path('/api/longer', 'api')),
        ],
      },
    ),
    ingress('same-host', {
      rules: [
        host('r.test', path('/exact', 'api', 'Exact'), path('/bad(', 'api'), path('/ahead(?!x)', 'api')),
      ],
    }),
    annotated('vhost', { 'upstream-vhost': 'inner.test' }),
    annotated('variable', { 'upstream-vhost': '$host' }),
  ],
  'nginx-limits': [
    ...web,
    annotated('limits', {
      'proxy-body-size': '8m',
      'limit-rps': '5',
      'limit-rpm': '100',
      'limit-burst-multiplier': '3',
      'limit-connections': '10',
      'limit-whitelist': '10.0.0.0/8',
      'proxy-request-buffering': 'on',
    }),
    annotated('unlimited', { 'proxy-body-size': '0', 'proxy-buffering': 'off', 'limit-rate': '100' }),
    annotated('wrong', { 'proxy-body-size': 'big', 'limit-rps': '-1', 'limit-connections': 'many' }),
  ],
  'nginx-upstream': [
    ...web,
    secret('client', { ...pair, 'ca.crt': 'CA' }),
    annotated('timeouts', {
      'proxy-connect-timeout': '3',
      'proxy-read-timeout': '300',
      'proxy-send-timeout': '30s',
    }),
    annotated('retries', {
      'proxy-next-upstream': 'error timeout http_503 non_idempotent',
      'proxy-next-upstream-tries': '4',
    }),
    annotated('no-retries', { 'proxy-next-upstream': 'off' }),
    annotated('https', {
      'backend-protocol': 'HTTPS',
      'proxy-ssl-secret': 'default/client',
      'proxy-ssl-verify': 'on',
      'proxy-ssl-name': 'inner.test',
    }),
    annotated('grpc', { 'backend-protocol': 'GRPC' }),
    annotated('fcgi', { 'backend-protocol': 'FCGI' }),
    annotated('ewma', { 'load-balance': 'ewma' }),
    annotated('ewma-too', { 'load-balance': 'ewma' }),
    annotated('by-uri', { 'upstream-hash-by': '$request_uri', 'load-balance': 'ewma' }),
    annotated('by-header', { 'upstream-hash-by': '$http_x_user' }),
    annotated('by-text', { 'upstream-hash-by': 'constant' }),
    annotated('sticky', {
      affinity: 'cookie',
      'session-cookie-name': 'route',
      'session-cookie-max-age': '3600',
      'session-cookie-samesite': 'Lax',
    }),
  ],
  'nginx-access': [
    ...web,
    secret('users', { auth: 'ada:{SHA}x\n# no\nbob:$apr1$y' }),
    secret('map', { ada: 'hash' }),
    secret('none', { other: 'x' }),
    annotated('lists', {
      'whitelist-source-range': '10.0.0.0/8, 192.0.2.1',
      'denylist-source-range': '10.0.0.1/32',
    }),
    annotated('bad-list', { 'allowlist-source-range': '10.0.0.0/8,example.com' }),
    annotated('basic', {
      'auth-type': 'basic',
      'auth-secret': 'users',
      'auth-realm': 'Secret "place"',
      satisfy: 'any',
    }),
    annotated('by-map', {
      'auth-type': 'basic',
      'auth-secret': 'default/map',
      'auth-secret-type': 'auth-map',
    }),
    annotated('digest', { 'auth-type': 'digest', 'auth-secret': 'users' }),
    annotated('no-users', { 'auth-type': 'basic', 'auth-secret': 'none' }),
    annotated('foreign', { 'auth-type': 'basic', 'auth-secret': 'team/users' }),
    annotated('url', {
      'auth-url': 'http://auth.test/check',
      'auth-signin': 'https://auth.test/start',
      'auth-response-headers': 'X-User, X-Groups',
      'auth-cache-key': '$cookie_a',
    }),
    annotated('bad-url', { 'auth-url': 'auth' }),
    annotated('cors', { 'enable-cors': 'true' }),
    annotated('cors-own', {
      'enable-cors': 'true',
      'cors-allow-origin': 'https://*.shop.test, https://a.test',
      'cors-allow-credentials': 'false',
      'cors-max-age': '10',
      'cors-expose-headers': 'X-A',
    }),
  ],
  'nginx-canary': [
    ...web,
    ingress(
      'main',
      { rules: [host('c.test', path('/', 'web'), path('/other', 'web'))] },
      {
        annotations: {
          'nginx.ingress.kubernetes.io/backend-protocol': 'HTTPS',
          'nginx.ingress.kubernetes.io/affinity': 'cookie',
        },
      },
    ),
    annotated(
      'c',
      {
        canary: 'true',
        'canary-by-header': 'X-Canary',
        'canary-by-cookie': 'canary',
        'canary-weight': '20',
        'load-balance': 'ewma',
        'proxy-body-size': '1m',
      },
      { rules: [host('c.test', path('/', 'api'))] },
    ),
    annotated(
      'second',
      { canary: 'true', 'canary-weight': '5' },
      { rules: [host('c.test', path('/', 'api'))] },
    ),
    annotated('alone', { canary: 'true' }, { rules: [host('c.test', path('/nowhere', 'api'))] }),
    annotated('value', {}),
    annotated(
      'value-canary',
      {
        canary: 'true',
        'canary-by-header': 'x-v',
        'canary-by-header-value': 'yes',
        'canary-by-header-pattern': 'ignored',
      },
      { rules: [host('value.test', path('/', 'api'))] },
    ),
    annotated('pattern', {}),
    annotated(
      'pattern-canary',
      {
        canary: 'true',
        'canary-by-header': 'x-v',
        'canary-by-header-pattern': '^b(e|i)ta',
        'canary-weight': '30',
        'canary-weight-total': '1000',
        'affinity-canary-behavior': 'legacy',
      },
      { rules: [host('pattern.test', path('/', 'api'))] },
    ),
  ],
  'nginx-errors-and-headers': [
    ...web,
    service('errors', { ports: [{ port: 8080 }] }),
    manifest('v1', 'ConfigMap', 'headers', {
      data: { 'X-Frame-Options': 'DENY', 'bad name': 'x', 'X-Bad': 'a\r\nb' },
    }),
    annotated('errors', { 'custom-http-errors': '404,503,nine', 'default-backend': 'errors' }),
    annotated('no-backend', { 'custom-http-errors': '404' }),
    annotated('lost-backend', { 'default-backend': 'nobody' }),
    annotated('headers', { 'custom-headers': 'default/headers' }),
    annotated('mirror', {
      'mirror-target': 'https://copy.test:8443$request_uri',
      'mirror-host': 'shown.test',
    }),
    annotated('bad-mirror', { 'mirror-target': 'copy' }),
    annotated('snippets', {
      'configuration-snippet': 'more_set_headers "X: y";',
      'server-snippet': 'x',
      'enable-modsecurity': 'true',
      'proxy-cookie-path': '/ /',
    }),
    annotated('typo', { 'proxy-bodi-size': '1m', 'something-else': 'x' }),
  ],
  'nginx-tls': [
    ...web,
    secret('cert', pair),
    secret('authority', { 'ca.crt': 'CA' }),
    annotated(
      'through',
      { 'ssl-passthrough': 'true' },
      { tls: [{ hosts: ['through.test'], secretName: 'cert' }] },
    ),
    annotated(
      'client',
      {
        'auth-tls-secret': 'default/authority',
        'auth-tls-verify-depth': '2',
        'auth-tls-pass-certificate-to-upstream': 'true',
      },
      { tls: [{ hosts: ['client.test'], secretName: 'cert' }] },
    ),
    annotated('optional', { 'auth-tls-secret': 'authority', 'auth-tls-verify-client': 'optional' }),
    annotated('no-ca', { 'auth-tls-secret': 'cert' }),
  ],
};

for (const [name, records] of Object.entries(cases)) {
  test(`golden: ${name}`, () => {
    const { planner, write } = world(options);
    write(put(...records));
    const { clusters, ...rest } = plain(planner) as { clusters: { name: string }[] };
    // What every cluster has would bury what this one has.
    const found = { ...rest, clusters: clusters.map(withoutDefaults) };
    const file = new URL(`./testdata/${name}.json`, import.meta.url);
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(file, `${JSON.stringify(found, null, 2)}\n`);
    assert.deepEqual(found, JSON.parse(readFileSync(file, 'utf8')));
  });
}

function withoutDefaults(cluster: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const usual = { balance: { policy: 'round-robin' }, connectTimeoutMs: 5_000, maxConnections: 1024 };
  return Object.fromEntries(
    Object.entries(cluster).filter(([key, value]) => {
      if (key === 'outlier' || key === 'maxPendingRequests') return false;
      return JSON.stringify(value) !== JSON.stringify(usual[key as keyof typeof usual]);
    }),
  );
}

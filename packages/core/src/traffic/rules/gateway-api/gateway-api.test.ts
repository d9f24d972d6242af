import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { CatalogRecord } from '../../../catalog/records.ts';
import { labelled, node, plain, put, rule, type WrittenManifest, world } from '../../planner.fixture.ts';
import type { EdgeCertificate } from '../contract.ts';

const api = 'gateway.networking.k8s.io/v1';
const edge: EdgeCertificate = { name: 'edge', chain: 'CHAIN', key: 'KEY', serverNames: ['*'] };
const options = {
  gatewayDomain: 'localhost',
  edgeCertificates: () => [edge],
  edgePorts: () => ({ http: 8080, https: 8443 }),
};

function manifest(kind: string, name: string, spec: object, namespace = 'default'): CatalogRecord {
  return rule({ apiVersion: api, kind, metadata: { name, namespace }, spec } as WrittenManifest);
}

const onPortolan = { parentRefs: [{ name: 'portolan' }] };

function gateway(name: string, listeners: readonly object[], more: object = {}): CatalogRecord {
  return manifest('Gateway', name, { gatewayClassName: 'portolan', listeners, ...more });
}

const tlsSecret = rule({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'cert' },
  type: 'kubernetes.io/tls',
  data: {
    'tls.crt': btoa('-----BEGIN CERTIFICATE-----'),
    'tls.key': btoa('-----BEGIN PRIVATE KEY-----'),
  },
} as WrittenManifest);

const services = [
  node('n1'),
  labelled('v1', '10.0.0.1'),
  labelled('v2', '10.0.0.2'),
  labelled('calls', '10.0.0.3'),
];

const cases: Readonly<Record<string, readonly CatalogRecord[]>> = {
  'splitting-and-precedence': [
    manifest('HTTPRoute', 'shop', {
      ...onPortolan,
      hostnames: ['shop.test'],
      rules: [
        {
          backendRefs: [
            { name: 'v1', port: 80, weight: 90 },
            { name: 'v2', port: 80, weight: 10 },
          ],
        },
        { matches: [{ path: { type: 'PathPrefix', value: '/a' } }], backendRefs: [{ name: 'v1', port: 80 }] },
        {
          matches: [
            { path: { type: 'Exact', value: '/a/b' } },
            { path: { type: 'PathPrefix', value: '/a/bc/' }, method: 'POST' },
            {
              path: { type: 'PathPrefix', value: '/a' },
              headers: [{ name: 'Env', value: 'canary' }],
              queryParams: [{ name: 'Q', type: 'RegularExpression', value: '[0-9]+' }],
            },
          ],
          backendRefs: [{ name: 'v2', port: 80 }],
        },
      ],
    }),
  ],
  'redirects-and-rewrites': [
    manifest('HTTPRoute', 'moved', {
      ...onPortolan,
      hostnames: ['moved.test'],
      rules: [
        {
          matches: [{ path: { value: '/old' } }],
          filters: [
            {
              type: 'RequestRedirect',
              requestRedirect: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/new' } },
            },
          ],
        },
        { filters: [{ type: 'RequestRedirect', requestRedirect: { scheme: 'https', statusCode: 301 } }] },
      ],
    }),
    manifest('HTTPRoute', 'rewritten', {
      ...onPortolan,
      hostnames: ['rewritten.test'],
      rules: [
        {
          filters: [
            {
              type: 'URLRewrite',
              urlRewrite: {
                hostname: 'other.test',
                path: { type: 'ReplaceFullPath', replaceFullPath: '/x' },
              },
            },
            { type: 'RequestHeaderModifier', requestHeaderModifier: { add: [{ name: 'A', value: '1' }] } },
            { type: 'ResponseHeaderModifier', responseHeaderModifier: { remove: ['Server'] } },
            { type: 'RequestMirror', requestMirror: { backendRef: { name: 'v2', port: 80 }, percent: 5 } },
            {
              type: 'CORS',
              cors: { allowOrigins: ['https://*.test', 'https://a.b'], allowMethods: ['GET'], maxAge: 9 },
            },
          ],
          timeouts: { request: '10s', backendRequest: '2s' },
          retry: { codes: [503], attempts: 3, backoff: '100ms' },
          sessionPersistence: {
            sessionName: 'sid',
            absoluteTimeout: '1h',
            cookieConfig: { lifetimeType: 'Permanent' },
          },
          backendRefs: [
            {
              name: 'v1',
              port: 80,
              filters: [
                {
                  type: 'RequestHeaderModifier',
                  requestHeaderModifier: { set: [{ name: 'B', value: '2' }] },
                },
              ],
            },
          ],
        },
      ],
    }),
  ],
  'broken-references': [
    manifest('HTTPRoute', 'broken', {
      parentRefs: [{ name: 'portolan' }, { name: 'nobody' }, { kind: 'Service', group: '', name: 'v1' }],
      hostnames: ['broken.test'],
      rules: [
        {
          matches: [{ path: { value: '/share' } }],
          backendRefs: [
            { name: 'v1', port: 80 },
            { name: 'none', port: 80 },
          ],
        },
        { matches: [{ path: { value: '/kind' } }], backendRefs: [{ kind: 'Bucket', name: 'b', port: 80 }] },
        {
          matches: [{ path: { value: '/filter' } }],
          filters: [{ type: 'ExtensionRef' }],
          backendRefs: [{ name: 'v1', port: 80 }],
        },
        { matches: [{ path: { value: '/nothing' } }] },
        { matches: [{ path: { value: '/zero' } }], backendRefs: [{ name: 'v1', port: 80, weight: 0 }] },
        { matches: [{ path: { value: '/far' } }], backendRefs: [{ name: 'x', namespace: 'back', port: 80 }] },
      ],
    }),
    manifest('HTTPRoute', 'orphan', { rules: [{ backendRefs: [{ name: 'v1', port: 80 }] }] }),
  ],
  'listeners-and-hosts': [
    gateway('own', [
      { name: 'http', protocol: 'HTTP', port: 18080 },
      {
        name: 'tls',
        protocol: 'HTTPS',
        port: 18443,
        hostname: '*.test',
        tls: { certificateRefs: [{ name: 'cert' }] },
      },
      {
        name: 'bare',
        protocol: 'HTTPS',
        port: 18443,
        hostname: 'bare.test',
        tls: { certificateRefs: [{ name: 'gone' }] },
      },
      { name: 'edge', protocol: 'HTTP', port: 80, allowedRoutes: { namespaces: { from: 'None' } } },
      { name: 'again', protocol: 'HTTP', port: 18080 },
      { name: 'odd', protocol: 'QUIC', port: 1 },
    ]),
    tlsSecret,
    manifest('HTTPRoute', 'both', {
      parentRefs: [{ name: 'own' }],
      hostnames: ['a.test', 'b.example'],
      rules: [{ backendRefs: [{ name: 'v1', port: 80 }] }],
    }),
    manifest('HTTPRoute', 'nowhere', {
      parentRefs: [{ name: 'own', sectionName: 'tls' }],
      hostnames: ['b.example'],
      rules: [{ backendRefs: [{ name: 'v1', port: 80 }] }],
    }),
    manifest('HTTPRoute', 'kept-out', {
      parentRefs: [{ name: 'own', sectionName: 'edge' }],
      rules: [{ backendRefs: [{ name: 'v1', port: 80 }] }],
    }),
    manifest('HTTPRoute', 'only-https', {
      parentRefs: [{ name: 'portolan', sectionName: 'https' }],
      hostnames: ['secure.test'],
      rules: [{ backendRefs: [{ name: 'v1', port: 80 }] }],
    }),
  ],
  streams: [
    gateway('l4', [
      { name: 'pass', protocol: 'TLS', port: 19443, tls: { mode: 'Passthrough' } },
      {
        name: 'end',
        protocol: 'TLS',
        port: 19444,
        hostname: 'end.test',
        tls: { certificateRefs: [{ name: 'cert' }] },
      },
      { name: 'tcp', protocol: 'TCP', port: 19000 },
      { name: 'udp', protocol: 'UDP', port: 19053 },
    ]),
    tlsSecret,
    manifest('TLSRoute', 'by-name', {
      parentRefs: [{ name: 'l4', sectionName: 'pass' }],
      hostnames: ['a.test', '*.b.test'],
      rules: [
        {
          backendRefs: [
            { name: 'v1', port: 443 },
            { name: 'none', port: 443 },
          ],
        },
      ],
    }),
    manifest('TLSRoute', 'ended', {
      parentRefs: [{ name: 'l4', sectionName: 'end' }],
      hostnames: ['end.test'],
      rules: [{ backendRefs: [{ name: 'v2', port: 9000 }] }],
    }),
    manifest('TCPRoute', 'plain', {
      parentRefs: [{ name: 'l4', sectionName: 'tcp' }],
      rules: [{ backendRefs: [{ name: 'v1', port: 9000 }] }, { backendRefs: [{ name: 'v2', port: 9000 }] }],
    }),
    manifest('TCPRoute', 'younger', {
      parentRefs: [{ name: 'l4', sectionName: 'tcp' }],
      rules: [{ backendRefs: [{ name: 'v2', port: 9000 }] }],
    }),
    manifest('UDPRoute', 'names', {
      parentRefs: [{ name: 'l4' }],
      rules: [{ backendRefs: [{ name: 'v1', port: 53 }] }],
    }),
  ],
  grpc: [
    manifest('GRPCRoute', 'calls', {
      ...onPortolan,
      hostnames: ['grpc.test'],
      rules: [
        {
          matches: [{ method: { service: 'com.Example', method: 'Login' } }],
          backendRefs: [{ name: 'calls', port: 50051 }],
        },
        { matches: [{ method: { service: 'com.Example' } }], backendRefs: [{ name: 'v1', port: 50051 }] },
        { matches: [{ method: { method: 'Log-out' } }], backendRefs: [{ name: 'v1', port: 50051 }] },
        {
          matches: [{ method: { type: 'RegularExpression', service: 'com\\..*' } }],
          backendRefs: [{ name: 'v2', port: 50051 }],
        },
        {
          matches: [{ headers: [{ name: 'Env', value: 'canary' }] }],
          backendRefs: [{ name: 'v2', port: 50051 }],
        },
      ],
    }),
  ],
  'cross-namespace': [
    manifest(
      'HTTPRoute',
      'cross',
      {
        ...onPortolan,
        hostnames: ['cross.test'],
        rules: [
          {
            matches: [{ path: { value: '/granted' } }],
            backendRefs: [{ name: 'v1', namespace: 'default', port: 80 }],
          },
          {
            matches: [{ path: { value: '/refused' } }],
            backendRefs: [{ name: 'v2', namespace: 'default', port: 80 }],
          },
        ],
      },
      'front',
    ),
    manifest('ReferenceGrant', 'grant', {
      from: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'front' }],
      to: [{ group: '', kind: 'Service', name: 'v1' }],
    }),
  ],
};

for (const [name, records] of Object.entries(cases)) {
  test(`golden: ${name}`, () => {
    const { planner, write } = world(options);
    write(put(...services, ...records));
    const { virtualHosts, listeners, tlsHosts, diagnostics, clusters } = plain(planner);
    const named = (clusters as readonly { name: string; protocol?: string }[]).map(
      ({ name: cluster, protocol = 'http1' }) => `${cluster} ${protocol}`,
    );
    const found = { listeners, tlsHosts, virtualHosts, clusters: named, diagnostics };
    const file = new URL(`./testdata/${name}.json`, import.meta.url);
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(file, `${JSON.stringify(found, null, 2)}\n`);
    assert.deepEqual(JSON.parse(JSON.stringify(found)), JSON.parse(readFileSync(file, 'utf8')));
  });
}

test('a grant that is taken back closes what it opened, and nothing else is translated', () => {
  const { planner, write } = world(options);
  write(put(...services, ...(cases['cross-namespace'] ?? [])));
  const targetsOf = (at: number) => {
    const action = planner.model.virtualHosts.get('cross.test')?.routes[at]?.action;
    return action?.type === 'forward' ? action.targets : [];
  };
  assert.deepEqual(targetsOf(0), [{ weight: 1, cluster: 'v1' }]);
  assert.deepEqual(targetsOf(1), [{ weight: 1, status: 500 }]);
  const grant = rule({
    apiVersion: api,
    kind: 'ReferenceGrant',
    metadata: { name: 'grant' },
  } as WrittenManifest);
  const key = `rule/${encodeURIComponent(api)}/ReferenceGrant/default/${grant.name}`;
  const delta = write([{ op: 'delete', key }]);
  assert.deepEqual([...delta.virtualHosts], ['cross.test']);
  assert.deepEqual(targetsOf(0), [{ weight: 1, status: 500 }]);
});

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { CatalogRecord } from '../../../catalog/records.ts';
import { instance } from '../../planner.fixture.ts';
import {
  before,
  host,
  ingress,
  manifest,
  oldClass,
  pair,
  path,
  planned,
  secret,
  service,
  web,
} from '../kubernetes.fixture.ts';

const cases: Readonly<Record<string, readonly CatalogRecord[]>> = {
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
};

for (const [name, records] of Object.entries(cases)) {
  test(`golden: ${name}`, () => {
    const found = planned(records);
    const file = new URL(`./testdata/${name}.json`, import.meta.url);
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(file, `${JSON.stringify(found, null, 2)}\n`);
    assert.deepEqual(found, JSON.parse(readFileSync(file, 'utf8')));
  });
}

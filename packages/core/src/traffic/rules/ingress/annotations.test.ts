import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { CatalogRecord } from '../../../catalog/records.ts';
import {
  annotated,
  host,
  ingress,
  manifest,
  pair,
  path,
  planned,
  secret,
  service,
  web,
} from '../kubernetes.fixture.ts';

const cases: Readonly<Record<string, readonly CatalogRecord[]>> = {
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
    const found = planned(records);
    const file = new URL(`./testdata/${name}.json`, import.meta.url);
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(file, `${JSON.stringify(found, null, 2)}\n`);
    assert.deepEqual(found, JSON.parse(readFileSync(file, 'utf8')));
  });
}

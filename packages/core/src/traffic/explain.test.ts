import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { noLabels } from '../base/labels.ts';
import { type ExplainedRequest, explain } from './explain.ts';
import type { Cluster, Route, RouteMatch, TrafficModel, VirtualHost } from './model.ts';

function regex(pattern: string, ignoreCase: boolean): (text: string) => boolean {
  const compiled = new RegExp(`^(?:${pattern})$`, ignoreCase ? 'i' : '');
  return (text) => compiled.test(text);
}

function route(name: string, match: Partial<RouteMatch>, cluster = name): Route {
  return {
    name,
    match: { path: { type: 'prefix', value: '/' }, ...match },
    action: { type: 'forward', targets: [{ weight: 1, cluster }] },
    timeoutMs: 0,
    retry: { retries: 0, on: [], perTryTimeoutMs: 0 },
  };
}

function host(
  name: string,
  domains: readonly string[],
  routes: readonly Route[],
  table = 'edge',
): VirtualHost {
  return { name, table, domains, routes };
}

function modelOf(hosts: readonly VirtualHost[], clusters: readonly Cluster[] = []): TrafficModel {
  return {
    revision: 1,
    listeners: new Map(),
    certificates: new Map(),
    tlsHosts: new Map(),
    virtualHosts: new Map(hosts.map((one) => [one.name, one])),
    clusters: new Map(clusters.map((one) => [one.name, one])),
  };
}

function ask(
  hosts: readonly VirtualHost[],
  request: Partial<ExplainedRequest>,
  clusters: readonly Cluster[] = [],
) {
  return explain(
    modelOf(hosts, clusters),
    { host: 'a.test', target: '/', method: 'GET', scheme: 'http', headers: [], ...request },
    regex,
  );
}

test('the most specific host wins: itself, one label, the longest suffix, everything', () => {
  const domains = ['a.b.test', '?.b.test', '*.b.test', '*.test', '*'];
  const hosts = domains.map((domain) => host(domain, [domain], [route(domain, {})]));
  for (const [name, wanted] of [
    ['A.B.test:8080', 'a.b.test'],
    ['x.b.test', '?.b.test'],
    ['x.y.b.test', '*.b.test'],
    ['y.test.', '*.test'],
    ['other', '*'],
  ] as const) {
    assert.equal(ask(hosts, { host: name }).route?.name, wanted, name);
  }
  assert.equal(ask(hosts.slice(0, 1), { host: 'z' }).virtualHost, undefined);
  assert.equal(ask(hosts, { host: 'a.b.test', table: 'mesh' }).virtualHost, undefined);
});

test('each candidate is told in order, with the first condition that failed and what was found', () => {
  const routes = [
    route('path', { path: { type: 'exact', value: '/login' } }),
    route('method', { methods: ['POST', 'PUT'] }),
    route('scheme', { scheme: 'https' }),
    route('header', { headers: [{ name: 'x-user', type: 'exact', value: 'jason' }] }),
    route('absent', { headers: [{ name: 'x-none', type: 'present', value: '' }] }),
    route('not', { headers: [{ name: 'x-user', type: 'exact', value: 'bob', invert: true }] }),
    route('cookie', { cookies: [{ name: 'c', type: 'exact', value: '2' }] }),
    route('query', { query: [{ name: 'q', type: 'prefix', value: 'b' }] }),
    route('source', { sources: ['10.0.0.0/8', '::1'] }),
    route('broken', { headers: [{ name: 'x-user', type: 'regex', value: '[', invert: true }] }),
    route('yes', {
      path: { type: 'segments', value: '/Shop/', ignoreCase: true },
      headers: [{ name: 'x-user', type: 'regex', value: 'b.*' }],
      cookies: [{ name: 'c', type: 'present', value: '' }],
      query: [{ name: 'q', type: 'suffix', value: 'é' }],
      sources: ['192.168.0.0/16'],
    }),
    route('never', {}),
  ];
  const told = ask([host('h', ['a.test'], routes)], {
    target: '/shop/%7Ea?q=a%C3%A9&q=b',
    headers: [
      ['X-User', 'bob'],
      ['Cookie', 'c=1; c=2'],
    ],
    source: '::ffff:192.168.1.1',
  });
  assert.equal(told.path, '/shop/~a');
  assert.deepEqual(
    told.candidates.map(({ route: name, failed }) => [name, failed?.condition, failed?.found]),
    [
      ['path', 'path = /login', '/shop/~a'],
      ['method', 'method POST|PUT', 'GET'],
      ['scheme', 'scheme https', 'http'],
      ['header', 'header x-user = jason', 'bob'],
      ['absent', 'header x-none is there', 'not there'],
      ['not', 'header not x-user = bob', 'bob'],
      ['cookie', 'cookie c = 2', '1'],
      ['query', 'query q begins with b', 'aé'],
      ['source', 'from 10.0.0.0/8|::1', '::ffff:192.168.1.1'],
      ['broken', 'header not x-user ~ [', 'bob'],
      ['yes', undefined, undefined],
    ],
  );
  assert.equal(told.route?.name, 'yes');
});

test('where it goes is told with shares, statuses and endpoints', () => {
  const endpoint = {
    id: 'n1/1',
    address: '10.0.0.1',
    port: 80,
    weight: 1,
    state: 'healthy' as const,
    labels: noLabels,
  };
  const clusters = [{ name: 'v1', endpoints: [endpoint] }] as unknown as Cluster[];
  const split: Route = {
    ...route('split', {}),
    action: {
      type: 'forward',
      targets: [
        { weight: 99, cluster: 'v1' },
        { weight: 1, status: 503 },
        { weight: 0, cluster: 'v0' },
      ],
    },
    policies: { basicAuth: { realm: 'shop', users: ['admin:{SHA}secret'] } },
  };
  const { route: found } = ask([host('h', ['*'], [split])], {}, clusters);
  assert.equal(found?.action, '99% v1, 1% status 503');
  assert.deepEqual(found?.policies, ['basic auth "shop" (1 users)']);
  assert.deepEqual(
    found?.targets.map(({ cluster, status, percent, endpointCount }) => [
      cluster,
      status,
      percent,
      endpointCount,
    ]),
    [
      ['v1', undefined, 99, 1],
      [undefined, 503, 1, 0],
      ['v0', undefined, 0, 0],
    ],
  );
  assert.ok(!JSON.stringify(found).includes('secret'));
});

test('of a thousand candidates the first ones and the one that matches are told', () => {
  const routes = Array.from({ length: 1_000 }, (_, index) =>
    route(String(index), { path: { type: 'exact', value: `/${index}` } }),
  );
  const told = ask([host('h', ['a.test'], routes)], { target: '/998' });
  assert.deepEqual([told.looked, told.candidates.length, told.candidates.at(-1)?.route], [999, 100, '998']);
  assert.equal(ask([host('h', ['a.test'], routes)], { target: '/x' }).route, undefined);
});

test('no request makes it throw', () => {
  const hosts = [
    host(
      'h',
      ['*'],
      [
        route('r', {
          query: [{ name: 'a', type: 'exact', value: 'b' }],
          cookies: [{ name: 'a', type: 'exact', value: 'b' }],
        }),
      ],
    ),
  ];
  fc.assert(
    fc.property(
      fc.string(),
      fc.string(),
      fc.array(fc.tuple(fc.string(), fc.string())),
      fc.string(),
      (name, target, headers, source) => {
        ask(hosts, { host: name, target, headers: [...headers, ['cookie', target]], source });
      },
    ),
  );
});

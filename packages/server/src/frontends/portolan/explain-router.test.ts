import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explain } from '@portolan/core/traffic/explain.ts';
import type { NamedMatch, RouteMatch, TrafficModel, VirtualHost } from '@portolan/core/traffic/model.ts';
import { edgeTable } from '@portolan/core/traffic/route.ts';
import fc from 'fast-check';
import { linearPattern } from '../../linear-regex.ts';
import {
  clearSource,
  requestHead,
  routerWith,
  routeTo,
  virtualHost,
} from '../../proxy/routes/route-request.fixture.ts';

function modelOf(hosts: readonly VirtualHost[]): TrafficModel {
  const none = new Map<string, never>();
  return {
    revision: 1,
    ...{ listeners: none, certificates: none, tlsHosts: none, clusters: none },
    virtualHosts: new Map(hosts.map((host) => [host.name, host])),
  };
}

function regex(pattern: string, ignoreCase: boolean): (text: string) => boolean {
  const compiled = linearPattern(pattern, ignoreCase);
  return (text) => compiled.matchesAll(text);
}

const value = fc.constantFrom('', 'a', 'b', 'A');
const segment = fc.constantFrom('', 'a', 'b', 'ab', 'A', 'v1', '%C3%A9', 'é', '~', '%7e', '%c3%a9');
const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => `/${parts.join('/')}`);
const named: fc.Arbitrary<readonly NamedMatch[]> = fc.array(
  fc.record(
    {
      name: fc.constantFrom('x', 'y', ':path', ':method', ':authority', ':scheme', 'host'),
      type: fc.constantFrom('exact', 'prefix', 'suffix', 'contains', 'regex', 'present'),
      value: fc.oneof(value, fc.constantFrom('a.*', '(?:b|A)', '[')),
      ignoreCase: fc.boolean(),
      invert: fc.boolean(),
    },
    { requiredKeys: ['name', 'type', 'value'] },
  ),
  { maxLength: 2 },
) as fc.Arbitrary<readonly NamedMatch[]>;
const match = fc.record(
  {
    path: fc.oneof(
      fc.constant({ type: 'prefix' as const, value: '/' }),
      fc.record(
        {
          type: fc.constantFrom('exact', 'prefix', 'segments', 'regex'),
          value: fc.oneof(path, fc.constantFrom('/', '/a.*', '/(a|b)', '/[')),
          ignoreCase: fc.boolean(),
        },
        { requiredKeys: ['type', 'value'] },
      ),
    ),
    methods: fc.constantFrom(['GET'], ['POST', 'PUT']),
    scheme: fc.constantFrom('http', 'https'),
    headers: named,
    query: named,
    cookies: named,
    sources: fc.constantFrom(['192.0.2.0/24'], ['10.0.0.0/8', '2001:db8::/32'], ['0.0.0.0/0'], ['192.0.2.7']),
  },
  { requiredKeys: ['path'] },
) as fc.Arbitrary<RouteMatch>;
const pair = fc.tuple(fc.constantFrom('x', 'y'), value);
const request = fc.record({
  path: fc
    .array(fc.constantFrom('', 'a', 'b', 'ab', 'A', 'v1', '%C3%A9', '~'), { minLength: 1, maxLength: 3 })
    .map((parts) => `/${parts.join('/')}`),
  method: fc.constantFrom('GET', 'POST'),
  headers: fc.array(pair, { maxLength: 4 }),
  cookies: fc.array(pair, { maxLength: 4 }),
  query: fc.array(pair, { maxLength: 4 }),
  host: fc.constantFrom('a.test', 'x.a.test', 'y.x.a.test', 'b.test', 'other'),
});
const domain = fc.constantFrom('a.test', '?.a.test', '*.a.test', '*.test', '*', 'b.test');

test('what is explained is what the gateway’s router does', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.tuple(fc.uniqueArray(domain, { minLength: 1, maxLength: 3 }), fc.array(match, { maxLength: 6 })),
        { minLength: 1, maxLength: 3 },
      ),
      fc.array(request, { minLength: 1, maxLength: 6 }),
      (tables, requests) => {
        const hosts = tables.map(([domains, matches], at) =>
          virtualHost(
            `h${at}`,
            domains,
            matches.map((one, index) => routeTo(`${at}/${index}`, one)),
          ),
        );
        const router = routerWith(...hosts);
        const model = modelOf(hosts);
        for (const { path: asked, method, headers, cookies, query, host } of requests) {
          const cookie = cookies.map(([name, text]) => `${name}=${text}`).join('; ');
          const fields = [...headers, ...(cookie === '' ? [] : [['cookie', cookie] as const])];
          const search =
            query.length === 0 ? '' : `?${query.map(([name, text]) => `${name}=${text}`).join('&')}`;
          const head = requestHead({
            ...{ method, path: asked, query: search, authority: { host, text: host } },
            lines: fields.map(([name, text]) => `${name}: ${text}\r\n`).join(''),
          });
          const routed = router.find(edgeTable, head, clearSource)?.config.name;
          const told = explain(
            model,
            {
              host,
              target: asked + search,
              method,
              scheme: 'http',
              headers: fields,
              source: clearSource.peer.address,
            },
            regex,
          );
          assert.equal(
            told.route?.name,
            routed,
            JSON.stringify([hosts, asked, search, fields, host, told.candidates]),
          );
        }
      },
    ),
    { numRuns: 3_000 },
  );
});

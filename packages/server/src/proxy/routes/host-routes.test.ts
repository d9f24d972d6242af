import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NamedMatch, PathMatch, RouteMatch } from '@portolan/core/traffic/model.ts';
import { edgeTable } from '@portolan/core/traffic/route.ts';
import fc from 'fast-check';
import type { RequestView } from '../request-view.ts';
import { literalPrefix } from './path-pattern.ts';
import {
  clearSource,
  requestHead,
  requestView,
  routerWith,
  routeTo,
  virtualHost,
} from './route-request.fixture.ts';

/** The contract of `PathMatch`, as plainly as it can be written. */
function pathMatches({ type, value, ignoreCase }: PathMatch, path: string): boolean {
  const [wanted, said] = ignoreCase === true ? [value.toLowerCase(), path.toLowerCase()] : [value, path];
  switch (type) {
    case 'exact':
      return said === wanted;
    case 'prefix':
      return wanted === '/' || said.startsWith(wanted);
    case 'segments': {
      const bare = wanted.endsWith('/') ? wanted.slice(0, -1) : wanted;
      return bare === '' || said === bare || said.startsWith(`${bare}/`);
    }
    case 'regex':
      return new RegExp(`^(?:${value})$`, ignoreCase === true ? 'i' : '').test(path);
  }
}

function fieldMatches(match: NamedMatch, value: string | undefined): boolean {
  const holds = value !== undefined && (match.type === 'present' || value === match.value);
  return holds !== (match.invert === true);
}

function naive(routes: readonly RouteMatch[], request: RequestView): number {
  return routes.findIndex(
    (match) =>
      pathMatches(match.path, request.head.path) &&
      (match.methods === undefined || match.methods.includes(request.head.method)) &&
      (match.headers ?? []).every((one) => fieldMatches(one, request.header(one.name))) &&
      (match.query ?? []).every((one) => fieldMatches(one, request.query(one.name))),
  );
}

const segment = fc.constantFrom('', 'a', 'b', 'ab', 'A', 'v1', 'v1.2');
const pathText = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => `/${parts.join('/')}`);
const regexText = fc
  .array(
    fc.constantFrom('a', 'b', '/', '/v', '1', '.*', '[ab]', '[^/]+', '(a|b)', 'a?', 'b*', '\\.', 'a{2}', '|'),
    {
      maxLength: 5,
    },
  )
  .map((parts) => `/${parts.join('')}`);
const path: fc.Arbitrary<PathMatch> = fc.oneof(
  fc.record(
    { type: fc.constantFrom('exact', 'prefix', 'segments'), value: pathText, ignoreCase: fc.boolean() },
    { requiredKeys: ['type', 'value'] },
  ),
  fc.record(
    { type: fc.constant('regex'), value: regexText, ignoreCase: fc.boolean() },
    { requiredKeys: ['type', 'value'] },
  ),
) as fc.Arbitrary<PathMatch>;
const named = fc.array(
  fc.record(
    {
      name: fc.constantFrom('x', 'y'),
      type: fc.constantFrom('exact', 'present'),
      value: fc.constantFrom('1', '2'),
      invert: fc.boolean(),
    },
    { requiredKeys: ['name', 'type', 'value'] },
  ),
  { maxLength: 1 },
);
const match = fc.record(
  { path, methods: fc.constantFrom(['GET'], ['POST', 'PUT']), headers: named, query: named },
  { requiredKeys: ['path'] },
) as fc.Arbitrary<RouteMatch>;
const head = fc.record({
  path: pathText,
  method: fc.constantFrom('GET', 'POST'),
  lines: fc.constantFrom('', 'X: 1\r\n', 'Y: 2\r\nx: 2\r\n'),
  query: fc.constantFrom('', '?x=1', '?a=b&y=%32&x'),
});

test('the compiled routes give what looking at each in order gives', () => {
  fc.assert(
    fc.property(
      fc.array(match, { maxLength: 12 }),
      fc.array(head, { minLength: 1, maxLength: 8 }),
      (matches, heads) => {
        const routes = matches.map((one, index) => routeTo(String(index), one));
        const router = routerWith(virtualHost('a', ['a.test'], routes));
        for (const one of heads) {
          const found = router.find(edgeTable, requestHead(one), clearSource)?.config.name ?? '-1';
          assert.equal(Number(found), naive(matches, requestView(one)), JSON.stringify([matches, one]));
        }
      },
    ),
    { numRuns: 1_000 },
  );
});

test('the literal beginning of an expression is the beginning of all that it matches', () => {
  fc.assert(
    fc.property(regexText, pathText, (source, text) => {
      if (new RegExp(`^(?:${source})$`).test(text)) assert.ok(text.startsWith(literalPrefix(source)), source);
    }),
    { numRuns: 5_000 },
  );
  assert.equal(literalPrefix('/api/v1/(.*)'), '/api/v1/');
  assert.equal(literalPrefix('^/a\\.b/(x|y)$'), '/a.b/');
  assert.equal(literalPrefix('/ab*'), '/a');
  assert.equal(literalPrefix('/a|/b'), '');
  assert.equal(literalPrefix('/a[|]/(b|c)'), '/a');
});

test('of 1,000 routes on one host only those are looked at whose path fits', () => {
  const types = ['exact', 'prefix', 'segments', 'regex'] as const;
  const routes = Array.from({ length: 1_000 }, (_, index) =>
    routeTo(String(index), {
      path: { type: types[index % 4] ?? 'exact', value: `/app${index}/x` },
      headers: [{ name: `x${index}`, type: 'present', value: '' }],
    }),
  );
  const router = routerWith(virtualHost('a', ['a.test'], routes));
  let asked = 0;
  const request = Object.defineProperty(requestHead({ path: '/app997/x' }), 'lines', {
    get() {
      asked++;
      return 'X997: 1\r\n';
    },
  });
  const found = router.find(edgeTable, request, clearSource);
  assert.deepEqual([found?.config.name, asked], ['997', 1]);
});

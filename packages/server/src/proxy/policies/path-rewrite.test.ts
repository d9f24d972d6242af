import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PathMatch, PathRewrite } from '@portolan/core/traffic/model.ts';
import fc from 'fast-check';
import { canonicalPath } from '../http1/canonical-path.ts';
import { compileRewrite } from './path-rewrite.ts';

const after = (rewrite: PathRewrite, match: PathMatch, path: string, query = ''): string | undefined => {
  const result = compileRewrite(rewrite, match)(path, query);
  return result && result.path + result.query;
};
const prefix = (value: string): PathRewrite => ({ type: 'prefix', value });
const segments = (value: string): PathMatch => ({ type: 'segments', value });

/** Gateway API, `HTTPPathModifier.replacePrefixMatch`: its table. */
const table: readonly [string, string, string, string][] = [
  ['/foo/bar', '/foo', '/xyz', '/xyz/bar'],
  ['/foo/bar', '/foo', '/xyz/', '/xyz/bar'],
  ['/foo/bar', '/foo/', '/xyz', '/xyz/bar'],
  ['/foo/bar', '/foo/', '/xyz/', '/xyz/bar'],
  ['/foo', '/foo', '/xyz', '/xyz'],
  ['/foo/', '/foo', '/xyz', '/xyz/'],
  ['/foo/bar', '/foo', '', '/bar'],
  ['/foo/', '/foo', '', '/'],
  ['/foo', '/foo', '', '/'],
  ['/foo/', '/foo', '/', '/'],
  ['/foo', '/foo', '/', '/'],
];

for (const [path, match, value, expected] of table) {
  test(`${path} under ${match} by "${value}" is ${expected}`, () => {
    assert.equal(after(prefix(value), segments(match), path), expected);
  });
}

test('a text prefix is exchanged letter by letter, an exact path whole', () => {
  assert.equal(after(prefix('/v1'), { type: 'prefix', value: '/ratings' }, '/ratings/7'), '/v1/7');
  assert.equal(after(prefix('/v1-'), { type: 'prefix', value: '/r' }, '/ratings'), '/v1-atings');
  assert.equal(after(prefix('/all'), { type: 'exact', value: '/x' }, '/x', '?a=1'), '/all?a=1');
  assert.equal(after({ type: 'full', value: '/all' }, segments('/'), '/x/y', '?a=1'), '/all?a=1');
});

test('OPTIONS * has no path to rewrite', () => {
  assert.equal(after({ type: 'full', value: '/all' }, { type: 'prefix', value: '/' }, '*'), '*');
});

test('expressions use their groups; where they do not match the path stays', () => {
  const rewrite: PathRewrite = { type: 'regex', pattern: '/a/([0-9]+)(/x)?', value: '/b/$1$2/\\1?n=$1' };
  assert.equal(after(rewrite, segments('/'), '/a/77/x', '?q'), '/b/77/x/77?n=77&q');
  assert.equal(after(rewrite, segments('/'), '/other', '?q'), '/other?q');
  assert.equal(after({ ...rewrite, pattern: '(' }, segments('/'), '/a/1'), '/a/1');
});

test('what comes out is always as canonical as what came in, or refused', () => {
  const text = fc.array(
    fc.constantFrom('/', '..', '.', 'a', '%2', 'e', 'f', ';', '%41', '\\', ' ', '\r\n', '?', '#', '\u00e9'),
    { maxLength: 6 },
  );
  const value = text.map((parts) => parts.join(''));
  const path = value
    .map((one) => canonicalPath(`/${one}`))
    .filter((one) => one !== undefined && /^[!-~]*$/.test(one));
  const rewrite: fc.Arbitrary<PathRewrite> = fc.oneof(
    value.map((one): PathRewrite => ({ type: 'full', value: one })),
    value.map(prefix),
    value.map((one): PathRewrite => ({ type: 'regex', pattern: '/(.*)', value: one })),
  );
  const match = value.map((one): PathMatch => ({ type: 'prefix', value: `/${one}` }));
  fc.assert(
    fc.property(rewrite, match, path, (one, where, from) => {
      const result = compileRewrite(one, where)(from ?? '/', '');
      if (result === undefined) return;
      assert.equal(canonicalPath(result.path), result.path);
      assert.match(result.path, /^\/[!-~]*$/);
      assert.match(result.query, /^(?:\?[!-~]*)?$/);
    }),
    { numRuns: 5_000 },
  );
});

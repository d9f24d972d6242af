import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PathMatch } from '@portolan/core/traffic/model.ts';
import { edgeTable } from '@portolan/core/traffic/route.ts';
import type { Router } from './router.ts';
import {
  clearSource,
  requestHead,
  routerWith,
  routeTo,
  virtualHost,
} from './routes/route-request.fixture.ts';

function host(name: string, domains: readonly string[], prefixes: readonly string[] = ['/']) {
  const routes = prefixes.map((value) => routeTo(`${name}${value}`, { path: { type: 'prefix', value } }));
  return virtualHost(name, domains, routes);
}

function finder(router: Router) {
  return (name: string, path = '/', table = edgeTable) =>
    router.find(table, requestHead({ path, authority: { host: name, text: name } }), clearSource)?.cluster
      ?.name;
}

test('an exact name comes before a suffix, the longest suffix before a shorter one, and * last', () => {
  const find = finder(
    routerWith(
      host('any', ['*']),
      host('suffix', ['*.test']),
      host('long', ['*.a.test']),
      host('exact', ['x.a.test', '__proto__']),
    ),
  );
  assert.equal(find('x.a.test'), 'exact/');
  assert.equal(find('y.a.test'), 'long/');
  assert.equal(find('z.y.a.test'), 'long/');
  assert.equal(find('a.test'), 'suffix/');
  assert.equal(find('test'), 'any/');
  assert.equal(find('__proto__'), 'exact/');
  assert.equal(find(''), 'any/');
});

test('?.suffix is one label, and comes before *.suffix', () => {
  const find = finder(routerWith(host('one', ['?.a.test']), host('deep', ['*.a.test']), host('any', ['*'])));
  assert.equal(find('x.a.test'), 'one/');
  assert.equal(find('y.x.a.test'), 'deep/');
  assert.equal(find('.a.test'), 'deep/');
  assert.equal(find('a.test'), 'any/');
});

test('a table has hosts of its own', () => {
  const other = { ...host('b', ['one.test']), table: 'gateway/shop/8443' };
  const find = finder(routerWith(host('a', ['one.test']), other));
  assert.equal(find('one.test', '/', edgeTable), 'a/');
  assert.equal(find('one.test', '/', 'gateway/shop/8443'), 'b/');
  assert.equal(find('one.test', '/', 'unknown'), undefined);
});

test('within a host the first prefix that matches wins', () => {
  const find = finder(routerWith(host('a', ['a.test'], ['/api/v1', '/api', '/x'])));
  assert.equal(find('a.test', '/api/v1/y'), 'a/api/v1');
  assert.equal(find('a.test', '/api/v2'), 'a/api');
  assert.equal(find('a.test', '/other'), undefined);
});

test('a general route that comes first takes what a special one behind it would', () => {
  const find = finder(routerWith(host('a', ['a.test'], ['/api', '/api/v1', '/', '/x'])));
  assert.equal(find('a.test', '/api/v1/y'), 'a/api');
  assert.equal(find('a.test', '/x'), 'a/');
});

test('a changed host leaves its old domains, and the next claimant of a name gets it', () => {
  const router = routerWith(host('a', ['one.test', '*.w.test']), host('b', ['one.test']));
  const find = finder(router);
  assert.equal(find('one.test'), 'a/');
  router.apply({ put: [host('a', ['two.test'])], remove: [] });
  assert.deepEqual([find('one.test'), find('two.test'), find('x.w.test')], ['b/', 'a/', undefined]);
  router.apply({ put: [], remove: ['a', 'b', 'never'] });
  assert.deepEqual([find('one.test'), find('two.test')], [undefined, undefined]);
});

test('a route that did not change stays the same object when its host does', () => {
  const router = routerWith(host('a', ['a.test'], ['/x', '/y']));
  const find = (path: string) => router.find(edgeTable, requestHead({ path }), clearSource);
  const [x, y] = [find('/x'), find('/y')];
  const changed = host('a', ['a.test'], ['/x', '/y']);
  router.apply({
    put: [
      {
        ...changed,
        routes: changed.routes.map((route) => (route.name === 'a/y' ? { ...route, timeoutMs: 1 } : route)),
      },
    ],
    remove: [],
  });
  assert.equal(find('/x'), x);
  assert.notEqual(find('/y'), y);
  assert.equal(find('/y')?.timeoutMs, 1);
});

const pathCases: readonly [PathMatch, readonly string[], readonly string[]][] = [
  [{ type: 'exact', value: '/foo' }, ['/foo'], ['/foo/', '/foo/bar', '/Foo', '/']],
  [{ type: 'exact', value: '/Foo', ignoreCase: true }, ['/foo', '/FOO'], ['/fooo']],
  [{ type: 'prefix', value: '/foo' }, ['/foo', '/foobar', '/foo/x'], ['/fo', '/Foo']],
  [{ type: 'prefix', value: '/FOO', ignoreCase: true }, ['/foo', '/fOobar'], ['/fo']],
  [{ type: 'prefix', value: '/' }, ['/', '/x', '*'], []],
  [{ type: 'segments', value: '/foo' }, ['/foo', '/foo/', '/foo/bar'], ['/foobar', '/Foo', '/']],
  [{ type: 'segments', value: '/foo/' }, ['/foo', '/foo/', '/foo/bar'], ['/foobar']],
  [{ type: 'segments', value: '/' }, ['/', '/x', '/x/y'], []],
  [{ type: 'regex', value: '/a(b|c)+' }, ['/ab', '/abc'], ['/a', '/abd', 'x/ab']],
  [{ type: 'regex', value: '/A(b|c)+', ignoreCase: true }, ['/ab', '/aBC'], ['/a']],
  [{ type: 'regex', value: '/a|/b' }, ['/a', '/b'], ['/c', '/ab']],
  [{ type: 'regex', value: '/a(' }, [], ['/a', '/a(']],
  [{ type: 'prefix', value: '/caf\u00e9 bar' }, ['/caf%C3%A9%20bar'], ['/caf']],
  [{ type: 'exact', value: '/%7euser%2b' }, ['/~user%2B'], ['/%7euser%2b']],
];

for (const [path, yes, no] of pathCases) {
  test(`${path.type} ${path.value}${path.ignoreCase === true ? ' in any case' : ''} matches what it should`, () => {
    const find = finder(routerWith(virtualHost('a', ['a.test'], [routeTo('hit', { path })])));
    for (const one of yes) assert.equal(find('a.test', one), 'hit', one);
    for (const one of no) assert.equal(find('a.test', one), undefined, one);
  });
}

test('too long a path for too many expressions is refused, not misrouted', () => {
  const routes = Array.from({ length: 1_000 }, (_, index) =>
    routeTo(`r${index}`, { path: { type: 'regex', value: `.*x${index}` } }),
  );
  const router = routerWith(
    virtualHost('a', ['a.test'], [...routes, routeTo('rest', { path: { type: 'prefix', value: '/' } })]),
  );
  const find = (path: string) => router.find(edgeTable, requestHead({ path }), clearSource);
  assert.equal(find('/short')?.cluster?.name, 'rest');
  assert.equal(find('/x999')?.cluster?.name, 'r999');
  const { action } = find(`/${'a'.repeat(8_000)}`) ?? {};
  assert.equal(action?.type === 'direct' && action.status, 414);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { VirtualHost } from '@portolan/core/traffic/model.ts';
import { edgeTable } from '@portolan/core/traffic/route.ts';
import { systemClock } from '../engine/system-clock.ts';
import { ClusterState } from './cluster-state.ts';
import { ConnectGuard } from './connect-guard.ts';
import { defaultLimits } from './limits.ts';
import { Router } from './router.ts';
import { Sweeper } from './sweeper.ts';

function host(name: string, domains: readonly string[], prefixes: readonly string[] = ['/']): VirtualHost {
  return {
    ...{ name, table: edgeTable, domains },
    routes: prefixes.map((pathPrefix) => ({
      name: pathPrefix,
      match: { path: { type: 'prefix', value: pathPrefix } },
      action: { type: 'forward', targets: [{ weight: 1, cluster: `${name}${pathPrefix}` }] },
      timeoutMs: 0,
      retry: { retries: 0, on: [], perTryTimeoutMs: 0 },
    })),
  };
}

function routerWith(...hosts: readonly VirtualHost[]) {
  const clusters = new Map<string, ClusterState>();
  const router = new Router((name) => {
    const guard = new ConnectGuard();
    const sweeper = new Sweeper(systemClock);
    const context = { clock: systemClock, random: Math.random, limits: defaultLimits, guard, sweeper };
    const cluster = clusters.get(name) ?? new ClusterState(name, context);
    clusters.set(name, cluster);
    return cluster;
  });
  router.apply({ put: hosts, remove: [] });
  const find = (name: string, path = '/') => router.find(name, path)?.cluster?.name;
  return { router, find };
}

test('an exact name comes before a suffix, the longest suffix before a shorter one, and * last', () => {
  const { find } = routerWith(
    host('any', ['*']),
    host('suffix', ['*.test']),
    host('long', ['*.a.test']),
    host('exact', ['x.a.test', '__proto__']),
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
  const { find } = routerWith(host('one', ['?.a.test']), host('deep', ['*.a.test']), host('any', ['*']));
  assert.equal(find('x.a.test'), 'one/');
  assert.equal(find('y.x.a.test'), 'deep/');
  assert.equal(find('.a.test'), 'deep/');
  assert.equal(find('a.test'), 'any/');
});

test('within a host the first prefix that matches wins', () => {
  const { find } = routerWith(host('a', ['a.test'], ['/api/v1', '/api', '/x']));
  assert.equal(find('a.test', '/api/v1/y'), 'a/api/v1');
  assert.equal(find('a.test', '/api/v2'), 'a/api');
  assert.equal(find('a.test', '/other'), undefined);
});

test('a changed host leaves its old domains, and the next claimant of a name gets it', () => {
  const { router, find } = routerWith(host('a', ['one.test', '*.w.test']), host('b', ['one.test']));
  assert.equal(find('one.test'), 'a/');
  router.apply({ put: [host('a', ['two.test'])], remove: [] });
  assert.deepEqual([find('one.test'), find('two.test'), find('x.w.test')], ['b/', 'a/', undefined]);
  router.apply({ put: [], remove: ['a', 'b', 'never'] });
  assert.deepEqual([find('one.test'), find('two.test')], [undefined, undefined]);
});

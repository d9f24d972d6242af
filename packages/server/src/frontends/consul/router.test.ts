import assert from 'node:assert/strict';
import { test } from 'node:test';
import { done } from './call.ts';
import { type Route, router } from './router.ts';
import { routes } from './routes.ts';

const handle = () => done;
const table: readonly Route[] = [
  { method: 'GET', path: '/v1/a', handle },
  { method: 'GET', path: '/v1/a/', handle },
  { method: 'PUT', path: '/v1/a/b', handle },
  { method: 'GET', path: '/v1/a/b/c/', handle },
];

test('an exact path wins, else the longest prefix of whole segments', () => {
  const find = router(table);
  assert.equal(find('/v1/a')?.argument, '');
  assert.equal(find('/v1/a/')?.argument, '');
  assert.equal(find('/v1/a/x')?.argument, 'x');
  assert.deepEqual([...(find('/v1/a/b')?.routes.keys() ?? [])], ['PUT']);
  assert.equal(find('/v1/a/b/x')?.argument, 'b/x');
  assert.equal(find('/v1/a/b/c/x/y')?.argument, 'x/y');
  assert.equal(find('/v1/a//x')?.argument, '/x');
  assert.equal(find('/v1/ab'), undefined);
  assert.equal(find('/v1/'), undefined);
  assert.equal(find(''), undefined);
});

test('a path of many slashes is looked at no deeper than the table is', () => {
  const find = router(table);
  assert.equal(find(`/v1/a/${'/'.repeat(10_000)}`)?.argument.length, 10_000);
});

test('a route twice in the table is a defect', () => {
  assert.throws(() => router([...table, { method: 'GET', path: '/v1/a', handle }]), /twice/);
});

test('the real table has no route twice', () => {
  assert.ok(router(routes));
});

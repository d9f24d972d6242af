import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostsOf, intersection } from './hostnames.ts';

test('what both of a listener and a route let in', () => {
  const cases: readonly (readonly [string | undefined, string | undefined, string | undefined])[] = [
    [undefined, undefined, '*'],
    [undefined, 'a.test', 'a.test'],
    ['a.test', undefined, 'a.test'],
    ['A.test', 'a.TEST', 'a.test'],
    ['*.test', 'a.b.test', 'a.b.test'],
    ['a.b.test', '*.test', 'a.b.test'],
    ['*.test', '*.b.test', '*.b.test'],
    ['*.b.test', '*.test', '*.b.test'],
    ['*.test', 'test', undefined],
    ['*.a.test', '*.b.test', undefined],
    ['a.test', 'b.test', undefined],
    ['*.test', 'atest', undefined],
  ];
  for (const [listener, route, both] of cases) assert.equal(intersection(listener, route), both);
});

test('a route without names has those of the listener, and names that meet are there once', () => {
  assert.deepEqual(hostsOf('*.test', undefined), ['*.test']);
  assert.deepEqual(hostsOf('*.test', ['a.test', 'A.test', 'other']), ['a.test']);
});

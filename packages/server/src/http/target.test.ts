import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '@portolan/core/base/fault.ts';
import fc from 'fast-check';
import { maxQueryParameters } from './limits.ts';
import { parseTarget } from './target.ts';

test('a target is split and decoded once', () => {
  const { path, query, rawQuery } = parseTarget('/v1/kv/a%2Fb%20c?tag=x&tag=y+z&passing&e=%C3%A4');
  assert.equal(path, '/v1/kv/a/b c');
  assert.deepEqual(query.all('tag'), ['x', 'y z']);
  assert.equal(query.get('passing'), '');
  assert.equal(query.get('e'), 'ä');
  assert.equal(query.get('absent'), undefined);
  assert.equal(rawQuery, 'tag=x&tag=y+z&passing&e=%C3%A4');
});

test('an absolute target is as good as its path', () => {
  assert.equal(parseTarget('http://localhost:8500/v1/kv/x?raw').path, '/v1/kv/x');
});

test('a plus is a space in the query only', () => {
  const { path, query } = parseTarget('/a+b?c=d+e%2B');
  assert.equal(path, '/a+b');
  assert.equal(query.get('c'), 'd e+');
});

test('malformed escapes and bytes that are not UTF-8 are refused', () => {
  for (const target of ['/%', '/%zz', '/%ff', '/x?a=%e0%80', '/x?%=1', '*', 'x']) {
    assert.throws(
      () => parseTarget(target),
      (error) => error instanceof Fault && error.code === 'invalid',
      target,
    );
  }
});

test('parameters past the limit are refused, not dropped', () => {
  const target = (count: number) => `/x?${'a=1&'.repeat(count)}`;
  assert.equal(parseTarget(target(maxQueryParameters)).query.all('a').length, maxQueryParameters);
  assert.throws(() => parseTarget(target(maxQueryParameters + 1)), /At most 256/);
});

test('a parameter called __proto__ is one like any other', () => {
  const { query } = parseTarget('/x?__proto__=1&constructor=2');
  assert.equal(query.get('__proto__'), '1');
  assert.equal(query.get('constructor'), '2');
  assert.equal(query.get('toString'), undefined);
});

test('whatever is encoded comes back', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme' }),
      fc.array(fc.tuple(fc.string(), fc.string())),
      (path, pairs) => {
        const search = new URLSearchParams(pairs).toString();
        const target = parseTarget(`/${encodeURIComponent(path)}?${search}`);
        assert.equal(target.path, `/${path}`);
        for (const [name] of pairs) {
          const wanted = pairs.filter(([other]) => other === name).map(([, value]) => value);
          assert.deepEqual(target.query.all(name), wanted);
        }
      },
    ),
  );
});

test('no target throws anything but a fault', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        parseTarget(text);
      } catch (error) {
        assert.ok(error instanceof Fault);
      }
    }),
  );
});

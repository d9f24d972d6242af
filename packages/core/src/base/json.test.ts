import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sameJson } from './json.ts';

test('values are the same exactly when their canonical texts are', () => {
  const canonical = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(canonical);
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
    return { entries: entries.map(([key, held]) => [key, canonical(held)]) };
  };
  const values = fc.jsonValue({ maxDepth: 2 }).filter((value) => !JSON.stringify(value).includes('-0'));
  const small = fc.oneof(
    values,
    fc.constantFrom({}, [], null, '', 0, { a: 1 }, { b: 1 }, { a: [] }, { a: {} }),
  );
  fc.assert(
    fc.property(small, small, (left, right) => {
      const expected = JSON.stringify(canonical(left)) === JSON.stringify(canonical(right));
      assert.equal(sameJson(left, right), expected);
      assert.equal(sameJson(left, structuredClone(left)), true);
    }),
    { numRuns: 500 },
  );
});

test('the order of keys and a key that holds undefined make no difference', () => {
  assert.equal(sameJson({ a: 1, b: 2 }, { b: 2, a: 1 }), true);
  assert.equal(sameJson({ a: 1, b: undefined }, { a: 1 }), true);
  assert.equal(sameJson({ a: 1 }, { a: 1, b: undefined }), true);
  assert.equal(sameJson({ a: undefined }, { b: 1 }), false);
  assert.equal(sameJson({ a: 1 }, { a: 1, b: 2 }), false);
});

test('names of prototypes are keys like any other', () => {
  const own = JSON.parse('{"__proto__":1}') as unknown;
  assert.equal(sameJson(own, {}), false);
  assert.equal(sameJson({}, own), false);
  assert.equal(sameJson({ constructor: 1 }, {}), false);
  assert.equal(sameJson(own, JSON.parse('{"__proto__":1}')), true);
});

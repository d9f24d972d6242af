import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseRecordKey } from './record-key.ts';
import { keyOf } from './records.ts';

const part = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[%/2F5]{0,8}$/));

test('a parsed key has the parts it was made of', () => {
  fc.assert(
    fc.property(part, part, part, part, (a, b, c, d) => {
      assert.deepEqual(parseRecordKey(keyOf.instance(a, b, c, d)), { kind: 'instance', parts: [a, b, c, d] });
      assert.deepEqual(parseRecordKey(keyOf.rule(a, b, c, d)), { kind: 'rule', parts: [a, b, c, d] });
      assert.deepEqual(parseRecordKey(keyOf.check(a, b)), { kind: 'check', parts: [a, b] });
      assert.deepEqual(parseRecordKey(keyOf.kv(a)), { kind: 'kv', parts: [a] });
    }),
  );
});

test('what is no key of a record is told apart', () => {
  for (const key of ['', 'node', 'nodes/a', '__proto__/a', 'constructor/a', 'node/a/b', 'check/a']) {
    assert.equal(parseRecordKey(key), undefined, key);
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashKey } from './hash-key.ts';

test('the hash is MurmurHash3 of the UTF-16LE octets', () => {
  // Known vectors whose octets are whole UTF-16 units.
  assert.equal(hashKey(''), 0);
  assert.equal(hashKey('', 1), 0x514e28b7);
  assert.equal(hashKey('', 0xffffffff), 0x81f16f39);
  assert.equal(hashKey('\u4321\u8765'), 0xf55b516b);
  assert.equal(hashKey('\u4321\u8765', 0x5082edee), 0x2362f9de);
  assert.equal(hashKey('\u4321'), 0xa0f7b07a);
  assert.equal(hashKey('\0\0'), 0x2362f9de);
});

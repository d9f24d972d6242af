import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { textFromBase64 } from './base64-text.ts';

test('what Buffer encodes is read, with and without padding and line breaks', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const encoded = Buffer.from(text).toString('base64');
      assert.equal(textFromBase64(encoded), text);
      assert.equal(textFromBase64(encoded.replaceAll('=', '')), text);
      assert.equal(textFromBase64(encoded.replaceAll(/(.{4})/g, '$1\n')), text);
    }),
  );
});

test('what is no base64, or no text, is not read', () => {
  assert.equal(textFromBase64('*'), undefined);
  assert.equal(textFromBase64('abcde'), undefined);
  assert.equal(textFromBase64(Buffer.from([0xff, 0xfe]).toString('base64')), undefined);
});

test('nothing throws, and what is read is what Buffer reads', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const read = textFromBase64(text);
      if (read !== undefined) assert.equal(read, Buffer.from(text, 'base64').toString());
    }),
  );
});

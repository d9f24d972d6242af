import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textDigest, textHash } from './text-digest.ts';

test('digests stay what they are: names of clusters are made of them', () => {
  assert.equal(textDigest(''), textDigest(''));
  assert.match(textDigest('abc'), /^[0-9a-f]{16}$/);
  assert.equal(textDigest('{"protocol":"http2"}'), '7da149c105b8c4a4');
});

test('texts that differ little differ in their digests, and hashes fill a range evenly', () => {
  const digests = new Set(
    Array.from({ length: 10_000 }, (_, index) => textDigest(`service/default/s${index}`)),
  );
  assert.equal(digests.size, 10_000);
  const tenths = new Array<number>(10).fill(0);
  for (let index = 0; index < 10_000; index++) {
    const at = textHash(`service/default/s${index} 80`) % 10;
    tenths[at] = (tenths[at] ?? 0) + 1;
  }
  for (const count of tenths) assert.ok(count > 800 && count < 1_200, `${count}`);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contentIndexes } from './content-index.ts';

const text = (words: string) => () => Buffer.from(words);

test('the index moves with the content, not with the bound', () => {
  const indexes = contentIndexes(10);
  assert.equal(indexes.index('/a', 5, text('x')), 5);
  assert.equal(indexes.index('/a', 9, text('x')), 5);
  assert.equal(indexes.index('/a', 12, text('y')), 12);
  assert.equal(indexes.index('/a', 13, text('x')), 13);
});

test('the content is not asked for while the bound stands', () => {
  const indexes = contentIndexes(10);
  indexes.index('/a', 5, text('x'));
  assert.equal(
    indexes.index('/a', 5, () => assert.fail('asked')),
    5,
  );
});

test('of many targets the oldest is forgotten, which is only an index too new', () => {
  const indexes = contentIndexes(2);
  for (const target of ['/a', '/b', '/c']) indexes.index(target, 1, text('x'));
  assert.equal(indexes.index('/c', 7, text('x')), 1);
  assert.equal(indexes.index('/a', 7, text('x')), 7);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Dependencies, positive } from './answer.ts';
import { AnswerCache } from './answer-cache.ts';
import { AnswerEncoder } from './encoded-answer.ts';
import { limits } from './limits.ts';

const encoder = new AnswerEncoder();
const depending = (dependsOn: Dependencies | undefined) =>
  encoder.encode(['a', 'consul'], positive({ dependsOn }));

test('an answer is forgotten when a service or node that it depends on changes, others are not', () => {
  const cache = new AnswerCache();
  cache.put('web', depending({ services: ['web', 'v1.web'], nodes: [] }));
  cache.put('db', depending({ services: ['db'], nodes: ['n1'] }));
  cache.dropService('other');
  assert.equal(cache.size, 2);
  cache.dropService('v1.web');
  assert.equal(cache.get('web'), undefined);
  assert.ok(cache.get('db'));
  cache.dropNode('n1');
  assert.equal(cache.size, 0);
});

test('what depends on nothing that is told of is not kept', () => {
  const cache = new AnswerCache();
  cache.put('x', depending(undefined));
  assert.equal(cache.size, 0);
});

test('the oldest answers go when there are too many', () => {
  const cache = new AnswerCache();
  const answer = depending({ services: ['web'], nodes: [] });
  for (let index = 0; index <= limits.cacheEntries; index++) cache.put(`k${index}`, answer);
  assert.equal(cache.size, limits.cacheEntries);
  assert.equal(cache.get('k0'), undefined);
  assert.ok(cache.get('k1'));
  cache.dropService('web');
  assert.equal(cache.size, 0);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reply } from '../../http/reply.ts';
import { answerKey, answers } from './answers.ts';

test('an answer holds as long as its index', () => {
  const kept = answers({ maxAnswers: 10, maxBytes: 1e6 });
  const one = reply(200, [], Buffer.from('one'));
  kept.put('/x', 5, one);
  assert.equal(kept.get('/x', 5), one);
  assert.equal(kept.get('/x', 6), undefined);
  assert.equal(kept.get('/y', 5), undefined);
});

test('the number of answers is bounded, the oldest goes first', () => {
  const kept = answers({ maxAnswers: 2, maxBytes: 1e6 });
  for (const target of ['/a', '/b', '/c']) kept.put(target, 1, reply(200));
  assert.equal(kept.size, 2);
  assert.equal(kept.get('/a', 1), undefined);
  assert.ok(kept.get('/c', 1));
});

test('the bytes of answers are bounded, also when one is replaced over and over', () => {
  const kept = answers({ maxAnswers: 100, maxBytes: 100_000 });
  const large = reply(200, [], Buffer.alloc(20_000));
  for (let index = 0; index < 50; index += 1) kept.put('/same', index, large);
  for (const target of ['/a', '/b', '/c', '/d', '/e', '/f']) kept.put(target, 1, large);
  assert.equal(kept.size, 4);
  kept.put('/huge', 1, reply(200, [], Buffer.alloc(50_000)));
  assert.equal(kept.get('/huge', 1), undefined);
});

test('index and wait do not tell requests apart, everything else does', () => {
  assert.equal(answerKey('/v1/x?index=5&passing&wait=10s'), '/v1/x?passing');
  assert.equal(answerKey('/v1/x?tag=index=5'), '/v1/x?tag=index=5');
  assert.equal(answerKey('/v1/x'), '/v1/x');
  assert.equal(answerKey('/v1/x?index=5&wait=10s'), '/v1/x');
  assert.notEqual(answerKey('/v1/x?stale&index=1'), answerKey('/v1/x?index=1'));
});

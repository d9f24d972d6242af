import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { KeyedRateLimit } from './keyed-rate-limit.ts';
import { TokenBucket } from './token-bucket.ts';

const policy = { maxTokens: 3, tokensPerFill: 2, fillMs: 100 };

test('a burst empties the bucket, whole intervals fill it, never above its size', () => {
  const bucket = new TokenBucket(policy, 0);
  assert.deepEqual(
    [0, 0, 0, 0].map((nowMs) => bucket.take(nowMs)),
    [true, true, true, false],
  );
  assert.equal(bucket.waitMs(30), 70);
  assert.equal(bucket.take(99), false);
  assert.deepEqual(
    [100, 150, 199].map((nowMs) => bucket.take(nowMs)),
    [true, true, false],
  );
  // An interval ends when it ends, not when somebody asks.
  assert.deepEqual(
    [230, 299, 299, 300].map((nowMs) => bucket.take(nowMs)),
    [true, true, false, true],
  );
  assert.equal(bucket.tokens(10_000), 3);
  assert.equal(bucket.take(10_000, 4), false);
  assert.equal(bucket.take(10_000, 3), true);
});

test('whatever the order of asking, no more goes through than burst and fills allow', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(250), { maxLength: 200 }), (pauses) => {
      const bucket = new TokenBucket(policy, 0);
      let nowMs = 0;
      let taken = 0;
      for (const pauseMs of pauses) {
        nowMs += pauseMs;
        const waitMs = bucket.waitMs(nowMs);
        const passed = bucket.take(nowMs);
        assert.equal(passed, waitMs === 0);
        if (passed) taken++;
        assert.ok(taken <= policy.maxTokens + Math.floor(nowMs / policy.fillMs) * policy.tokensPerFill);
      }
    }),
  );
});

test('each key has its own bucket', () => {
  const limit = new KeyedRateLimit({ maxTokens: 1, tokensPerFill: 1, fillMs: 1_000 });
  assert.deepEqual(
    ['a', 'a', 'b', '__proto__'].map((key) => limit.take(key, 0)),
    [true, false, true, true],
  );
  assert.equal(limit.waitMs('a', 400), 600);
  assert.equal(limit.waitMs('nobody', 400), 0);
});

test('long keys have buckets of their own too', () => {
  const limit = new KeyedRateLimit({ maxTokens: 1, tokensPerFill: 1, fillMs: 1_000 });
  const long = 'k'.repeat(10_000);
  assert.deepEqual(
    [long, long, `${long}k`, `${long}l`, 'k'].map((key) => limit.take(key, 0)),
    [true, false, true, true, true],
  );
  assert.equal(limit.waitMs(long, 400), 600);
});

test('the keys remembered are those asked for last, as in a plain list of them', () => {
  const keys = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), { maxLength: 60 });
  fc.assert(
    fc.property(keys, (some) => {
      const limit = new KeyedRateLimit({ maxTokens: 1, tokensPerFill: 1, fillMs: 1_000 }, 3);
      let remembered: string[] = [];
      for (const key of some) {
        // A remembered key has spent its only token.
        assert.equal(limit.take(key, 0), !remembered.includes(key));
        remembered = [key, ...remembered.filter((other) => other !== key)].slice(0, 3);
        assert.equal(limit.size, remembered.length);
      }
    }),
  );
});

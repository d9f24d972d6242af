import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type BreakerKind, breakerDefaults, CircuitBreaker, retryBudgetDefaults } from './circuit-breaker.ts';

const kinds: readonly BreakerKind[] = ['connections', 'pending', 'requests', 'retries'];

test('the defaults are Envoy’s', () => {
  const breaker = new CircuitBreaker(breakerDefaults);
  assert.deepEqual(
    kinds.map((kind) => breaker.limit(kind)),
    [1_024, 1_024, 1_024, 3],
  );
});

test('what is over its limit is refused until one is released, each kind for itself', () => {
  const breaker = new CircuitBreaker({ ...breakerDefaults, maxPending: 1 });
  assert.deepEqual(
    [breaker.acquire('pending'), breaker.acquire('pending'), breaker.acquire('requests')],
    [true, false, true],
  );
  assert.equal(breaker.refused('pending'), 1);
  breaker.release('pending');
  assert.ok(breaker.acquire('pending'));
});

test('a retry budget is 20 % of requests under way and waiting, at least 3', () => {
  const breaker = new CircuitBreaker({ ...breakerDefaults, retryBudget: retryBudgetDefaults });
  assert.equal(breaker.limit('retries'), 3);
  for (let request = 0; request < 19; request++) breaker.acquire('requests');
  assert.equal(breaker.limit('retries'), 3);
  breaker.acquire('pending');
  assert.equal(breaker.limit('retries'), 4);
  for (let request = 0; request < 30; request++) breaker.acquire('requests');
  assert.equal(breaker.limit('retries'), 10);
});

test('no order of acquiring and releasing passes a limit or loses count', () => {
  const limits = { maxConnections: 2, maxPending: 3, maxRequests: 4, maxRetries: 1 };
  const steps = fc.array(fc.tuple(fc.constantFrom(...kinds), fc.boolean()), { maxLength: 100 });
  fc.assert(
    fc.property(steps, (some) => {
      const breaker = new CircuitBreaker(limits);
      const held = { connections: 0, pending: 0, requests: 0, retries: 0 };
      for (const [kind, take] of some) {
        if (take && breaker.acquire(kind)) held[kind]++;
        else if (!take && held[kind] > 0) {
          breaker.release(kind);
          held[kind]--;
        }
        assert.equal(breaker.count(kind), held[kind]);
        assert.ok(held[kind] <= breaker.limit(kind));
      }
    }),
  );
});

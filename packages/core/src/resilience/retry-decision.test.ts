import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideRetry, type RetryOn, type RetryRules, type TryEnd, type TryFacts } from './retry-decision.ts';

function rules(...on: RetryOn[]): RetryRules {
  return { on: new Set(on), retries: 2, statuses: new Set([429]) };
}

const fresh: TryFacts = {
  retried: 0,
  idempotent: true,
  replayable: true,
  responseStarted: false,
  remainingMs: 1_000,
};
const status = (code: number): TryEnd => ({ kind: 'response', status: code });
const ends: readonly TryEnd[] = [
  ...[200, 409, 429, 500, 502, 503, 504, 505].map(status),
  { kind: 'connect-failure' },
  { kind: 'refused-stream' },
  { kind: 'reset' },
  { kind: 'try-timeout' },
];
const name = (end: TryEnd): string => (end.kind === 'response' ? `${end.status}` : end.kind);

test('each condition retries what it names and nothing else', () => {
  const retried = (on: RetryOn, facts = fresh): string[] =>
    ends.filter((end) => decideRetry(rules(on), end, facts) === 'retry').map(name);
  const broken = ['reset', 'try-timeout'];
  const nothingSent = ['connect-failure', 'refused-stream'];
  assert.deepEqual(retried('5xx'), ['500', '502', '503', '504', '505', ...nothingSent, ...broken]);
  assert.deepEqual(retried('gateway-error'), ['502', '503', '504']);
  assert.deepEqual(retried('retriable-4xx'), ['409']);
  assert.deepEqual(retried('retriable-status-codes'), ['429']);
  assert.deepEqual(retried('connect-failure'), ['connect-failure']);
  assert.deepEqual(retried('refused-stream'), ['refused-stream']);
  assert.deepEqual(retried('reset'), broken);
  assert.deepEqual(retried('reset-before-response'), broken);
  assert.deepEqual(retried('reset-before-response', { ...fresh, idempotent: false }), []);
});

test('no retry when the response began, the body is gone, the retries are, or the time is', () => {
  const decide = (facts: Partial<TryFacts>) => decideRetry(rules('5xx'), status(503), { ...fresh, ...facts });
  assert.equal(decide({ responseStarted: true }), 'not-replayable');
  assert.equal(decide({ replayable: false }), 'not-replayable');
  assert.equal(decide({ retried: 1 }), 'retry');
  assert.equal(decide({ retried: 2 }), 'used-up');
  assert.equal(decide({ remainingMs: 0 }), 'out-of-time');
});

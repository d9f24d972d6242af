import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FallbackPolicy, type Shortfall, selectFallback } from './fallback.ts';

const sorry = { kind: 'response', status: 200, body: '[]', contentType: 'application/json' } as const;
const policy: FallbackPolicy = {
  choices: [{ kind: 'cluster', cluster: 'spare' }, { kind: 'cluster', cluster: 'far' }, sorry],
  statuses: new Set([503]),
};

function select(
  shortfall: Shortfall,
  facts: { resendable?: boolean; asked?: string[]; up?: string[] } = {},
): string | undefined {
  const { resendable = true, asked = ['main'], up = ['spare', 'far'] } = facts;
  const chosen = selectFallback(policy, shortfall, {
    resendable,
    asked: new Set(asked),
    hasEndpoint: (cluster) => up.includes(cluster),
  });
  return chosen?.kind === 'cluster' ? chosen.cluster : chosen?.body;
}

test('the first choice that can answer does', () => {
  assert.equal(select({ kind: 'no-endpoint' }), 'spare');
  assert.equal(select({ kind: 'no-endpoint' }, { up: ['far'] }), 'far');
  assert.equal(select({ kind: 'no-endpoint' }, { asked: ['main', 'spare'] }), 'far');
  assert.equal(select({ kind: 'no-endpoint' }, { up: [] }), '[]');
});

test('what may have been done already goes to no second cluster unless it may be sent twice', () => {
  assert.equal(select({ kind: 'timeout' }, { resendable: false }), '[]');
  assert.equal(select({ kind: 'no-response' }, { resendable: false }), '[]');
  assert.equal(select({ kind: 'refused-by-breaker' }, { resendable: false }), 'spare');
  assert.equal(select({ kind: 'timeout' }), 'spare');
});

test('a response is replaced only for the statuses named', () => {
  assert.equal(select({ kind: 'response', status: 503 }), 'spare');
  assert.equal(select({ kind: 'response', status: 500 }), undefined);
});

test('without a choice nothing is replaced', () => {
  const facts = { resendable: true, asked: new Set<string>(), hasEndpoint: () => true };
  assert.equal(selectFallback({ choices: [], statuses: new Set() }, { kind: 'timeout' }, facts), undefined);
});

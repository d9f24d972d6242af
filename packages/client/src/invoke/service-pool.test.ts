import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashKey } from '@portolan/core/balance/hash-key.ts';
import { labels, noLabels } from '@portolan/core/base/labels.ts';
import { seeded } from '@portolan/testkit/balancer-suite.ts';
import { fakeClock } from '@portolan/testkit/fake-clock.ts';
import type { ServiceInstance } from '../registry/decode.ts';
import { type CallPolicy, callPolicyOf } from './call-policy.ts';
import type { Member } from './member.ts';
import { ServicePool } from './service-pool.ts';

const nobody: ReadonlySet<Member> = new Set();

function instance(id: string, overrides: Partial<ServiceInstance> = {}): ServiceInstance {
  return {
    ...{ service: 's', id, node: 'n', address: '127.0.0.1', port: 1, weight: 1 },
    ...{ tags: [], metadata: noLabels, health: 'passing', checks: [] },
    ...overrides,
  };
}

function poolWith(policy: CallPolicy = {}, clock = fakeClock()): ServicePool {
  return new ServicePool(callPolicyOf(policy), { clock, random: seeded(3) });
}

function chosen(pool: ServicePool, list: readonly ServiceInstance[], picks: number): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let pick = 0; pick < picks; pick += 1) {
    const id = pool.choose(list, nobody)?.instance.id ?? '';
    counts[id] = (counts[id] ?? 0) + 1;
  }
  return counts;
}

function memberOf(pool: ServicePool, list: readonly ServiceInstance[], id: string): Member {
  for (let pick = 0; pick < 100; pick += 1) {
    const member = pool.choose(list, nobody);
    if (member?.instance.id === id) return member;
  }
  throw new Error(`${id} is never chosen`);
}

function fail(
  pool: ServicePool,
  member: Member,
  outcome: 'refused' | 'local-failure' | 'server-error',
): void {
  pool.tryBegan(member);
  pool.tryEnded(member, outcome, 1);
}

test('each instance gets its turn, twice as often with twice the weight', () => {
  const list = [instance('a', { weight: 2 }), instance('b'), instance('c')];
  assert.deepEqual(chosen(poolWith(), list, 400), { a: 200, b: 100, c: 100 });
});

test('one that failed is passed over until its time is over, longer each time', () => {
  const clock = fakeClock();
  const pool = poolWith({}, clock);
  const list = [instance('a'), instance('b')];
  const a = memberOf(pool, list, 'a');
  fail(pool, a, 'refused');
  assert.deepEqual(chosen(pool, list, 4), { b: 4 });
  clock.advance(5_000);
  assert.deepEqual(chosen(pool, list, 4), { a: 2, b: 2 });
  fail(pool, a, 'refused');
  clock.advance(5_000);
  assert.deepEqual(chosen(pool, list, 4), { b: 4 });
  clock.advance(5_000);
  assert.deepEqual(chosen(pool, list, 4), { a: 2, b: 2 });
});

test('five 5xx in a row count as a failure too, unless that is turned off', () => {
  for (const [outlier, left] of [
    [{}, { b: 4 }],
    [false, { a: 2, b: 2 }],
  ] as const) {
    const pool = poolWith({ outlier });
    const list = [instance('a'), instance('b')];
    const a = memberOf(pool, list, 'a');
    for (let answer = 0; answer < 5; answer += 1) fail(pool, a, 'server-error');
    assert.deepEqual(chosen(pool, list, 4), left);
  }
});

test('an instance that started again elsewhere is not the one that failed, and one that stays is', () => {
  const pool = poolWith();
  const list = [instance('a'), instance('b'), instance('c')];
  fail(pool, memberOf(pool, list, 'a'), 'refused');
  fail(pool, memberOf(pool, list, 'b'), 'refused');
  const later = [instance('a', { port: 2 }), instance('b', { weight: 3 }), instance('c')];
  assert.deepEqual(chosen(pool, later, 4), { a: 2, c: 2 });
});

test('when all have failed or were tried, somebody is chosen all the same', () => {
  const pool = poolWith();
  const list = [instance('a'), instance('b')];
  const [a, b] = [memberOf(pool, list, 'a'), memberOf(pool, list, 'b')];
  fail(pool, a, 'refused');
  fail(pool, b, 'refused');
  assert.equal(pool.choose(list, new Set([a])), b);
  assert.ok(pool.choose(list, new Set([a, b])));
  assert.equal(pool.choose([], nobody), undefined);
});

test('the least busy is chosen when that is asked for', () => {
  const pool = poolWith({ balance: 'least-request' });
  const list = [instance('busy'), instance('idle')];
  pool.tryBegan(memberOf(pool, list, 'busy'));
  assert.deepEqual(chosen(pool, list, 20), { idle: 20 });
});

test('a key stays with its instance', () => {
  for (const balance of ['ring-hash', 'maglev'] as const) {
    const pool = poolWith({ balance });
    const list = ['a', 'b', 'c', 'd'].map((id) => instance(id));
    for (const key of ['x', 'y', 'z']) {
      const owners = Array.from({ length: 5 }, () => pool.choose(list, nobody, hashKey(key)));
      assert.equal(new Set(owners).size, 1);
    }
  }
});

test('instances of the own zone are preferred', () => {
  const pool = poolWith({ zone: 'here' });
  const list = [instance('near', { metadata: labels([['zone', 'here']]) }), instance('far')];
  assert.deepEqual(chosen(pool, list, 10), { near: 10 });
  fail(pool, memberOf(pool, list, 'near'), 'refused');
  assert.deepEqual(chosen(pool, list, 10), { far: 10 });
});

test('who succeeds much less often than the others is left out by comparison', () => {
  const clock = fakeClock();
  const successRate = { minimumHosts: 5, requestVolume: 10, stdevFactor: 1_900 };
  const outlier = { consecutive5xx: 0, intervalMs: 1_000, successRate };
  const pool = poolWith({ outlier }, clock);
  const list = ['a', 'b', 'c', 'd', 'ill'].map((id) => instance(id));
  for (let call = 0; call < 200; call += 1) {
    const member = pool.choose(list, nobody);
    assert.ok(member !== undefined);
    pool.tryBegan(member);
    pool.tryEnded(member, member.instance.id === 'ill' ? 'server-error' : 'ok', 1);
  }
  clock.advance(1_000);
  assert.equal(chosen(pool, list, 20).ill, undefined);
});

test('settings that cannot be are refused with their name', () => {
  assert.throws(() => callPolicyOf({ balance: 'fastest' as 'random' }), /balance: "fastest" is none of/);
  assert.throws(() => callPolicyOf({ retries: -1 }), /retries: -1 is no whole number/);
});

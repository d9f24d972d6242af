import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClusterLoad } from '@portolan/core/balance/endpoint-load.ts';
import type { Cluster, Endpoint } from '@portolan/core/traffic/model.ts';
import { seeded } from '@portolan/testkit/balancer-suite.ts';
import { fakeClock } from '@portolan/testkit/fake-clock.ts';
import { cluster, endpoint } from '../testdata/plane-rig.ts';
import { Members } from './members.ts';

function membersWith(clock = fakeClock(), zone = ''): Members {
  return new Members(new ClusterLoad(), { clock, random: seeded(1), zone });
}

function listOf(count: number, from = 1): Endpoint[] {
  return Array.from({ length: count }, (_, index) => endpoint(from + index));
}

function picked(members: Members, picks: number, keyHash?: number): Map<number, number> {
  const counts = new Map<number, number>();
  for (let pick = 0; pick < picks; pick++) {
    const port = members.pick([], keyHash)?.port ?? 0;
    counts.set(port, (counts.get(port) ?? 0) + 1);
  }
  return counts;
}

/** A clock on which a millisecond goes by at each look: building seems to take that long. */
function slowClock(): ReturnType<typeof fakeClock> {
  const clock = fakeClock();
  let looks = 0;
  return { ...clock, monotonicMs: () => clock.monotonicMs() + looks++ };
}

test('who leaves is not picked any more, even while the balancer waits to be built anew', () => {
  const members = membersWith(slowClock());
  const balance = { policy: 'maglev', key: { type: 'source-address' } } as const;
  const web = (list: readonly Endpoint[]): Cluster => cluster('web', list, { balance });
  members.update(web(listOf(5)));
  members.update(web(listOf(4, 2)));
  members.update(web([...listOf(3, 3), endpoint(9)]));
  const counts = picked(members, 300);
  assert.deepEqual([...counts.keys()].sort(), [3, 4, 5]);
});

test('who comes is picked once the balancer is built anew', () => {
  const clock = slowClock();
  const members = membersWith(clock);
  const balance = { policy: 'maglev', key: { type: 'source-address' } } as const;
  members.update(cluster('web', listOf(2), { balance }));
  members.update(cluster('web', listOf(3), { balance }));
  assert.equal(picked(members, 100).has(3), false);
  assert.equal(members.sweep(clock.monotonicMs()), true);
  assert.equal(members.sweep(clock.monotonicMs() + 1_000), false);
  assert.equal(picked(members, 100).has(3), true);
});

test('a list that is replaced as a whole is built anew at once', () => {
  const members = membersWith(slowClock());
  const balance = { policy: 'ring-hash', key: { type: 'source-address' } } as const;
  members.update(cluster('web', listOf(2), { balance }));
  members.update(cluster('web', listOf(2, 10), { balance }));
  assert.deepEqual([...picked(members, 50).keys()].sort(), [10, 11]);
});

test('tried endpoints are picked only when there is no other', () => {
  const members = membersWith();
  members.update(cluster('web', listOf(3)));
  const [first, second, third] = members.all;
  assert.ok(first !== undefined && second !== undefined && third !== undefined);
  for (let pick = 0; pick < 10; pick++) assert.equal(members.pick([first, second], undefined), third);
  assert.notEqual(members.pick([first, second, third], undefined), undefined);
});

test('whom nothing can be sent to is not asked in panic either, unless nobody else is there', () => {
  const members = membersWith();
  members.update(cluster('web', listOf(3)));
  const [absent, ill, well] = members.all;
  assert.ok(absent !== undefined && ill !== undefined && well !== undefined);
  absent.record.state = { kind: 'ejected', untilMs: 1_000, cause: 'refused' };
  members.healthChanged();
  assert.deepEqual([...picked(members, 20).keys()].sort(), [2, 3]);
  ill.record.state = { kind: 'ejected', untilMs: 1_000, cause: 'server-error' };
  members.healthChanged();
  assert.deepEqual([[...picked(members, 20).keys()], members.panic], [[3], false]);
  well.record.state = { kind: 'ejected', untilMs: 1_000, cause: 'server-error' };
  members.healthChanged();
  assert.deepEqual([[...picked(members, 20).keys()].sort(), members.panic], [[2, 3], true]);
  for (const state of [ill, well]) state.record.state = { kind: 'ejected', untilMs: 1, cause: 'refused' };
  members.healthChanged();
  assert.deepEqual([...picked(members, 20).keys()].sort(), [1, 2, 3]);
});

test('who is on trial gets one request at a time', () => {
  const members = membersWith();
  members.update(cluster('web', listOf(2)));
  const [trial] = members.all;
  assert.ok(trial !== undefined);
  trial.record.state = { kind: 'trial' };
  assert.equal(picked(members, 10).get(1), 5);
  trial.load.started();
  assert.equal(picked(members, 10).get(1), undefined);
  trial.load.ended();
  assert.equal(picked(members, 10).get(1), 5);
});

test('slow start ends with its window', () => {
  const clock = fakeClock();
  const members = membersWith(clock);
  const slowStart = { windowMs: 10_000, aggression: 1, minWeightPercent: 10 };
  members.update(cluster('web', listOf(1), { slowStart }));
  members.update(cluster('web', listOf(2), { slowStart }));
  const share = (): number => (picked(members, 1_000).get(2) ?? 0) / 1_000;
  assert.ok(Math.abs(share() - 0.1 / 1.1) < 0.04);
  clock.advance(5_000);
  assert.equal(members.sweep(clock.monotonicMs()), true);
  assert.ok(Math.abs(share() - 0.5 / 1.5) < 0.05);
  clock.advance(5_500);
  members.sweep(clock.monotonicMs());
  assert.ok(Math.abs(share() - 0.5) < 0.05);
  clock.advance(5_500);
  assert.equal(members.sweep(clock.monotonicMs()), false);
});

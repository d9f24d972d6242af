import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countPicks, seeded, testBalancer, wholeSet } from '@portolan/testkit/balancer-suite.ts';
import { labels, noLabels } from '../base/labels.ts';
import type { Balancer } from './balancer.ts';
import { createRandom } from './random.ts';
import { createRoundRobin } from './round-robin.ts';
import { Subsets } from './subsets.ts';

/** The suite's sets without endpoints have no subset. */
const nobody: Balancer = { pick: () => -1 };
const none = { kind: 'none' } as const;

testBalancer(
  'subset that everyone is in',
  (set, random) =>
    new Subsets(
      set,
      set.ids.map(() => labels([['app', 'x']])),
      createRandom,
      random,
    ).find(noLabels, none) ?? nobody,
  { sigmas: 3 },
);

function versions() {
  const set = wholeSet([1, 1, 1, 1]);
  const all = [
    labels([
      ['version', 'v1'],
      ['zone', 'a'],
    ]),
    labels([
      ['version', 'v1'],
      ['zone', 'b'],
    ]),
    labels([
      ['version', 'v2'],
      ['zone', 'a'],
    ]),
    noLabels,
  ];
  return { set, subsets: new Subsets(set, all, createRoundRobin, seeded(1)) };
}

const picked = (balancer: Balancer | undefined): number[] =>
  countPicks(balancer ?? assert.fail('no subset'), 4, 8).map(Math.sign);

test('a subset is those that have all its labels', () => {
  const { set, subsets } = versions();
  assert.deepEqual(picked(subsets.find(labels([['version', 'v1']]), none)), [1, 1, 0, 0]);
  const both = labels([
    ['zone', 'a'],
    ['version', 'v1'],
  ]);
  assert.deepEqual(picked(subsets.find(both, none)), [1, 0, 0, 0]);
  set.available[0] = 0;
  assert.equal(subsets.find(both, none)?.pick(), -1);
  assert.deepEqual(picked(subsets.find(labels([['version', 'v1']]), none)), [0, 1, 0, 0]);
});

test('a subset nobody is in falls back to nobody, anybody or another subset', () => {
  const { subsets } = versions();
  const wanted = labels([['version', 'v9']]);
  assert.equal(subsets.find(wanted, none), undefined);
  assert.deepEqual(picked(subsets.find(wanted, { kind: 'any' })), [1, 1, 1, 1]);
  const v2 = { kind: 'subset', labels: labels([['version', 'v2']]) } as const;
  assert.deepEqual(picked(subsets.find(wanted, v2)), [0, 0, 1, 0]);
  assert.equal(subsets.find(wanted, { kind: 'subset', labels: wanted }), undefined);
});

test('the same subset has the same balancer, whatever the order of its labels', () => {
  const { subsets } = versions();
  const one = subsets.find(
    labels([
      ['zone', 'a'],
      ['version', 'v1'],
    ]),
    none,
  );
  assert.equal(
    subsets.find(
      labels([
        ['version', 'v1'],
        ['zone', 'a'],
      ]),
      none,
    ),
    one,
  );
});

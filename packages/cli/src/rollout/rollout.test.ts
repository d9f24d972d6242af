import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HTTPRoute } from '@portolan/core/rules/gateway-api.ts';
import type { VirtualService } from '@portolan/core/rules/istio.ts';
import { clusterCounters, durationBoundsMs } from '@portolan/server/proxy/stats.ts';
import { brokenRule, parseAbortRules } from './abort-rule.ts';
import { figuresBetween, isServiceCluster, isVersionCluster, type Snapshot } from './figures.ts';
import { lineOf } from './progress.ts';
import {
  firstVirtualService,
  shiftedHttpRoute,
  shiftedVirtualService,
  subsetsIn,
  withSubsets,
} from './shift.ts';

const versions = { namespace: 'default', service: 'reviews', from: 'v1', to: 'v2' };

function sharesOf(rule: VirtualService | undefined): unknown {
  return rule?.spec.http?.map(({ route }) =>
    Object.fromEntries((route ?? []).map(({ destination, weight }) => [destination.subset, weight])),
  );
}

function snapshot(
  counts: Partial<Snapshot['counts']>,
  durations: Readonly<Record<number, number>> = {},
): Snapshot {
  const zero = Object.fromEntries(clusterCounters.map((name) => [name, 0])) as Snapshot['counts'];
  const buckets = Array.from({ length: durationBoundsMs.length + 1 }, (_, at) => durations[at] ?? 0);
  return { counts: { ...zero, ...counts }, durations: buckets };
}

test('the share of the new version rises, and everything else stays as it is', () => {
  const first = firstVirtualService(versions);
  const tenth = shiftedVirtualService(first, versions, 10);
  assert.deepEqual(sharesOf(tenth), [{ v1: 90, v2: 10 }]);
  assert.deepEqual(sharesOf(tenth && shiftedVirtualService(tenth, versions, 100)), [{ v1: 0, v2: 100 }]);
  assert.deepEqual(subsetsIn(first, versions), ['v1']);
});

test('a third version keeps its share, and a route for some users only is not touched', () => {
  const rule: VirtualService = {
    ...firstVirtualService(versions),
    spec: {
      hosts: ['reviews'],
      http: [
        {
          match: [{ headers: { user: { exact: 'j' } } }],
          route: [{ destination: { host: 'reviews', subset: 'v3' } }],
        },
        {
          route: [
            { destination: { host: 'reviews.default.svc.cluster.local', subset: 'v1' }, weight: 60 },
            { destination: { host: 'reviews', subset: 'v3' }, weight: 40 },
          ],
        },
      ],
    },
  };
  assert.deepEqual(sharesOf(shiftedVirtualService(rule, versions, 50)), [
    { v3: undefined },
    { v1: 30, v3: 40, v2: 30 },
  ]);
  assert.equal(shiftedVirtualService(rule, { ...versions, from: 'v9' }, 50), undefined);
  assert.equal(shiftedVirtualService(rule, { ...versions, service: 'ratings' }, 50), undefined);
});

test('where versions are services of their own their references are weighed', () => {
  const route = {
    spec: {
      rules: [{ backendRefs: [{ name: 'v1', port: 80 }] }, { backendRefs: [{ name: 'other', port: 80 }] }],
    },
  } as unknown as HTTPRoute;
  const shifted = shiftedHttpRoute(route, versions, 1);
  assert.deepEqual(
    shifted?.spec.rules?.map(({ backendRefs }) => backendRefs?.map(({ name, weight }) => [name, weight])),
    [
      [
        ['v1', 99],
        ['v2', 1],
      ],
      [['other', undefined]],
    ],
  );
});

test('subsets that are missing are added, by the label version', () => {
  const made = withSubsets(undefined, versions);
  assert.deepEqual(
    made?.spec.subsets?.map(({ name }) => name),
    ['v1', 'v2'],
  );
  assert.equal(made && withSubsets(made, versions), undefined);
});

test('figures are what came since, and a gateway that starts anew counts from nothing', () => {
  const before = snapshot({ responses_2xx: 100, responses_5xx: 5 }, { 1: 100 });
  const after = snapshot({ responses_2xx: 190, responses_5xx: 14, no_response: 1 }, { 1: 190, 5: 10 });
  const figures = figuresBetween(before, after);
  assert.deepEqual([figures.requests, figures.failures], [100, 10]);
  assert.deepEqual([figures.latencyMs(50), figures.latencyMs(99)], [1, 20]);
  assert.equal(figuresBetween(after, before).requests, 105);
});

test('what makes it go back', () => {
  const rules = parseAbortRules('error_rate>1%, p99>500ms');
  const figuresOf = (failures: number, slow: number) =>
    figuresBetween(
      snapshot({}),
      snapshot({ responses_2xx: 100 - failures, responses_5xx: failures }, { 1: 100 - slow, 10: slow }),
    );
  assert.equal(brokenRule(rules, figuresOf(1, 0), 20), undefined);
  assert.equal(brokenRule(rules, figuresOf(2, 0), 20)?.text, 'error_rate>1%');
  assert.equal(brokenRule(rules, figuresOf(0, 2), 20)?.text, 'p99>500ms');
  assert.equal(brokenRule(rules, figuresOf(50, 0), 101), undefined, 'too few say nothing');
  assert.deepEqual(parseAbortRules(''), []);
  for (const text of ['errors>1', 'error_rate>1', 'error_rate>101%', 'p99>5', 'p>1ms', 'p99<1ms'])
    assert.throws(() => parseAbortRules(text), /--abort-on/, text);
});

test('which clusters are a version', () => {
  const of = (name: string) => isVersionCluster(name, 'default', 'reviews', 'v2');
  assert.deepEqual(['reviews#v2', 'reviews:9080#v2', 'reviews#v2~0a1f'].map(of), [true, true, true]);
  assert.deepEqual(['reviews', 'reviews#v1', 'reviews#v22', 'reviews2#v2', 'x#v2'].map(of), [
    false,
    false,
    false,
    false,
    false,
  ]);
  assert.ok(
    isServiceCluster('team/shop:80', 'team', 'shop') && !isServiceCluster('team/shop#v1', 'team', 'shop'),
  );
});

test('the line of a step', () => {
  const figures = figuresBetween(snapshot({}), snapshot({ responses_2xx: 3, responses_5xx: 1 }, { 2: 4 }));
  assert.equal(
    lineOf({ version: 'v2', percent: 50, step: 2, steps: 4, leftMs: 1_200, figures }),
    'v2  50% ██████████░░░░░░░░░░  step 2/4  2s left  4 requests, 25.0% errors, p99 ≤ 2 ms',
  );
});

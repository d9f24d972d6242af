import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RateLimit } from '@portolan/core/traffic/model.ts';
import type { PolicyRequest } from '../route-policy.ts';
import { requestView } from '../routes/route-request.fixture.ts';
import { ConnectionLimitStep } from './connection-limit-step.ts';
import { LimitMemory } from './limit-memory.ts';
import { RateLimitStep } from './rate-limit-step.ts';
import type { PolicyState } from './step.ts';

function stateOf(lines = ''): PolicyState {
  return {
    view: requestView({ lines }),
    ...{
      requestDrops: undefined,
      requestLines: '',
      responseDrops: undefined,
      responseLines: '',
      releases: [],
    },
  };
}

/** How many of `count` requests at `nowMs` get through. */
function granted(step: RateLimitStep, count: number, nowMs: number): number {
  // A limit looks at nothing but the time.
  const request = { startMs: nowMs } as PolicyRequest;
  let passed = 0;
  for (let index = 0; index < count; index++) if (step.check(request, stateOf()) === undefined) passed++;
  return passed;
}

const memory = new LimitMemory();
const limit: RateLimit = { requests: 10, perMs: 1_000, burst: 20, by: { type: 'route' }, status: 429 };

test('tokens come one by one after the burst', () => {
  const step = new RateLimitStep(limit, 1, memory, 0);
  assert.equal(granted(step, 50, 0), 20);
  assert.equal(granted(step, 5, 99), 0);
  assert.equal(granted(step, 5, 100), 1);
  assert.equal(granted(step, 50, 1_100), 10);
  assert.equal(granted(step, 50, 60_000), 20);
});

test('a limit of the route is divided among the workers, one by address is not', () => {
  const four = new RateLimitStep(limit, 4, memory, 0);
  assert.equal(granted(four, 50, 0), 5);
  assert.equal(granted(four, 50, 399), 0);
  assert.equal(granted(four, 50, 400), 1);
  const byAddress = new RateLimitStep({ ...limit, by: { type: 'source-address' } }, 4, memory, 0);
  assert.equal(granted(byAddress, 50, 0), 20);
  const route = new ConnectionLimitStep({ max: 10, by: 'route', status: 503 }, 4);
  const address = new ConnectionLimitStep({ max: 10, by: 'source-address', status: 503 }, 4);
  const underWay = (step: ConnectionLimitStep): number =>
    Array.from({ length: 20 }, () => step.check(undefined, stateOf())).filter(
      (denied) => denied === undefined,
    ).length;
  assert.deepEqual([underWay(route), underWay(address)], [3, 10]);
});

test('a limit of nothing lets the burst through, and says to come again some day', () => {
  const step = new RateLimitStep({ ...limit, requests: 0, burst: 1 }, 1, memory, 0);
  assert.equal(granted(step, 3, 0), 1);
  assert.equal(step.check({ startMs: 1e12 } as PolicyRequest, stateOf())?.lines, 'Retry-After: 86400\r\n');
});

test('each value of a header has its bucket, those without it share one', () => {
  const step = new RateLimitStep({ ...limit, burst: 1, by: { type: 'header', name: 'X-Key' } }, 1, memory, 0);
  const passes = (lines: string): boolean =>
    step.check({ startMs: 0 } as PolicyRequest, stateOf(lines)) === undefined;
  assert.deepEqual(
    [passes('x-key: a\r\n'), passes('X-Key: b\r\n'), passes('x-key: a\r\n')],
    [true, true, false],
  );
  assert.deepEqual([passes(''), passes('')], [true, false]);
});

test('limits of many routes share one memory, and do not mix', () => {
  const shared = new LimitMemory();
  const request = { startMs: 0 } as PolicyRequest;
  const one = { ...limit, burst: 1, by: { type: 'header', name: 'x' } } as const;
  const steps = Array.from({ length: 3 }, () => new RateLimitStep(one, 1, shared, 0));
  for (const step of steps) assert.equal(step.check(request, stateOf('x: a\r\n')), undefined);
  for (const step of steps) assert.equal(step.check(request, stateOf('x: a\r\n'))?.status, 429);
  for (let index = 0; index < 60_000; index++) steps[index % 3]?.check(request, stateOf(`x: ${index}\r\n`));
  assert.deepEqual([shared.headers.size, shared.addresses.size], [50_000, 0]);
});

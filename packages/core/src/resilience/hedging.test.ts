import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded } from '@portolan/testkit/balancer-suite.ts';
import { hedgeDefaults, initialTries, onTryTimeout } from './hedging.ts';

const on = { ...hedgeDefaults, onTryTimeout: true };

test('by default a try whose time is up is replaced', () => {
  assert.equal(onTryTimeout(hedgeDefaults, { idempotent: true, underWay: 1, retriesLeft: 1 }), 'replace');
  assert.equal(
    initialTries(hedgeDefaults, true, () => 0),
    1,
  );
});

test('a hedge begins beside a slow try as long as retries are left and not too many run', () => {
  assert.equal(onTryTimeout(on, { idempotent: true, underWay: 1, retriesLeft: 1 }), 'hedge');
  assert.equal(onTryTimeout(on, { idempotent: true, underWay: 2, retriesLeft: 1 }), 'wait');
  assert.equal(onTryTimeout(on, { idempotent: true, underWay: 1, retriesLeft: 0 }), 'wait');
});

test('what must not happen twice is never hedged', () => {
  assert.equal(onTryTimeout(on, { idempotent: false, underWay: 1, retriesLeft: 1 }), 'replace');
  assert.equal(
    initialTries({ ...on, additionalPercent: 100 }, false, () => 0),
    1,
  );
});

test('the additional try comes with its percentage', () => {
  const random = seeded(1);
  let doubled = 0;
  for (let index = 0; index < 10_000; index++) {
    if (initialTries({ ...on, additionalPercent: 20 }, true, random) === 2) doubled++;
  }
  assert.ok(Math.abs(doubled - 2_000) < 3 * Math.sqrt(10_000 * 0.2 * 0.8), `${doubled}`);
});

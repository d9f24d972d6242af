import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measureChurn } from './churn.ts';

test('a hundred changes of a service in a second cost none of its requests', async (scope) => {
  const figures = await measureChurn(scope, { seconds: 4, changesPerSecond: 100, requestsPerSecond: 200 });
  assert.deepEqual(figures.failures, []);
  assert.ok(figures.changes >= 300 && figures.requests >= 600, JSON.stringify(figures));
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectDeadlineMs, requestDeadlineMs, timeoutDefaults, tryDeadlineMs } from './timeouts.ts';

test('no part lasts longer than the whole', () => {
  const timeouts = { ...timeoutDefaults, tryMs: 10_000 };
  const request = requestDeadlineMs(timeouts, 1_000);
  assert.equal(request, 16_000);
  assert.equal(tryDeadlineMs(timeouts, request, 1_000), 11_000);
  assert.equal(tryDeadlineMs(timeouts, request, 9_000), 16_000);
  assert.equal(connectDeadlineMs(timeouts, 11_000, 1_000), 6_000);
  assert.equal(connectDeadlineMs(timeouts, 11_000, 9_000), 11_000);
});

test('0 is no timeout', () => {
  const none = { requestMs: 0, tryMs: 0, streamIdleMs: 0, connectionIdleMs: 0, connectMs: 0 };
  assert.equal(requestDeadlineMs(none, 5), Number.POSITIVE_INFINITY);
  assert.equal(tryDeadlineMs(none, 77, 5), 77);
  assert.equal(connectDeadlineMs(none, Number.POSITIVE_INFINITY, 5), Number.POSITIVE_INFINITY);
});

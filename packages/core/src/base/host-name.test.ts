import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isHostName } from './host-name.ts';

test('host names are told from what only looks like them', () => {
  const long = `${'a'.repeat(63)}.`.repeat(3) + 'a'.repeat(61);
  for (const name of ['a', 'a.b', 'db-1.internal.', '_http._tcp.x', '10.0.0.1', 'X9', long]) {
    assert.equal(isHostName(name), true, name);
  }
  const bad = ['', '.', 'a..b', '-a', 'a-', 'a b', 'a!', 'ü', 'a\n', 'a/b', 'a:1', '[::1]', `${long}a`];
  for (const name of [...bad, 'a'.repeat(64)]) assert.equal(isHostName(name), false, name);
});

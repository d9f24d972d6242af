import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeded, wholeSet } from '@portolan/testkit/balancer-suite.ts';
import fc from 'fast-check';
import { createRandom } from './random.ts';
import { StickySessions, stickyToken } from './sticky.ts';

function sessions(ids: readonly string[]) {
  const set = wholeSet(
    ids.map(() => 1),
    [...ids],
  );
  return { set, sticky: new StickySessions(set, createRandom(set, seeded(1))) };
}

test('a token leads back to its endpoint, in another process and another order too', () => {
  const ids = fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(ids, (some) => {
      const here = sessions(some).sticky;
      const there = sessions(some.toReversed()).sticky;
      for (const index of some.keys()) {
        assert.equal(here.pick(here.token(index)), index);
        assert.equal(there.decode(here.token(index)), some.length - 1 - index);
      }
    }),
  );
});

test('a token fits into a cookie and does not tell the id', () => {
  fc.assert(fc.property(fc.string(), (id) => assert.match(stickyToken(id), /^[0-9a-f]{16}$/)));
});

test('who has no token, a foreign one or one of an ejected endpoint gets any', () => {
  const { set, sticky } = sessions(['a', 'b', 'c']);
  const away = sticky.token(1);
  set.available[1] = 0;
  for (const token of [undefined, '', '__proto__', stickyToken('gone'), away]) {
    assert.ok([0, 2].includes(sticky.pick(token)), token);
  }
  set.available[1] = 1;
  assert.equal(sticky.pick(away), 1);
  set.available.fill(0);
  assert.equal(sticky.pick(away), -1);
});

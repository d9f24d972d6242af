import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { labelsFrom } from '../../base/labels.ts';
import { instance } from '../planner.fixture.ts';
import { eachPossiblePair, hasLabel, matchesAll } from './instance-labels.ts';

test('metadata comes before tags, tags before the name of the service', () => {
  const plain = instance('reviews', 'a');
  assert.ok(hasLabel(plain, 'app', 'reviews'));
  assert.ok(hasLabel(plain, 'app.kubernetes.io/name', 'reviews'));
  assert.ok(!hasLabel(plain, 'tier', 'reviews'));
  const tagged = instance('reviews', 'a', { tags: ['app=shop', 'blue', 'version=v2'] });
  assert.ok(hasLabel(tagged, 'app', 'shop'));
  assert.ok(!hasLabel(tagged, 'app', 'reviews'));
  assert.ok(hasLabel(tagged, 'tag.blue', 'true'));
  assert.ok(hasLabel(tagged, 'version', 'v2'));
  assert.ok(!hasLabel(tagged, 'version', 'v'));
  const described = instance('reviews', 'a', { tags: ['app=shop'], metadata: labelsFrom({ app: 'own' }) });
  assert.ok(hasLabel(described, 'app', 'own'));
  assert.ok(!hasLabel(described, 'app', 'shop'));
});

test('all of a selector must hold, and keys of the network are only keys', () => {
  const one = instance('reviews', 'a', { metadata: labelsFrom({ version: 'v1' }) });
  assert.ok(
    matchesAll(one, [
      ['app', 'reviews'],
      ['version', 'v1'],
    ]),
  );
  assert.ok(
    !matchesAll(one, [
      ['app', 'reviews'],
      ['version', 'v2'],
    ]),
  );
  assert.ok(!hasLabel(one, '__proto__', 'x'));
  assert.ok(!hasLabel(one, 'toString', 'x'));
});

test('every label that holds is among the possible ones', () => {
  const key = fc.constantFrom('app', 'service', 'version', 'tag.x', '__proto__', '');
  const value = fc.constantFrom('v1', 'x', 'true', '');
  fc.assert(
    fc.property(
      fc.dictionary(key, value),
      fc.array(fc.oneof(fc.constantFrom('x', '=', 'app=', 'version=v1', 'tag.x=x'), fc.string())),
      key,
      value,
      (metadata, tags, asked, wanted) => {
        const one = instance('x', 'a', { metadata: labelsFrom(metadata), tags });
        if (!hasLabel(one, asked, wanted)) return;
        let possible = false;
        eachPossiblePair(one, (name, text) => {
          possible ||= name === asked && text === wanted;
        });
        assert.ok(possible, `${asked}=${wanted}`);
      },
    ),
  );
});

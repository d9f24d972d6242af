import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tombstones } from './tombstones.ts';

test('what never was went at the floor, and never below 1', () => {
  const tombstones = new Tombstones(10);
  assert.equal(tombstones.at('a'), 1);
  assert.equal(tombstones.under(''), 1);
});

test('a removal is remembered by its key and by every prefix of it', () => {
  const tombstones = new Tombstones(10);
  tombstones.add('a/b', 5);
  tombstones.add('c', 7);
  assert.equal(tombstones.at('a/b'), 5);
  assert.equal(tombstones.under('a/'), 5);
  assert.equal(tombstones.under(''), 7);
  assert.equal(tombstones.under('d'), 1);
});

test('past the limit the oldest is forgotten, and everything is taken to have gone no earlier', () => {
  const tombstones = new Tombstones(2);
  tombstones.add('a', 5);
  tombstones.add('b', 6);
  tombstones.add('a', 7);
  tombstones.add('c', 8);
  assert.equal(tombstones.at('b'), 6);
  assert.equal(tombstones.at('a'), 7);
  assert.equal(tombstones.at('unknown'), 6);
  tombstones.add('d', 9);
  assert.equal(tombstones.at('unknown'), 7);
  assert.equal(tombstones.under('b'), 7);
});

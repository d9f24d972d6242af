import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isHanging, newSilenceRecord } from './hang-detection.ts';

const before = { heard: 10, asked: 10, underWay: 0, others: 100 };
const silent = { heard: 10, asked: 15, underWay: 5, others: 120 };

function verdict(counts: Partial<typeof silent>, nowMs = 2_000, enough = 5): boolean {
  const record = newSilenceRecord();
  assert.equal(isHanging(record, before, enough, 0), false);
  return isHanging(record, { ...silent, ...counts }, enough, nowMs);
}

test('five requests without an answer for two seconds, while others answer, is hanging', () => {
  assert.equal(verdict({}), true);
  assert.equal(verdict({}, 1_999), false);
  assert.equal(verdict({ asked: 14 }), false);
  assert.equal(verdict({ asked: 11 }, 2_000, 1), true);
});

test('without others who answer more there is no comparison', () => {
  assert.equal(verdict({ others: 119 }), false);
  assert.equal(verdict({ asked: 35, others: 124 }), false);
  assert.equal(verdict({ asked: 35, others: 125 }), true);
});

test('a single answer, or nothing under way, begins anew', () => {
  assert.equal(verdict({ heard: 11 }), false);
  assert.equal(verdict({ underWay: 0 }), false);
  const record = newSilenceRecord();
  isHanging(record, before, 5, 0);
  isHanging(record, { ...silent, heard: 11 }, 5, 1_900);
  assert.equal(isHanging(record, { ...silent, heard: 11, asked: 30, others: 200 }, 5, 2_100), false);
});

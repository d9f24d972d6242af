import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forgetSilence, isHanging, newSilenceRecord } from './hang-detection.ts';

const before = { heard: 10, asked: 10, underWay: 0, others: 100 };
const silent = { heard: 10, asked: 15, underWay: 5, others: 110 };
const usual = (): number => 10;

function verdict(counts: Partial<typeof silent>, nowMs = 2_000, enough = 5, usualMs = usual): boolean {
  const record = newSilenceRecord();
  assert.equal(isHanging(record, before, enough, usual, 0), false);
  return isHanging(record, { ...silent, ...counts }, enough, usualMs, nowMs);
}

test('five requests without an answer for two seconds, while others answer, is hanging', () => {
  assert.equal(verdict({}), true);
  assert.equal(verdict({}, 1_999), false);
  assert.equal(verdict({ asked: 14 }), false);
  assert.equal(verdict({ asked: 11 }, 2_000, 1), true);
});

test('without others who answer more there is no comparison', () => {
  assert.equal(verdict({ others: 109 }), false);
  assert.equal(verdict({ asked: 35, others: 124 }), false);
  assert.equal(verdict({ asked: 35, others: 125 }), true);
});

test('a single answer, or nothing under way, begins anew', () => {
  assert.equal(verdict({ heard: 11 }), false);
  assert.equal(verdict({ underWay: 0 }), false);
  const record = newSilenceRecord();
  isHanging(record, before, 5, usual, 0);
  isHanging(record, { ...silent, heard: 11 }, 5, usual, 1_900);
  assert.equal(isHanging(record, { ...silent, heard: 11, asked: 30, others: 200 }, 5, usual, 2_100), false);
});

test('whoever is new, or was forgotten, is silent only from the first look on', () => {
  const record = newSilenceRecord();
  const counts = { heard: 0, asked: 30, underWay: 30, others: 30 };
  assert.equal(isHanging(record, counts, 5, usual, 60_000), false);
  assert.equal(isHanging(record, { ...counts, asked: 40, others: 60 }, 5, usual, 62_000), true);
  forgetSilence(record);
  assert.equal(isHanging(record, { ...counts, asked: 40, others: 60 }, 5, usual, 62_100), false);
});

test('where answers take long anyway, silence must last longer', () => {
  const slow = (): number => 5_000;
  assert.equal(verdict({}, 14_999, 5, slow), false);
  assert.equal(verdict({}, 15_000, 5, slow), true);
});

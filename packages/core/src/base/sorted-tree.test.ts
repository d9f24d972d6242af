import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  compareText,
  emptyTree,
  find,
  items,
  largestInRun,
  put,
  remove,
  run,
  type SortedTree,
  sizeOf,
} from './sorted-tree.ts';

interface Item {
  readonly key: string;
  readonly value: number;
}

const byKey = (key: string, item: Item): number => compareText(key, item.key);
const under = (prefix: string, item: Item): number =>
  item.key.startsWith(prefix) ? 0 : compareText(prefix, item.key);
const measure = (item: Item): number => item.value;

/** Keys that share prefixes, enough of them to make a tree three levels deep. */
const keys = fc.nat(2_500).map((number) => number.toString(6).padStart(5, '0'));
const steps = fc.array(fc.record({ key: keys, remove: fc.boolean(), value: fc.nat(1_000_000) }), {
  minLength: 1,
  maxLength: 400,
});

function full(count: number): [SortedTree<Item>, Map<string, Item>] {
  const model = new Map<string, Item>();
  let tree = emptyTree<Item>();
  for (let number = 0; number < count; number++) {
    const item = { key: ((number * 7919) % 2_503).toString(6).padStart(5, '0'), value: number };
    model.set(item.key, item);
    tree = put(tree, byKey, item.key, item);
  }
  return [tree, model];
}

function sorted(model: ReadonlyMap<string, Item>): Item[] {
  return [...model.values()].sort((left, right) => compareText(left.key, right.key));
}

test('a tree holds what a map would, in order, whatever was put and removed', () => {
  fc.assert(
    fc.property(fc.constantFrom(0, 20, 300, 2_500), steps, (count, sequence) => {
      let [tree, model] = full(count);
      for (const { key, remove: removing, value } of sequence) {
        if (removing) model.delete(key);
        else model.set(key, { key, value });
        tree = removing ? remove(tree, byKey, key) : put(tree, byKey, key, { key, value });
      }
      assert.deepEqual([...items(tree)], sorted(model));
      assert.equal(sizeOf(tree), model.size);
      for (const { key } of sequence) assert.deepEqual(find(tree, byKey, key), model.get(key));
    }),
    { numRuns: 60 },
  );
});

test('a run is the items under its prefix, and its largest measure theirs', () => {
  fc.assert(
    fc.property(fc.constantFrom(10, 300, 2_500), keys, fc.nat(5), steps, (count, key, length, sequence) => {
      let [tree, model] = full(count);
      const prefix = key.slice(0, length);
      for (const step of sequence) {
        // Asked in between as well, so that remembered answers are seen to be forgotten.
        largestInRun(tree, under, prefix, measure);
        if (step.remove) model.delete(step.key);
        else model.set(step.key, step);
        tree = step.remove ? remove(tree, byKey, step.key) : put(tree, byKey, step.key, step);
      }
      const expected = sorted(model).filter((item) => item.key.startsWith(prefix));
      assert.deepEqual([...run(tree, under, prefix)], expected);
      assert.equal(largestInRun(tree, under, prefix, measure), Math.max(0, ...expected.map(measure)));
    }),
    { numRuns: 60 },
  );
});

test('an older version stays as it was while newer ones are made', () => {
  const [tree, model] = full(1_000);
  const before = sorted(model);
  let newer = tree;
  for (const item of before) newer = remove(newer, byKey, item.key);
  assert.deepEqual([...items(tree)], before);
  assert.equal(sizeOf(newer), 0);
  assert.deepEqual([...items(newer)], []);
});

test('an iteration is not disturbed by removing what it meets', () => {
  let [tree, model] = full(500);
  let met = 0;
  for (const item of items(tree)) {
    tree = remove(tree, byKey, item.key);
    met++;
  }
  assert.equal(met, model.size);
  assert.equal(sizeOf(tree), 0);
});

test('removing what is not there gives the same tree', () => {
  const [tree] = full(300);
  assert.equal(remove(tree, byKey, 'nothing'), tree);
});

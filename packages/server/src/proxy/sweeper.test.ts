import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeClock } from '@portolan/testkit/fake-clock.ts';
import { Sweeper, type Swept } from './sweeper.ts';

class Item implements Swept {
  sweepIndex = -1;
  readonly seen: number[] = [];
  readonly #onSweep: (item: Item) => void;

  constructor(onSweep: (item: Item) => void = () => undefined) {
    this.#onSweep = onSweep;
  }

  sweep(nowMs: number): void {
    this.seen.push(nowMs);
    this.#onSweep(this);
  }
}

test('everything is looked at ten times a second, and nothing runs when there is nothing', () => {
  const clock = fakeClock();
  const sweeper = new Sweeper(clock);
  const [first, second] = [new Item(), new Item()];
  sweeper.add(first);
  sweeper.add(second);
  clock.advance(1_000);
  assert.deepEqual([first.seen.length, second.seen.length], [10, 10]);
  sweeper.remove(first);
  sweeper.remove(first);
  sweeper.remove(second);
  clock.advance(1_000);
  assert.deepEqual([first.seen.length, sweeper.size, clock.pending], [10, 0, 0]);
});

test('items that leave while the sweep goes on take nobody with them', () => {
  const clock = fakeClock();
  const sweeper = new Sweeper(clock);
  const leaves = (item: Item): void => sweeper.remove(item);
  const items = Array.from({ length: 9 }, (_, index) => new Item(index % 2 === 0 ? leaves : undefined));
  for (const item of items) sweeper.add(item);
  clock.advance(100);
  assert.deepEqual(
    items.map((item) => item.seen.length),
    items.map(() => 1),
  );
  assert.equal(sweeper.size, 4);
  clock.advance(100);
  assert.deepEqual(
    items.map((item) => item.seen.length),
    [1, 2, 1, 2, 1, 2, 1, 2, 1],
  );
});

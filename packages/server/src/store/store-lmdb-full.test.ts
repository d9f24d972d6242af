import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Fault } from '@portolan/core/base/fault.ts';
import type { Store } from '@portolan/core/catalog/store.ts';
import { deleting, kvRecord, putting } from '@portolan/testkit/store-records.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { pino } from 'pino';
import { systemClock } from '../engine/system-clock.ts';
import { lmdbStore } from './store-lmdb.ts';

const mountable = canMount();
/** As root in CI a disk that cannot be made full is a failure, not a skip. */
const skip =
  mountable || (process.env.CI === 'true' && process.getuid?.() === 0) ? false : 'needs root and tmpfs';

test('a full disk refuses puts, takes deletes, loses nothing, and is found well again', {
  skip,
}, async () => {
  const disk = smallDisk(6);
  const make = (): Store =>
    lmdbStore({
      path: join(disk.path, 'store'),
      clock: systemClock,
      log: pino({ level: 'silent' }),
      reserveBytes: 1024 * 1024,
    });
  let store = make();
  try {
    await store.open(() => {});
    const value = 'x'.repeat(3_000);
    for (let i = 0; i < 300; i++) await store.commit([putting(kvRecord(`small/${i}`, value))]);

    // Something else takes the rest of the disk.
    const hog = join(disk.path, 'hog');
    fillDisk(hog);
    let kept = 0;
    const refused = await fillStore(store, value, () => {
      kept += 1;
    });
    assert.ok(isFull(refused), String(refused));

    await assert.rejects(store.commit([putting(kvRecord('refused'))]), isFull);
    await assert.rejects(store.commit([]), isFull, 'a probe tells that it is still full');
    for (let i = 0; i < 100; i++) await store.commit([deleting(`kv/small/${i}`)]);
    const afterDeletes = await store.commit([putting(kvRecord('in the room that the deletes made'))]);
    assert.equal(afterDeletes[0]?.outcome, 'committed');

    rmSync(hog);
    await waitUntil(() => store.commit([]), { what: 'the store to see that there is room' });
    for (let i = 0; i < 50; i++) await store.commit([putting(kvRecord(`after/${i}`, value))]);

    await store.close();
    store = make();
    const content = await store.open(() => {});
    assert.equal([...content.entries].length, 200 + kept + 1 + 50);
  } finally {
    await store.close();
    disk.remove();
  }
});

test('a store opens and serves on a disk that is full already', { skip }, async () => {
  const disk = smallDisk(6);
  const make = (): Store =>
    lmdbStore({
      path: join(disk.path, 'store'),
      clock: systemClock,
      log: pino({ level: 'silent' }),
      reserveBytes: 1024 * 1024,
    });
  let store = make();
  try {
    await store.open(() => {});
    await store.commit([putting(kvRecord('a'))]);
    await store.close();
    fillDisk(join(disk.path, 'hog'));
    store = make();
    const content = await store.open(() => {});
    assert.deepEqual(
      [...content.entries].map((entry) => entry.record),
      [kvRecord('a')],
    );
    const big = 'x'.repeat(100_000);
    const refused = await fillStore(store, big);
    assert.ok(isFull(refused), String(refused));
    rmSync(join(disk.path, 'hog'));
    await waitUntil(() => store.commit([putting(kvRecord('b'))]), { what: 'the store to take a put again' });
  } finally {
    await store.close();
    disk.remove();
  }
});

/** Puts until one is refused; gives what it was refused with. */
async function fillStore(store: Store, value: string, onKept: () => void = () => {}): Promise<unknown> {
  for (let i = 0; ; i++) {
    try {
      await store.commit([putting(kvRecord(`more/${i}`, value))]);
      onKept();
    } catch (error) {
      return error;
    }
  }
}

function isFull(error: unknown): boolean {
  return error instanceof Fault && error.code === 'full';
}

function fillDisk(file: string): void {
  for (const size of [1024 * 1024, 64 * 1024, 4096]) {
    try {
      for (;;) writeFileSync(file, Buffer.alloc(size), { flag: 'a' });
    } catch {
      // Full at this size; fill the rest with smaller pieces.
    }
  }
}

function smallDisk(megabytes: number): { path: string; remove(): void } {
  const directory = tempDir('disk');
  asRoot('mount', '-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', directory.path);
  return {
    path: directory.path,
    remove() {
      asRoot('umount', directory.path);
      directory.remove();
    },
  };
}

function asRoot(command: string, ...args: readonly string[]): void {
  execFileSync(command, args);
}

function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  try {
    smallDisk(1).remove();
    return true;
  } catch {
    return false;
  }
}

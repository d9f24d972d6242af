import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Fault } from '@portolan/core/base/fault.ts';
import type { Store } from '@portolan/core/catalog/store.ts';
import { fakeClock } from '@portolan/testkit/fake-clock.ts';
import { kvRecord, putting } from '@portolan/testkit/store-records.ts';
import { storeSuite } from '@portolan/testkit/store-suite.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { waitUntil } from '@portolan/testkit/wait-until.ts';
import { pino } from 'pino';
import { systemClock } from '../engine/system-clock.ts';
import { openLmdbFile, readValues } from './lmdb-file.ts';
import { lmdbStore } from './store-lmdb.ts';

const log = pino({ level: 'silent' });

const storeAt = (path: string): Store => lmdbStore({ path, clock: systemClock, log, reserveBytes: 65_536 });

storeSuite('lmdb', async () => {
  const directory = tempDir('lmdb');
  const make = () => storeAt(directory.path);
  return {
    store: make(),
    reopen: async () => make(),
    destroy: async () => directory.remove(),
  };
});

test('a data directory that another process uses is refused, naming that process, and free once it died', async () => {
  const directory = tempDir('lock');
  const writer = fileURLToPath(import.meta.resolve('./testdata/store-writer.ts'));
  const child = spawn(process.execPath, [writer, directory.path], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await once(child.stdout, 'data');
    await assert.rejects(
      storeAt(directory.path).open(() => {}),
      (error) => {
        assert.ok(error instanceof Fault && error.code === 'unavailable');
        assert.match(error.message, new RegExp(`is in use by process ${child.pid}`));
        return true;
      },
    );
    child.kill('SIGKILL');
    await once(child, 'exit');
    const store = storeAt(directory.path);
    await store.open(() => {});
    await store.close();
  } finally {
    child.kill('SIGKILL');
    directory.remove();
  }
});

test('the same directory cannot be opened twice in one process either', async () => {
  const directory = tempDir('twice');
  const store = storeAt(directory.path);
  await store.open(() => {});
  await assert.rejects(
    storeAt(directory.path).open(() => {}),
    /is in use by process/,
  );
  assert.equal((await store.commit([putting(kvRecord('a'))]))[0]?.outcome, 'committed');
  await store.close();
  directory.remove();
});

test('content of a newer format is refused with what to do', async () => {
  const directory = tempDir('format');
  const file = openLmdbFile(directory.path);
  await file.write([], { key: Buffer.from('format'), value: Buffer.from([0, 0, 0, 99]) });
  await file.close();
  await assert.rejects(
    storeAt(directory.path).open(() => {}),
    (error) => {
      assert.ok(error instanceof Fault && error.code === 'invalid');
      assert.match(error.message, /newer Portolan \(format 99.*--data-dir/);
      return true;
    },
  );
  directory.remove();
});

test('a record that cannot be read is left where it is, and the others are served', async () => {
  const directory = tempDir('broken');
  const first = storeAt(directory.path);
  await first.open(() => {});
  await first.commit([putting(kvRecord('good'))]);
  await first.close();
  const file = openLmdbFile(directory.path);
  await file.write([{ key: Buffer.from('kv/bad'), value: Buffer.from('not a record') }], {
    key: Buffer.from('probe'),
    value: Buffer.alloc(6),
  });
  await file.close();
  const second = storeAt(directory.path);
  const { entries } = await second.open(() => {});
  assert.deepEqual(
    [...entries].map((entry) => entry.record),
    [kvRecord('good')],
  );
  await second.close();
  directory.remove();
});

test('a record beyond the limit is refused alone, naming the limit', async () => {
  const directory = tempDir('large');
  const store = storeAt(directory.path);
  await store.open(() => {});
  const outcomes = await Promise.allSettled([
    store.commit([putting(kvRecord('small'))]),
    store.commit([putting(kvRecord('large', 'x'.repeat(17 * 1024 * 1024)))]),
  ]);
  assert.equal(outcomes[0]?.status, 'fulfilled');
  const refused = outcomes[1];
  assert.ok(refused?.status === 'rejected' && refused.reason.code === 'too-large');
  assert.match(refused.reason.message, /16777216 are allowed/);
  await store.close();
  directory.remove();
});

test('a disk that does not answer in time: the caller is told, and what was kept after all is still reported', async () => {
  const directory = tempDir('stuck');
  const clock = fakeClock();
  const store = lmdbStore({
    path: directory.path,
    clock,
    log,
    reserveBytes: 65_536,
    commitTimeoutMs: 10_000,
  });
  const revisions: number[] = [];
  await store.open((change) => revisions.push(change.revision));
  await store.commit([putting(kvRecord('a'))]);
  const late = store.commit([putting(kvRecord('b'))]);
  const refused = assert.rejects(late, /did not confirm a write within 10000 ms/);
  // The timeout is armed once the commit is handed to LMDB, and the file system cannot answer within this turn.
  while (clock.pending === 0) await Promise.resolve();
  clock.advance(10_000);
  await assert.rejects(store.commit([putting(kvRecord('c'))]), /did not confirm/);
  await refused;
  await waitUntil(() => revisions.length === 2, { what: 'the late change' });
  await waitUntil(() => store.commit([putting(kvRecord('d'))]), { what: 'the store to take writes again' });
  assert.deepEqual(revisions, [1, 2, 3]);
  await store.close();
  directory.remove();
});

test('every value is read once and in order, however little goes through one mapping', async (t) => {
  const directory = tempDir('chunks');
  t.after(() => directory.remove());
  const file = openLmdbFile(directory.path);
  const value = (index: number): string => `${index}:${'ü'.repeat(index === 50 ? 100_000 : index * 50)}`;
  const key = (index: number) => Buffer.from(`key-${String(index).padStart(3, '0')}`);
  const wanted = Array.from({ length: 100 }, (_, index) => value(index));
  await file.write(
    wanted.map((text, index) => ({ key: key(index), value: Buffer.from(text) })),
    { key: Buffer.from('meta'), value: Buffer.from('x') },
  );
  await file.close();
  for (const maxBytesMapped of [1, 4_000, 1_000_000]) {
    const read: string[] = [];
    await readValues(
      directory.path,
      (bytes, size) => void read.push(bytes.toString('utf8', 0, size)),
      maxBytesMapped,
    );
    assert.deepEqual(read, wanted);
  }
});

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { recordKey } from '@portolan/core/catalog/records.ts';
import type { StoredEntry } from '@portolan/core/catalog/store.ts';
import { tempDir } from '@portolan/testkit/temp-dir.ts';
import { pino } from 'pino';
import { systemClock } from '../engine/system-clock.ts';
import { lmdbStore } from './store-lmdb.ts';

const writer = fileURLToPath(import.meta.resolve('./testdata/store-writer.ts'));
const kills = 8;

interface Acknowledged {
  readonly revision: number;
  /** The newest acknowledged value number of each pair. */
  readonly newest: ReadonlyMap<string, number>;
}

test(`after each of ${kills} kill -9 every acknowledged write is there, and no transaction is half there`, async () => {
  const directory = tempDir('crash');
  try {
    for (let round = 0; round < kills; round++) {
      const acknowledged = await writeUntilKilled(directory.path, 50 + round * 97);
      const { revision, entries } = await contentOf(directory.path);
      assert.ok(revision >= acknowledged.revision, `revision ${revision} of ${acknowledged.revision}`);
      for (const [name, number] of acknowledged.newest) {
        const kept = numberOf(entries.get(`kv/left/${name}`));
        assert.ok(kept >= number, `pair ${name}: ${kept} is older than the acknowledged ${number}`);
      }
      for (const [key, entry] of entries) {
        const twin = entries.get(key.replace('kv/left/', 'kv/right/'));
        assert.equal(twin?.modifyRevision, entry.modifyRevision, `${key} without its twin`);
        assert.ok(entry.modifyRevision <= revision);
      }
    }
  } finally {
    directory.remove();
  }
});

/** Kills the writer right after the given number of acknowledgements, in the middle of the commits that follow. */
async function writeUntilKilled(path: string, afterAcknowledgements: number): Promise<Acknowledged> {
  const child = spawn(process.execPath, [writer, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    if (text.split('\n').length > afterAcknowledgements) child.kill('SIGKILL');
  });
  await once(child, 'close');
  assert.equal(child.signalCode, 'SIGKILL');
  const newest = new Map<string, number>();
  let revision = 0;
  for (const line of text.split('\n').slice(0, -1)) {
    const [acknowledgedRevision = '', name = '', number = ''] = line.split(' ');
    revision = Math.max(revision, Number(acknowledgedRevision));
    newest.set(name, Math.max(newest.get(name) ?? 0, Number(number)));
  }
  return { revision, newest };
}

async function contentOf(path: string): Promise<{ revision: number; entries: Map<string, StoredEntry> }> {
  const store = lmdbStore({
    path,
    clock: systemClock,
    log: pino({ level: 'silent' }),
    reserveBytes: 65_536,
  });
  const content = await store.open(() => {});
  const entries = new Map([...content.entries].map((entry) => [recordKey(entry.record), entry]));
  await store.close();
  return { revision: content.revision, entries };
}

function numberOf(entry: StoredEntry | undefined): number {
  return entry?.record.kind === 'kv' ? Number.parseInt(entry.record.value, 10) : 0;
}

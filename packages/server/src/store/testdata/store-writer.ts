// Commits transactions to the store in argv[2] as fast as it can, a few at a time, and prints each revision that was acknowledged.
// Every transaction writes a pair of keys with the same value. It is there to be killed.
import { writeSync } from 'node:fs';
import type { KvRecord } from '@portolan/core/catalog/records.ts';
import { pino } from 'pino';
import { systemClock } from '../../engine/system-clock.ts';
import { lmdbStore } from '../store-lmdb.ts';

const path = process.argv[2] ?? '';
const store = lmdbStore({ path, clock: systemClock, log: pino({ level: 'silent' }), reserveBytes: 65_536 });
const { revision } = await store.open(() => {});
let next = revision;

const kv = (key: string, value: string) => {
  const record: KvRecord = { kind: 'kv', key, value, flags: '0', lockIndex: 0 };
  return { op: 'put', record } as const;
};

async function write(): Promise<never> {
  for (;;) {
    next += 1;
    const number = next;
    const name = String(number % 500);
    const value = `${number}${'x'.repeat((number * 37) % 3_000)}`;
    const writes = [kv(`left/${name}`, value), kv(`right/${name}`, value)];
    const [result] = await store.commit([{ writes, guards: [] }]);
    // Synchronous, so that what the parent reads was acknowledged, and everything acknowledged is read.
    if (result?.outcome === 'committed') writeSync(1, `${result.revision} ${name} ${number}\n`);
  }
}

await Promise.all(Array.from({ length: 8 }, write));

import { Fault } from '@portolan/core/base/fault.ts';
import type { Change, Transaction } from '@portolan/core/catalog/change.ts';
import { type RecordKey, recordKey } from '@portolan/core/catalog/records.ts';
import type { CommitResult, Store, StoreContent, StoredEntry } from '@portolan/core/catalog/store.ts';
import { failedGuard, inOrder, revisionsAfterPut } from './store-rules.ts';

/** What memory stores write to. Several stores over one of these see each other's changes, as nodes over one etcd do. */
export interface SharedMemory {
  readonly entries: Map<RecordKey, StoredEntry>;
  readonly listeners: Set<(change: Change) => void>;
  revision: number;
}

export function sharedMemory(): SharedMemory {
  return { entries: new Map(), listeners: new Set(), revision: 0 };
}

/** The catalog's records in this process only: for tests, and for `--store memory`. */
export function memoryStore(memory: SharedMemory = sharedMemory()): Store {
  let listener: ((change: Change) => void) | undefined;
  return {
    name: 'memory',
    async open(onChange): Promise<StoreContent> {
      listener = onChange;
      memory.listeners.add(onChange);
      return { revision: memory.revision, entries: [...memory.entries.values()] };
    },
    async commit(transactions) {
      if (listener === undefined) throw new Fault('unavailable', 'the memory store is not open');
      return inOrder(transactions, (transaction) => commitOne(memory, transaction));
    },
    async close() {
      if (listener !== undefined) memory.listeners.delete(listener);
      listener = undefined;
    },
  };
}

function commitOne(memory: SharedMemory, transaction: Transaction): CommitResult {
  const conflict = failedGuard(transaction.guards, (key) => memory.entries.get(key));
  if (conflict !== undefined) return { outcome: 'conflict', key: conflict };
  if (transaction.writes.length === 0) return { outcome: 'unchanged' };
  memory.revision += 1;
  const { entries, revision } = memory;
  for (const write of transaction.writes) {
    if (write.op === 'delete') {
      entries.delete(write.key);
    } else {
      const key = recordKey(write.record);
      entries.set(key, { record: write.record, ...revisionsAfterPut(entries.get(key), revision) });
    }
  }
  const change = { revision, writes: transaction.writes };
  for (const listener of memory.listeners) listener(change);
  return { outcome: 'committed', revision };
}

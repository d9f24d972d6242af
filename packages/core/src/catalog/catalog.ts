import { Fault } from '../base/fault.ts';
import { BatchDraft } from './batch-draft.ts';
import type { Change, Transaction, Write } from './change.ts';
import type { Catalog, Decision } from './contract.ts';
import type { Intent } from './draft.ts';
import { frozenRecord } from './freeze.ts';
import type { CatalogDelta, Topic } from './reader.ts';
import { type Entry, type RecordKey, recordKey } from './records.ts';
import { Sharing } from './sharing.ts';
import type { StoreContent } from './store.ts';
import { TableReader } from './table-reader.ts';
import { Tables } from './tables.ts';
import { Topics } from './topics.ts';
import { Touches } from './touches.ts';

/**
 * How many removals of each kind (services, nodes, keys) are remembered for their indexes, about 150 bytes each. A watcher
 * of something removed longer ago is told of a later removal instead: one needless answer, never a missed one.
 */
const defaultMaxTombstones = 16_384;

/** An empty catalog in memory. */
export function createCatalog(options: { maxTombstones?: number } = {}): Catalog {
  return new MemoryCatalog(options.maxTombstones ?? defaultMaxTombstones);
}

class MemoryCatalog extends TableReader implements Catalog {
  readonly #topics: Topics;
  readonly #sharing: Sharing;
  #revision = 0;

  constructor(maxTombstones: number) {
    super(new Tables());
    this.#sharing = new Sharing(this.tables);
    this.#topics = new Topics(this.tables, maxTombstones);
  }

  get revision(): number {
    return this.#revision;
  }

  indexOf(topic: Topic): number {
    return this.#topics.indexOf(topic);
  }

  load(content: StoreContent): void {
    if (this.#revision !== 0) throw new Fault('internal', 'Only an empty catalog can be loaded.');
    for (const entry of content.entries) {
      const { record } = entry;
      const current = this.tables.current(record);
      frozenRecord(this.#sharing.share(record, current));
      this.tables.place(Object.freeze(entry), current);
    }
    this.#revision = content.revision;
    this.#topics.load(content.revision);
  }

  apply(change: Change): CatalogDelta {
    const { revision } = change;
    if (revision <= this.#revision) {
      throw new Fault('internal', `Revision ${revision} is not after ${this.#revision}.`);
    }
    const touches = new Touches();
    for (const write of change.writes) this.#write(write, revision, touches);
    this.#revision = revision;
    const delta = touches.delta(revision, this.tables.services);
    this.#topics.move(delta, touches.ended(this.tables.services));
    return delta;
  }

  decide(intents: readonly Intent<unknown>[]): readonly Decision[] {
    const decisions: Decision[] = [];
    const earlier = new Set<RecordKey>();
    let provisional = this.#revision + 1;
    this.tables.begin();
    const start = this.tables.mark();
    try {
      for (const intent of intents) {
        const decision = this.#decideOne(intent, provisional, earlier);
        decisions.push(decision);
        if (decision.outcome === 'refused' || decision.transaction.writes.length === 0) continue;
        for (const write of decision.transaction.writes) earlier.add(keyOfWrite(write));
        provisional++;
      }
    } finally {
      this.tables.back(start);
      this.tables.end();
    }
    return decisions;
  }

  #decideOne(intent: Intent<unknown>, provisional: number, earlier: ReadonlySet<RecordKey>): Decision {
    const mark = this.tables.mark();
    const draft = new BatchDraft(this.tables, this.#sharing, this.#revision, provisional, earlier);
    try {
      const result = intent(draft);
      if (result instanceof Promise) {
        result.catch(() => {}); // Its failure is told by the one thrown here.
        throw new Fault('internal', 'An intent must be synchronous.');
      }
      const transaction = draft.transaction();
      if (draft.rewritten) {
        // The intents after it must see what will be committed, not the way to it.
        this.tables.back(mark);
        this.#foresee(transaction, provisional);
      }
      return { outcome: 'decided', transaction, result };
    } catch (thrown) {
      this.tables.back(mark);
      return { outcome: 'refused', fault: Fault.from(thrown) };
    } finally {
      draft.close();
    }
  }

  #foresee(transaction: Transaction, revision: number): void {
    for (const write of transaction.writes) this.#write(write, revision);
  }

  #write(write: Write, revision: number, touches?: Touches): void {
    if (write.op === 'delete') {
      const before = this.tables.get(write.key);
      if (before !== undefined) this.tables.remove(before, revision, touches);
      return;
    }
    const before = this.tables.current(write.record);
    const entry: Entry = Object.freeze({
      record: frozenRecord(this.#sharing.shared(write.record, before)),
      createRevision: before?.createRevision ?? revision,
      modifyRevision: revision,
    });
    this.tables.place(entry, before, touches);
  }
}

function keyOfWrite(write: Write): RecordKey {
  return write.op === 'delete' ? write.key : recordKey(write.record);
}

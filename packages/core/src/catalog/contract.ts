import type { Fault } from '../base/fault.ts';
import type { Change, Transaction } from './change.ts';
import type { Intent } from './draft.ts';
import type { CatalogDelta, CatalogReader } from './reader.ts';
import type { StoreContent } from './store.ts';

/**
 * The whole catalog in memory. Only the engine holds it as this; everyone else sees `CatalogReader`.
 * The cost of `apply` does not grow with the catalog.
 */
export interface Catalog extends CatalogReader {
  /** Fills an empty catalog with what the store held. The entries become the catalog's: they are changed to share what is equal, and frozen. */
  load(content: StoreContent): void;
  /** Applies one committed change. Revisions must rise. */
  apply(change: Change): CatalogDelta;
  /**
   * Runs the intents in order, each seeing what the ones before it would write, and takes all of it back before it returns:
   * the catalog is as it was. What they want written comes back as transactions, to be committed in this order.
   *
   * A transaction guards what it writes and what its intent expected, except for records that an earlier transaction of the
   * batch writes: their revision is not known yet. So where others write to the store too, one that conflicts takes with it
   * the later ones of its batch that write the same records: decide those anew, whatever their own result was.
   */
  decide(intents: readonly Intent<unknown>[]): readonly Decision[];
}

export type Decision =
  | { readonly outcome: 'decided'; readonly transaction: Transaction; readonly result: unknown }
  /** The intent threw: nothing of it is written. */
  | { readonly outcome: 'refused'; readonly fault: Fault };

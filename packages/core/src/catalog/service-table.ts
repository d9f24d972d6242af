import { compareText, emptyTree, put, remove, type SortedTree, sizeOf } from '../base/sorted-tree.ts';
import type { Journal } from './journal.ts';
import { ServiceState } from './service-state.ts';
import type { Touches } from './touches.ts';

/** Where the newest state of a service is. In the table as long as the service exists. */
export interface ServiceCell {
  state: ServiceState;
}

/** The services, their order, and their names in lower case. */
export class ServiceTable {
  /** By `<namespace>/<name>`; a namespace has no slash. */
  readonly #cells = new Map<string, ServiceCell>();
  /** `<namespace>/<lower-cased name>` to the keys of the services so named, in order. */
  readonly #folded = new Map<string, SortedTree<string>>();
  #keys: SortedTree<string> = emptyTree();
  readonly #journal: Journal;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** `<namespace>/<name>` of every service, in order. */
  get keys(): SortedTree<string> {
    return this.#keys;
  }

  get(key: string): ServiceState | undefined {
    return this.#cells.get(key)?.state;
  }

  /** Keys of the services that are so named when lower-cased. */
  folded(namespace: string, name: string): SortedTree<string> {
    return this.#folded.get(foldedKey(namespace, name)) ?? emptyTree();
  }

  /** The cell of a service; a new one where there is no such service yet. */
  cell(namespace: string, name: string): ServiceCell {
    const key = `${namespace}/${name}`;
    return this.#cells.get(key) ?? { state: ServiceState.empty(key, namespace, name) };
  }

  /** Puts `state` in its cell; `retagged` where the set of its tags may have changed. */
  set(cell: ServiceCell, state: ServiceState, retagged: boolean, touches?: Touches): void {
    const before = cell.state;
    const existed = before.exists;
    const { key, exists } = state;
    if (touches !== undefined) {
      touches.services.add(key);
      if (existed !== exists || retagged) touches.listing(key, existed ? before : undefined);
    }
    this.#replace(cell, state);
    if (existed !== exists) this.#appear(cell, exists);
  }

  /** Something that the service's readers see has changed. */
  touch(cell: ServiceCell, revision: number, touches?: Touches): void {
    // Touched by this change already, or (while loading) by a later one.
    if (cell.state.modifyRevision >= revision) return;
    this.#replace(cell, cell.state.touched(revision));
    touches?.services.add(cell.state.key);
  }

  #replace(cell: ServiceCell, state: ServiceState): void {
    if (this.#journal.isOpen) {
      const before = cell.state;
      this.#journal.remember(() => {
        cell.state = before;
      });
    }
    cell.state = state;
  }

  #appear(cell: ServiceCell, exists: boolean): void {
    const { key, namespace, name } = cell.state;
    if (this.#journal.isOpen) {
      const keys = this.#keys;
      this.#journal.remember(() => {
        this.#keys = keys;
      });
    }
    this.#journal.write(this.#cells, key, exists ? cell : undefined);
    this.#keys = listing(this.#keys, key, exists);
    const folded = listing(this.folded(namespace, name), key, exists);
    this.#journal.write(this.#folded, foldedKey(namespace, name), sizeOf(folded) > 0 ? folded : undefined);
  }
}

function listing(keys: SortedTree<string>, key: string, exists: boolean): SortedTree<string> {
  return exists ? put(keys, compareText, key, key) : remove(keys, compareText, key);
}

function foldedKey(namespace: string, name: string): string {
  return `${namespace}/${name.toLowerCase()}`;
}

import {
  compareText,
  emptyTree,
  find,
  largestInRun,
  put,
  remove,
  type SortedTree,
} from '../base/sorted-tree.ts';
import { startingWith } from './orders.ts';

interface Tombstone {
  readonly key: string;
  readonly revision: number;
}

/**
 * When things that are gone went, for the newest `limit` of them. What was forgotten is taken to have gone at `floor`, the
 * newest forgotten removal: too late rather than too early, so that no watcher misses anything.
 */
export class Tombstones {
  readonly #limit: number;
  #tree: SortedTree<Tombstone> = emptyTree();
  /** Oldest removal first. */
  readonly #order = new Map<string, number>();
  #floor = 1;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(key: string, revision: number): void {
    this.#order.delete(key);
    this.#order.set(key, revision);
    this.#tree = put(this.#tree, byKey, key, { key, revision });
    if (this.#order.size > this.#limit) this.#forgetOldest();
  }

  /** Takes everything that is not known to have gone at `revision`. */
  raiseFloor(revision: number): void {
    this.#floor = Math.max(this.#floor, revision);
  }

  /** When `key` went, at the latest; never below 1. */
  at(key: string): number {
    return Math.max(this.#floor, find(this.#tree, byKey, key)?.revision ?? 1);
  }

  /** When the last of the keys that start with `prefix` went, at the latest; never below 1. */
  under(prefix: string): number {
    return Math.max(this.#floor, largestInRun(this.#tree, under, prefix, revisionOf));
  }

  #forgetOldest(): void {
    for (const [key, revision] of this.#order) {
      this.#order.delete(key);
      this.#tree = remove(this.#tree, byKey, key);
      this.raiseFloor(revision);
      return;
    }
  }
}

function byKey(key: string, tombstone: Tombstone): number {
  return compareText(key, tombstone.key);
}

function under(prefix: string, tombstone: Tombstone): number {
  return startingWith(prefix, tombstone.key);
}

function revisionOf(tombstone: Tombstone): number {
  return tombstone.revision;
}

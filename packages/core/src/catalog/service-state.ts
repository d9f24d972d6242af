import {
  compareText,
  emptyTree,
  find,
  items,
  put,
  remove,
  type SortedTree,
  sizeOf,
} from '../base/sorted-tree.ts';
import type { ServiceView } from './reader.ts';
import type { Entry, InstanceRecord, ServiceRecord } from './records.ts';

/** How many of a service's instances have a tag. */
interface TagCount {
  readonly tag: string;
  readonly count: number;
}

/**
 * All that is known of one service at one revision. Immutable: every change makes the next one, so a reader may keep it, and
 * taking a change back is putting the former one in its place.
 */
export class ServiceState implements ServiceView {
  /** `<namespace>/<name>` */
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly entry: Entry<ServiceRecord> | undefined;
  readonly tree: SortedTree<Entry<InstanceRecord>>;
  readonly tagCounts: SortedTree<TagCount>;
  readonly modifyRevision: number;
  #tags: readonly string[] | undefined;

  constructor(
    key: string,
    namespace: string,
    name: string,
    entry: Entry<ServiceRecord> | undefined,
    tree: SortedTree<Entry<InstanceRecord>>,
    tagCounts: SortedTree<TagCount>,
    modifyRevision: number,
  ) {
    this.key = key;
    this.namespace = namespace;
    this.name = name;
    this.entry = entry;
    this.tree = tree;
    this.tagCounts = tagCounts;
    this.modifyRevision = modifyRevision;
  }

  static empty(key: string, namespace: string, name: string): ServiceState {
    return new ServiceState(key, namespace, name, undefined, emptyTree(), emptyTree(), 0);
  }

  get record(): ServiceRecord | undefined {
    return this.entry?.record;
  }

  get size(): number {
    return sizeOf(this.tree);
  }

  /** Whether anything makes it a service. */
  get exists(): boolean {
    return this.entry !== undefined || this.size > 0;
  }

  instances(): Iterable<Entry<InstanceRecord>> {
    return items(this.tree);
  }

  tags(): readonly string[] {
    this.#tags ??= Object.freeze(Array.from(items(this.tagCounts), (counted) => counted.tag));
    return this.#tags;
  }

  touched(revision: number): ServiceState {
    return this.#next(this.entry, this.tree, this.tagCounts, revision);
  }

  withRecord(entry: Entry<ServiceRecord> | undefined, revision: number): ServiceState {
    return this.#next(entry, this.tree, this.tagCounts, revision);
  }

  withInstances(
    tree: SortedTree<Entry<InstanceRecord>>,
    tagCounts: SortedTree<TagCount>,
    revision: number,
  ): ServiceState {
    return this.#next(this.entry, tree, tagCounts, revision);
  }

  #next(
    entry: Entry<ServiceRecord> | undefined,
    tree: SortedTree<Entry<InstanceRecord>>,
    tagCounts: SortedTree<TagCount>,
    revision: number,
  ): ServiceState {
    const modifyRevision = Math.max(this.modifyRevision, revision);
    const next = new ServiceState(
      this.key,
      this.namespace,
      this.name,
      entry,
      tree,
      tagCounts,
      modifyRevision,
    );
    if (tagCounts === this.tagCounts) next.#tags = this.#tags;
    return next;
  }
}

function byTag(tag: string, counted: TagCount): number {
  return compareText(tag, counted.tag);
}

/** `counts` with one more of each of `tags` (or one fewer, with `step` -1). */
export function countTags(
  counts: SortedTree<TagCount>,
  tags: readonly string[],
  step: 1 | -1,
): SortedTree<TagCount> {
  let next = counts;
  for (const tag of tags) {
    const count = (find(next, byTag, tag)?.count ?? 0) + step;
    next = count > 0 ? put(next, byTag, tag, { tag, count }) : remove(next, byTag, tag);
  }
  return next;
}

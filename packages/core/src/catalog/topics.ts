import { find, largestInRun } from '../base/sorted-tree.ts';
import { byKvKey, underPrefix } from './orders.ts';
import { type CatalogDelta, type Topic, topicOf } from './reader.ts';
import { apiVersionsOf } from './record-key.ts';
import type { Entry } from './records.ts';
import type { Tables } from './tables.ts';
import { Tombstones } from './tombstones.ts';

/**
 * The index of every topic. What exists carries its own revision in the tables; this keeps what they cannot: when things
 * went, and when the lists moved. Only `apply` and `load` write it.
 */
export class Topics {
  readonly #tables: Tables;
  readonly #services: Tombstones;
  readonly #nodes: Tombstones;
  readonly #kv: Tombstones;
  /** The topics that are one for the whole catalog. */
  readonly #lists = new Map<Topic, number>();
  /** What was removed before the catalog was loaded is not known: no topic is older than that. */
  #loaded = 1;

  constructor(tables: Tables, maxTombstones: number) {
    this.#tables = tables;
    this.#services = new Tombstones(maxTombstones);
    this.#nodes = new Tombstones(maxTombstones);
    this.#kv = new Tombstones(maxTombstones);
  }

  load(revision: number): void {
    this.#loaded = Math.max(1, revision);
  }

  move(delta: CatalogDelta, endedServices: Iterable<string>): void {
    const { revision } = delta;
    for (const key of endedServices) this.#services.add(key, revision);
    for (const name of delta.nodes)
      if (this.#tables.nodes.get(name) === undefined) this.#nodes.add(name, revision);
    for (const key of delta.kvKeys) {
      if (find(this.#tables.roots.kvs, byKvKey, key) === undefined) this.#kv.add(key, revision);
    }
    this.#lists.set('all', revision);
    if (delta.serviceList) this.#lists.set('services', revision);
    if (delta.nodeList) this.#lists.set('nodes', revision);
    if (delta.checkList) this.#lists.set('checks', revision);
    if (delta.rules) this.#lists.set('rules', revision);
    for (const apiVersion of apiVersionsOf(delta.ruleKeys))
      this.#lists.set(topicOf.rulesOf(apiVersion), revision);
    if (delta.leases.length > 0) this.#lists.set('leases', revision);
  }

  indexOf(topic: Topic): number {
    return Math.max(this.#loaded, this.#known(topic));
  }

  #known(topic: Topic): number {
    const slash = topic.indexOf('/');
    if (slash < 0) return this.#lists.get(topic) ?? 1;
    const name = topic.slice(slash + 1);
    switch (topic.slice(0, slash)) {
      case 'service':
        return this.#tables.services.get(name)?.modifyRevision ?? this.#services.at(name);
      case 'node':
        return this.#tables.nodes.get(name)?.modifyRevision ?? this.#nodes.at(name);
      case 'kv':
        return find(this.#tables.roots.kvs, byKvKey, name)?.modifyRevision ?? this.#kv.at(name);
      case 'kv-prefix':
        return Math.max(
          largestInRun(this.#tables.roots.kvs, underPrefix, name, modifyRevisionOf),
          this.#kv.under(name),
        );
      case 'rules':
        return this.#lists.get(topic) ?? 1;
      default:
        return 1;
    }
  }
}

function modifyRevisionOf(entry: Entry): number {
  return entry.modifyRevision;
}

import type { PreparedQuery } from '@portolan/core/catalog/prepared-query.ts';
import type { CatalogReader } from '@portolan/core/catalog/reader.ts';
import type { Entry, InstanceRecord, NodeRecord } from '@portolan/core/catalog/records.ts';
import type { TrafficModel } from '@portolan/core/traffic/model.ts';
import type { View } from '../../contract.ts';
import { PreparedQueryBook } from '../../prepared-query-book.ts';
import { upstreamLabel } from '../../upstream-names.ts';
import { formatAddress, parseAddress } from './address.ts';
import type { UpstreamSource } from './upstream-zone.ts';

/** The catalog as DNS asks it: also by folded node name, and by address. */
export interface Directory extends UpstreamSource {
  readonly catalog: CatalogReader;
  /** By lower-case name; of several that differ in case only, one and always the same. */
  nodeByFoldedName(name: string): Entry<NodeRecord> | undefined;
  /** Who has this address (canonical text). In order of node. */
  ownersOf(address: string): readonly AddressOwner[];
  /** The prepared query of that id or name, its template put in. */
  preparedQuery(name: string): PreparedQuery | undefined;
}

export type AddressOwner =
  | { readonly kind: 'node'; readonly node: NodeRecord }
  | { readonly kind: 'instance'; readonly instance: InstanceRecord };

/**
 * Both indexes are built when first asked for, and then brought up to date for the nodes that changed since: a change costs
 * one entry in a set, whatever hangs on the node, and an installation that never asks pays nothing.
 */
export class CatalogDirectory implements Directory {
  readonly #view: () => Pick<View, 'catalog' | 'traffic'>;
  readonly #names = new MultiMap();
  readonly #addresses = new MultiMap();
  readonly #queries: PreparedQueryBook;
  /** Clusters of the traffic model by their label; those that are gone may be there still. */
  #labels: Map<string, string> | undefined;
  #staleNames: Set<string> | 'all' = 'all';
  #staleAddresses: Set<string> | 'all' = 'all';

  constructor(view: () => Pick<View, 'catalog' | 'traffic'>) {
    this.#view = view;
    this.#queries = new PreparedQueryBook(() => view().catalog);
  }

  get catalog(): CatalogReader {
    return this.#view().catalog;
  }

  get traffic(): TrafficModel {
    return this.#view().traffic;
  }

  get revision(): number {
    return this.catalog.revision;
  }

  clusterLabelled(label: string): string | undefined {
    this.#labels ??= new Map(
      Iterator.from(this.traffic.clusters.keys()).map((name) => [upstreamLabel(name), name]),
    );
    return this.#labels.get(label);
  }

  /** These clusters changed, came or went. */
  clustersChanged(names: ReadonlySet<string>): void {
    if (this.#labels === undefined) return;
    for (const name of names) this.#labels.set(upstreamLabel(name), name);
    // Built anew when it is asked again: names that are gone must not add up.
    if (this.#labels.size > 2 * this.traffic.clusters.size + 1_000) this.#labels = undefined;
  }

  /** These nodes, their instances or checks have changed; `listMoved`: some node came, went or changed itself. */
  changed(nodes: ReadonlySet<string>, listMoved: boolean): void {
    for (const node of nodes) {
      if (this.#staleAddresses !== 'all') this.#staleAddresses.add(node);
      if (listMoved && this.#staleNames !== 'all') this.#staleNames.add(node);
    }
  }

  nodeByFoldedName(name: string): Entry<NodeRecord> | undefined {
    for (const node of this.#take(this.#staleNames)) {
      const exists = this.catalog.node(node) !== undefined;
      this.#names.replace(node, exists ? [node.toLowerCase()] : []);
    }
    this.#staleNames = new Set();
    const [first] = [...this.#names.get(name)].sort();
    return first === undefined ? undefined : this.catalog.node(first);
  }

  ownersOf(address: string): readonly AddressOwner[] {
    for (const node of this.#take(this.#staleAddresses)) {
      this.#addresses.replace(
        node,
        this.#owners(node).map(([owned]) => owned),
      );
    }
    this.#staleAddresses = new Set();
    return [...this.#addresses.get(address)].sort().flatMap((node) =>
      this.#owners(node)
        .filter(([owned]) => owned === address)
        .map(([, owner]) => owner),
    );
  }

  preparedQuery(name: string): PreparedQuery | undefined {
    return this.#queries.resolve(name);
  }

  #take(stale: Set<string> | 'all'): Iterable<string> {
    return stale === 'all' ? Iterator.from(this.catalog.nodes()).map((entry) => entry.record.name) : stale;
  }

  #owners(name: string): [address: string, AddressOwner][] {
    const owners: [string, AddressOwner][] = [];
    const node = this.catalog.node(name)?.record;
    if (node !== undefined) add(owners, node.address, { kind: 'node', node });
    for (const { record: instance } of this.catalog.instancesOnNode(name)) {
      add(owners, instance.address, { kind: 'instance', instance });
    }
    return owners;
  }
}

function add(owners: [string, AddressOwner][], text: string, owner: AddressOwner): void {
  const bytes = parseAddress(text);
  if (bytes !== undefined) owners.push([formatAddress(bytes), owner]);
}

/** Owners by key; what one owner contributes is replaced as a whole. */
class MultiMap {
  readonly #owners = new Map<string, Set<string>>();
  readonly #keys = new Map<string, readonly string[]>();

  get(key: string): ReadonlySet<string> {
    return this.#owners.get(key) ?? none;
  }

  replace(owner: string, keys: readonly string[]): void {
    for (const key of this.#keys.get(owner) ?? []) this.#remove(key, owner);
    if (keys.length === 0) this.#keys.delete(owner);
    else this.#keys.set(owner, keys);
    for (const key of keys) {
      const owners = this.#owners.get(key);
      if (owners === undefined) this.#owners.set(key, new Set([owner]));
      else owners.add(owner);
    }
  }

  #remove(key: string, owner: string): void {
    const owners = this.#owners.get(key);
    owners?.delete(owner);
    if (owners?.size === 0) this.#owners.delete(key);
  }
}

const none: ReadonlySet<string> = new Set();

import type { CatalogReader, ServiceView } from '../../catalog/reader.ts';
import { eachPossiblePair, type LabelPair } from './instance-labels.ts';

/** `<namespace>\0<key>\0<value>`. */
type PairKey = string;

/**
 * Which registered services have instances with a label, so that neither a new selector nor a changed instance looks through all of
 * them. Built when the first selector comes: whoever has none pays nothing.
 */
export interface LabelIndex {
  /** Says which services may match from now on, and tells `watcher` of those that change. */
  watch(watcher: string, namespace: string, pairs: readonly LabelPair[]): readonly string[];
  unwatch(watcher: string): void;
  /** Who may see something else now that the service (`<namespace>/<name>`) has changed. */
  serviceChanged(key: string, service: ServiceView | undefined): ReadonlySet<string>;
  clear(): void;
}

const nobody: ReadonlySet<string> = new Set();

/** @param catalog asked once, when the first watcher comes */
export function createLabelIndex(catalog: () => CatalogReader): LabelIndex {
  const servicesOf = new Map<PairKey, Set<string>>();
  const pairsOf = new Map<string, ReadonlySet<PairKey>>();
  const watchersOf = new Map<PairKey, Set<string>>();
  const anchorOf = new Map<string, PairKey>();
  let built = false;

  function write(key: string, service: ServiceView | undefined): ReadonlySet<PairKey> {
    const before = pairsOf.get(key) ?? nobody;
    const after = service === undefined ? nobody : pairsIn(service);
    for (const pair of before) if (!after.has(pair)) removeFrom(servicesOf, pair, key);
    for (const pair of after) if (!before.has(pair)) addTo(servicesOf, pair, key);
    if (after.size === 0) pairsOf.delete(key);
    else pairsOf.set(key, after);
    return before;
  }

  return {
    watch(watcher, namespace, pairs) {
      if (!built) {
        built = true;
        for (const service of catalog().services()) write(`${service.namespace}/${service.name}`, service);
      }
      let anchor: PairKey = '';
      let fewest: ReadonlySet<string> | undefined;
      for (const [name, value] of pairs) {
        const pair = `${namespace}\0${name}\0${value}`;
        const having = servicesOf.get(pair) ?? nobody;
        if (fewest !== undefined && fewest.size <= having.size) continue;
        anchor = pair;
        fewest = having;
      }
      addTo(watchersOf, anchor, watcher);
      anchorOf.set(watcher, anchor);
      return [...(fewest ?? nobody)];
    },

    unwatch(watcher) {
      const anchor = anchorOf.get(watcher);
      if (anchor === undefined) return;
      anchorOf.delete(watcher);
      removeFrom(watchersOf, anchor, watcher);
    },

    serviceChanged(key, service) {
      if (!built) return nobody;
      const before = write(key, service);
      if (watchersOf.size === 0) return nobody;
      const found = new Set<string>();
      const tell = (pairs: ReadonlySet<PairKey>): void => {
        for (const pair of pairs) for (const watcher of watchersOf.get(pair) ?? nobody) found.add(watcher);
      };
      tell(before);
      tell(pairsOf.get(key) ?? nobody);
      return found;
    },

    clear() {
      for (const map of [servicesOf, pairsOf, watchersOf, anchorOf]) map.clear();
      built = false;
    },
  };
}

/** Copies of a service have mostly the same labels: what is there already is not written again. */
function pairsIn(service: ServiceView): ReadonlySet<PairKey> {
  const values = new Map<string, Set<string>>();
  const pairs = new Set<PairKey>();
  for (const { record } of service.instances()) {
    eachPossiblePair(record, (name, value) => {
      const known = values.get(name);
      if (known === undefined) values.set(name, new Set([value]));
      else if (known.has(value)) return;
      else known.add(value);
      pairs.add(`${service.namespace}\0${name}\0${value}`);
    });
  }
  return pairs;
}

function addTo(sets: Map<string, Set<string>>, key: string, value: string): void {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([value]));
  else set.add(value);
}

function removeFrom(sets: Map<string, Set<string>>, key: string, value: string): void {
  const set = sets.get(key);
  set?.delete(value);
  if (set?.size === 0) sets.delete(key);
}

/** What a scrape asks for. */
export interface MetricsSelection {
  /** `total`: all clusters and all routes as one. Else only these clusters, and no routes. Default: all, up to the limit. */
  readonly clusters?: 'total' | ReadonlySet<string>;
}

interface Named {
  readonly name: string;
}

/** Clusters, and routes, with series of their own: some 4 KB of text each. */
const maxNamed = 1_000;
/** The label of all others together. No service may be called so: names of clusters have no parentheses. */
const others = '(others)';

/**
 * Who has series of its own. The first that had requests keep theirs for as long as they exist, so that no series jumps between its own name and the rest;
 * those that come later add up in one.
 */
export class SeriesBook {
  readonly #limit: number;
  readonly #clusters = new Set<string>();
  readonly #routes = new Set<string>();

  constructor(limit = maxNamed) {
    this.#limit = limit;
  }

  /** @param used sorted by name */
  clusters<T extends Named>(
    used: readonly T[],
    add: (left: T, right: T) => T,
    selection: MetricsSelection,
  ): T[] {
    const { clusters } = selection;
    if (clusters === 'total') return summed(used, add);
    if (clusters !== undefined) return used.filter(({ name }) => clusters.has(name));
    return this.#bounded(this.#clusters, used, add);
  }

  routes<T extends Named>(
    used: readonly T[],
    add: (left: T, right: T) => T,
    selection: MetricsSelection,
  ): T[] {
    if (selection.clusters === 'total') return summed(used, add);
    return selection.clusters === undefined ? this.#bounded(this.#routes, used, add) : [];
  }

  #bounded<T extends Named>(known: Set<string>, used: readonly T[], add: (left: T, right: T) => T): T[] {
    const present = new Set(used.map(({ name }) => name));
    for (const name of known) if (!present.has(name)) known.delete(name);
    for (const { name } of used) if (known.size < this.#limit) known.add(name);
    const own = used.filter(({ name }) => known.has(name));
    return own.length === used.length
      ? own
      : [
          ...own,
          ...summed(
            used.filter(({ name }) => !known.has(name)),
            add,
          ),
        ];
  }
}

/** One for all, without what is known of each: its endpoints would be a list without end. */
function summed<T extends Named>(all: readonly T[], add: (left: T, right: T) => T): T[] {
  const [first, ...rest] = all;
  return first === undefined ? [] : [{ ...rest.reduce(add, first), name: others }];
}

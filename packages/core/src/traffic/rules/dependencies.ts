/** Who looked at what, both ways: names of readers and of things. */
export interface Dependencies {
  /** `reader` looked at exactly `things` (no longer at what it did before). */
  set(reader: string, things: ReadonlySet<string>): void;
  readersOf(thing: string): Iterable<string>;
  clear(): void;
}

const nobody: ReadonlySet<string> = new Set();

export function createDependencies(): Dependencies {
  const thingsOf = new Map<string, ReadonlySet<string>>();
  const readers = new Map<string, Set<string>>();

  return {
    set(reader, things) {
      for (const thing of thingsOf.get(reader) ?? nobody) {
        if (things.has(thing)) continue;
        const left = readers.get(thing);
        left?.delete(reader);
        if (left?.size === 0) readers.delete(thing);
      }
      for (const thing of things) {
        const present = readers.get(thing);
        if (present === undefined) readers.set(thing, new Set([reader]));
        else present.add(reader);
      }
      if (things.size === 0) thingsOf.delete(reader);
      else thingsOf.set(reader, things);
    },
    readersOf: (thing) => readers.get(thing) ?? nobody,
    clear() {
      thingsOf.clear();
      readers.clear();
    },
  };
}

import { sameJson } from '../../base/json.ts';

/** Things that several owners ask for by name, each there while somebody does. Who asks for the same name means the same. */
export interface Shared<T> {
  /** `owner` asks for exactly these. */
  set(owner: string, items: ReadonlyMap<string, T>): void;
  /** What everybody who asks for the name means now. */
  renew(name: string, value: T): void;
  clear(): void;
}

/** @param write called with what a name stands for now; undefined: nobody asks for it any more */
export function createShared<T>(write: (name: string, value: T | undefined) => void): Shared<T> {
  const values = new Map<string, { value: T; owners: number }>();
  const itemsOf = new Map<string, ReadonlyMap<string, T>>();

  return {
    set(owner, items) {
      const before = itemsOf.get(owner);
      for (const [name, value] of items) {
        const present = values.get(name);
        if (present === undefined) values.set(name, { value, owners: 1 });
        else if (!before?.has(name)) present.owners += 1;
        if (present !== undefined && sameJson(present.value, value)) continue;
        if (present !== undefined) present.value = value;
        write(name, value);
      }
      for (const name of before?.keys() ?? []) {
        const present = values.get(name);
        if (items.has(name) || present === undefined || --present.owners > 0) continue;
        values.delete(name);
        write(name, undefined);
      }
      if (items.size === 0) itemsOf.delete(owner);
      else itemsOf.set(owner, items);
    },
    renew(name, value) {
      const present = values.get(name);
      if (present === undefined || sameJson(present.value, value)) return;
      present.value = value;
      write(name, value);
    },
    clear() {
      values.clear();
      itemsOf.clear();
    },
  };
}

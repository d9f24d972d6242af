import type { CatalogRecord } from './records.ts';

/** Freezes a record and what hangs on it. What is frozen already is taken to be so all the way down. */
export function frozenRecord<R extends CatalogRecord>(record: R): R {
  freezeAll(record);
  return record;
}

function freezeAll(value: object): void {
  if (Object.isFrozen(value)) return;
  Object.freeze(value);
  const holder = value as Readonly<Record<string, unknown>>;
  for (const key in holder) {
    const held = holder[key];
    if (typeof held === 'object' && held !== null) freezeAll(held);
  }
}

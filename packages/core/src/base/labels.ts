/**
 * A flat string map whose keys come from the network. It has no prototype, so a key named `__proto__` is a key like
 * any other. Build one with `labels()`; treat it as frozen.
 */
export type Labels = Readonly<Record<string, string>>;

/** The empty map, shared. */
export const noLabels: Labels = Object.freeze(Object.create(null) as Record<string, string>);

/** A frozen map without prototype from pairs; a later pair wins over an earlier one of the same key. */
export function labels(pairs: Iterable<readonly [string, string]>): Labels {
  const map = Object.create(null) as Record<string, string>;
  let empty = true;
  for (const [key, value] of pairs) {
    map[key] = value;
    empty = false;
  }
  return empty ? noLabels : Object.freeze(map);
}

/** The same from an object, such as one that `JSON.parse` gave. */
export function labelsFrom(object: Readonly<Record<string, string>>): Labels {
  return labels(Object.entries(object));
}

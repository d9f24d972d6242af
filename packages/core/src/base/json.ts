/** Plain data. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/**
 * Whether two plain values are equal by content; the order of an object's keys does not matter. An absent key and one that
 * holds `undefined` mean the same: JSON keeps neither.
 */
export function sameJson(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
  if (Array.isArray(left) || Array.isArray(right)) return sameArray(left, right);
  const leftRecord = left as Readonly<Record<string, unknown>>;
  const rightRecord = right as Readonly<Record<string, unknown>>;
  // Loops without a closure or a list of keys: every write of the catalog compares.
  let unmatched = 0;
  for (const key in leftRecord) {
    const value = leftRecord[key];
    if (value === undefined) continue;
    if (!Object.hasOwn(rightRecord, key) || !sameJson(value, rightRecord[key])) return false;
    unmatched++;
  }
  for (const key in rightRecord) if (rightRecord[key] !== undefined) unmatched--;
  return unmatched === 0;
}

function sameArray(left: unknown, right: unknown): boolean {
  if (!Array.isArray(left) || !Array.isArray(right) || left.length !== right.length) return false;
  for (let at = 0; at < left.length; at++) if (!sameJson(left[at], right[at])) return false;
  return true;
}

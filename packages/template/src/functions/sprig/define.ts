import type { TemplateFunction } from '../../language/builtins.ts';
import { formatValue } from '../../language/format.ts';
import { Float, GoMap, typeName, type Value } from '../../language/values.ts';
import { count, int, text } from '../arguments.ts';

/** A function's name without the prefix, and the function. */
export type Definition = readonly [name: string, apply: TemplateFunction];

/** Takes exactly `arity` arguments. */
export function exactly(arity: number, apply: TemplateFunction): TemplateFunction {
  return (...args) => {
    count(args, arity);
    return apply(...args);
  };
}

/** Takes `least` arguments or more. */
export function atLeast(least: number, apply: TemplateFunction): TemplateFunction {
  return (...args) => {
    count(args, least, Number.POSITIVE_INFINITY);
    return apply(...args);
  };
}

/** Takes `arity` strings. */
export function ofTexts(arity: number, apply: (...texts: string[]) => Value): TemplateFunction {
  return exactly(arity, (...args) => apply(...args.map(text)));
}

/** Takes a whole number and a string. */
export function ofIntAndText(apply: (number: number, subject: string) => Value): TemplateFunction {
  return exactly(2, (number, subject) => apply(int(number), text(subject)));
}

/** Any value as text: sprig's `toString`. */
export function shown(value: Value | undefined): string {
  return formatValue(value ?? null);
}

/** A list of anything as a list of texts, without its nils; one value is a list of one, nil an empty one. */
export function texts(value: Value | undefined): readonly string[] {
  if (value === null || value === undefined) return [];
  return Array.isArray(value)
    ? value.filter((item: Value) => item !== null).map((item: Value) => shown(item))
    : [shown(value)];
}

export function bool(value: Value | undefined): boolean {
  if (typeof value === 'boolean') return value;
  throw new Error(`expected bool; got ${typeName(value)}`);
}

/** A `map[string]interface{}`: of strings only is another type in Go, and is refused there as well. */
export function dict(value: Value | undefined): Map<string | number, Value> {
  // Maps of anything are made by this very rendering, never shared with another one: they may be written to.
  if (value instanceof GoMap && value.zero === undefined) return value.entries as Map<string | number, Value>;
  throw new Error(`expected map[string]interface {}; got ${typeName(value)}`);
}

/** Sprig's notion of nothing: the zero of every type, and what has no length. */
export function isEmpty(value: Value | undefined): boolean {
  if (value === undefined || value === null || value === '' || value === 0 || value === false) return true;
  if (value instanceof Float) return value.value === 0;
  if (value instanceof GoMap) return value.entries.size === 0;
  return Array.isArray(value) && value.length === 0;
}

/** Go's `reflect.DeepEqual`. */
export function deepEqual(left: Value | undefined, right: Value | undefined): boolean {
  if (left instanceof Float && right instanceof Float) return left.value === right.value;
  if (left instanceof GoMap && right instanceof GoMap) return equalMaps(left, right);
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((item: Value, at) => deepEqual(item, right[at]));
  }
  return left === right;
}

function equalMaps(left: GoMap, right: GoMap): boolean {
  if (left.entries.size !== right.entries.size) return false;
  return [...left.entries].every(
    ([key, value]) => right.entries.has(key) && deepEqual(value, right.entries.get(key)),
  );
}

/** One value may become this long, or this many items: a template is not for filling memory. */
export const maxLength = 16 * 1024 * 1024;
export const maxItems = 1_000_000;

/** Throws before something too long is made. */
export function limit(name: string, length: number, most: number): void {
  if (!(length <= most)) throw new Error(`${name}: more than ${most}`);
}

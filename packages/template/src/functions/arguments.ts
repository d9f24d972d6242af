import { Float, GoMap, typeName, type Value } from '../language/values.ts';

/** What functions ask of their arguments. Each throws an `Error` that says what was wanted and what came. */
export function text(value: Value | undefined): string {
  if (typeof value === 'string') return value;
  throw new Error(`expected string; got ${typeName(value)}`);
}

export function int(value: Value | undefined): number {
  if (typeof value === 'number') return value;
  if (value instanceof Float && Number.isInteger(value.value)) return value.value;
  throw new Error(`expected int; got ${typeName(value)}`);
}

export function list(value: Value | undefined): readonly Value[] {
  if (Array.isArray(value)) return value;
  if (value === null || value === undefined) return [];
  throw new Error(`expected a list; got ${typeName(value)}`);
}

export function map(value: Value | undefined): GoMap {
  if (value instanceof GoMap) return value;
  throw new Error(`expected a map; got ${typeName(value)}`);
}

/** Fails unless there are between `least` and `most` arguments. */
export function count(args: readonly Value[], least: number, most = least): void {
  if (args.length >= least && args.length <= most) return;
  const wanted =
    least === most
      ? `${least}`
      : most === Number.POSITIVE_INFINITY
        ? `at least ${least}`
        : `${least} to ${most}`;
  throw new Error(`wrong number of args: want ${wanted} got ${args.length}`);
}

import { Callable, Float, GoMap, Struct, typeName, type Value } from '../../language/values.ts';
import { text } from '../arguments.ts';
import { atLeast, type Definition, exactly, isEmpty } from './define.ts';

/** What a value is, and what stands in for one that is nothing. Every whole number is an `int`. */
export const typeFunctions: readonly Definition[] = [
  ['typeOf', exactly(1, typeOf)],
  ['typeIs', exactly(2, (type, value) => typeOf(value) === text(type))],
  ['typeIsLike', exactly(2, (type, value) => [text(type), `*${text(type)}`].includes(typeOf(value)))],
  ['kindOf', exactly(1, kindOf)],
  ['kindIs', exactly(2, (kind, value) => kindOf(value) === text(kind))],
  ['default', atLeast(1, (otherwise, given) => (isEmpty(given) ? otherwise : given) ?? null)],
  ['empty', exactly(1, isEmpty)],
  ['coalesce', (...args) => args.find((value) => !isEmpty(value)) ?? null],
  ['all', (...args) => !args.some(isEmpty)],
  ['any', (...args) => args.some((value) => !isEmpty(value))],
];

function typeOf(value: Value | undefined): string {
  return value === null || value === undefined ? '<nil>' : typeName(value);
}

function kindOf(value: Value | undefined): string {
  if (value === null || value === undefined) return 'invalid';
  if (value instanceof Float) return 'float64';
  if (value instanceof GoMap) return 'map';
  if (value instanceof Struct) return value.typeName.startsWith('*') ? 'ptr' : 'struct';
  if (value instanceof Callable) return 'func';
  return Array.isArray(value) ? 'slice' : typeName(value);
}

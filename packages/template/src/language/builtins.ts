import { formatValue, sprint, sprintln } from './format.ts';
import { sprintf } from './printf.ts';
import { htmlEscape, jsEscape, queryEscape } from './quote.ts';
import { Callable, compareText, Float, GoMap, isTrue, Struct, typeName, type Value } from './values.ts';

/** A function that templates can call. It throws an `Error` whose message says what is wrong with its arguments. */
export type TemplateFunction = (...args: readonly Value[]) => Value;

/** `text/template`'s own functions, without `and` and `or`: those stop early, so the runner has them. */
export const builtins: ReadonlyMap<string, TemplateFunction> = new Map<string, TemplateFunction>([
  ['not', (value) => !isTrue(value)],
  ['len', len],
  ['index', index],
  ['slice', slice],
  ['print', (...args) => sprint(args)],
  ['println', (...args) => sprintln(args)],
  ['printf', (format, ...args) => sprintf(text(format), args)],
  ['html', (...args) => htmlEscape(joined(args))],
  ['js', (...args) => jsEscape(joined(args))],
  ['urlquery', (...args) => queryEscape(joined(args))],
  ['call', call],
  ['eq', (first, ...others) => equalsAny(first, others)],
  ['ne', (left, right) => !equalsAny(left, [given(right)])],
  ['lt', (left, right) => compare(left, right) < 0],
  ['le', (left, right) => compare(left, right) <= 0],
  ['gt', (left, right) => compare(left, right) > 0],
  ['ge', (left, right) => compare(left, right) >= 0],
]);

function joined(args: readonly Value[]): string {
  const [only] = args;
  return args.length === 1 && typeof only === 'string' ? only : sprint(args);
}

function given(value: Value | undefined): Value {
  if (value === undefined) throw new Error('missing argument for comparison');
  return value;
}

function text(value: Value | undefined): string {
  if (typeof value !== 'string') throw new Error(`expected string; got ${typeName(value)}`);
  return value;
}

function len(value: Value | undefined): Value {
  if (typeof value === 'string') return new TextEncoder().encode(value).length;
  if (value instanceof GoMap) return value.entries.size;
  if (Array.isArray(value)) return value.length;
  if (value === null || value === undefined) throw new Error('len of nil pointer');
  throw new Error(`len of type ${typeName(value)}`);
}

function index(value: Value | undefined, ...keys: readonly Value[]): Value {
  let found: Value = value ?? null;
  if (found === null) throw new Error('index of untyped nil');
  for (const key of keys) found = indexOne(found, key);
  return found;
}

function indexOne(value: Value, key: Value): Value {
  if (value instanceof GoMap) {
    const wanted = typeof value.entries.keys().next().value === 'number' ? 'number' : 'string';
    if (typeof key !== wanted || (typeof key !== 'string' && typeof key !== 'number')) {
      throw new Error(`value has type ${typeName(key)}; should be ${wanted === 'number' ? 'int' : 'string'}`);
    }
    return value.entries.get(key) ?? value.zero ?? null;
  }
  if (value === null) throw new Error('index of nil pointer');
  if (typeof value === 'string') return byteAt(value, position(key, utf8(value).length));
  if (!Array.isArray(value)) throw new Error(`can't index item of type ${typeName(value)}`);
  return value[position(key, value.length)] ?? null;
}

function byteAt(value: string, at: number): number {
  return utf8(value)[at] ?? 0;
}

function utf8(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function position(key: Value, length: number): number {
  if (key === null) throw new Error('cannot index slice/array with nil');
  if (typeof key !== 'number') throw new Error(`cannot index slice/array with type ${typeName(key)}`);
  if (key < 0 || key >= length) throw new Error(`index out of range: ${key}`);
  return key;
}

function slice(value: Value | undefined, ...bounds: readonly Value[]): Value {
  if (value === null || value === undefined) throw new Error('slice of untyped nil');
  if (bounds.length > 3) throw new Error(`too many slice indexes: ${bounds.length}`);
  if (typeof value !== 'string' && !Array.isArray(value))
    throw new Error(`can't slice item of type ${typeName(value)}`);
  const bytes = typeof value === 'string' ? utf8(value) : undefined;
  const length = bytes?.length ?? (value as readonly Value[]).length;
  if (bytes !== undefined && bounds.length === 3) throw new Error('cannot 3-index slice a string');
  const [from, to] = [bounds[0] ?? 0, bounds[1] ?? length].map((bound) => sliceBound(bound, length));
  if (from === undefined || to === undefined || from > to)
    throw new Error(`invalid slice index: ${from} > ${to}`);
  return bytes === undefined
    ? (value as readonly Value[]).slice(from, to)
    : new TextDecoder().decode(bytes.subarray(from, to));
}

function sliceBound(bound: Value, length: number): number {
  if (typeof bound !== 'number') throw new Error(`cannot index slice/array with type ${typeName(bound)}`);
  if (bound < 0 || bound > length) throw new Error(`index out of range: ${bound}`);
  return bound;
}

function call(callee: Value | undefined, ...args: readonly Value[]): Value {
  if (callee === null || callee === undefined) throw new Error('call of nil');
  if (!(callee instanceof Callable))
    throw new Error(`non-function ${formatValue(callee)} of type ${typeName(callee)}`);
  return callee.call(...args);
}

type Kind = 'int' | 'float' | 'string' | 'bool' | 'nil';

function kindOf(value: Value): Kind {
  if (value === null) return 'nil';
  if (typeof value === 'number') return 'int';
  if (typeof value === 'string') return 'string';
  if (typeof value === 'boolean') return 'bool';
  if (value instanceof Float) return 'float';
  throw new Error('non-comparable type');
}

function equalsAny(first: Value | undefined, others: readonly Value[]): boolean {
  if (first === undefined || others.length === 0) throw new Error('missing argument for comparison');
  return others.some((other) => equals(first, other));
}

function equals(left: Value, right: Value): boolean {
  if (left instanceof Struct || right instanceof Struct) return left === right;
  const leftKind = kindOf(left);
  const rightKind = kindOf(right);
  if (leftKind !== rightKind) {
    if (leftKind === 'nil' || rightKind === 'nil') return false;
    throw new Error('incompatible types for comparison');
  }
  return left instanceof Float && right instanceof Float ? left.value === right.value : left === right;
}

function compare(left: Value | undefined, right: Value | undefined): number {
  const a = given(left);
  const b = given(right);
  const kind = kindOf(a);
  const otherKind = kindOf(b);
  if (kind === 'bool' || kind === 'nil') throw new Error('invalid type for comparison');
  if (kind !== otherKind) throw new Error('incompatible types for comparison');
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b);
  return numeric(a) - numeric(b);
}

function numeric(value: Value): number {
  return value instanceof Float ? value.value : Number(value);
}

import type { TemplateFunction } from '../language/builtins.ts';
import { Float, typeName, type Value } from '../language/values.ts';
import { count, text } from './arguments.ts';

/** Whole numbers stay whole; with a float on either side the result is a float, as in Go. The second argument is the subject. */
function arithmetic(
  whole: (subject: number, by: number) => number,
  floating: (subject: number, by: number) => number,
): TemplateFunction {
  return (...args) => {
    count(args, 2);
    const [by, subject] = args.map(number);
    if (typeof by === 'number' && typeof subject === 'number') return whole(subject, by);
    return new Float(floating(plain(subject), plain(by)));
  };
}

function number(value: Value): number | Float {
  if (typeof value === 'number' || value instanceof Float) return value;
  throw new Error(`expected a number; got ${typeName(value)}`);
}

function plain(value: number | Float | undefined): number {
  return value instanceof Float ? value.value : (value ?? 0);
}

function divideWhole(subject: number, by: number): number {
  if (by === 0) throw new Error('integer divide by zero');
  return Math.trunc(subject / by);
}

function moduloWhole(subject: number, by: number): number {
  if (by === 0) throw new Error('integer divide by zero');
  return subject % by;
}

function noFloats(): never {
  throw new Error('modulo: expected int');
}

export const numberFunctions: readonly (readonly [string, TemplateFunction])[] = [
  [
    'add',
    arithmetic(
      (a, b) => a + b,
      (a, b) => a + b,
    ),
  ],
  [
    'subtract',
    arithmetic(
      (a, b) => a - b,
      (a, b) => a - b,
    ),
  ],
  [
    'multiply',
    arithmetic(
      (a, b) => a * b,
      (a, b) => a * b,
    ),
  ],
  ['divide', arithmetic(divideWhole, (a, b) => a / b)],
  ['modulo', arithmetic(moduloWhole, noFloats)],
  ['minimum', arithmetic(Math.min, Math.min)],
  ['maximum', arithmetic(Math.max, Math.max)],
  ['loop', loop],
  ['parseBool', (...args) => parsed(args, 'bool', parseBool)],
  ['parseFloat', (...args) => parsed(args, 'float', parseFloating)],
  ['parseInt', (...args) => parsed(args, 'int', (source) => parseWhole(source, /^[+-]?\d+$/))],
  ['parseUint', (...args) => parsed(args, 'uint', (source) => parseWhole(source, /^\d+$/))],
];

/** An unending list would fill the memory. */
const maxLoop = 1_000_000;

/** `loop 3` is 0 1 2; `loop 5 8` is 5 6 7. Numbers may be texts. */
function loop(...args: readonly Value[]): Value {
  if (args.length < 1 || args.length > 2)
    throw new Error(`loop: wrong number of arguments, expected 1 or 2, but got ${args.length}`);
  const bounds = args.map(loopBound);
  const [start = 0, end = 0] = bounds.length === 1 ? [0, bounds[0]] : bounds;
  if (end - start > maxLoop) throw new Error(`loop: more than ${maxLoop} steps`);
  return Array.from({ length: Math.max(0, end - start) }, (_, step) => start + step);
}

function loopBound(value: Value): number {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') throw new Error(`loop: bad argument type: ${typeName(value)}`);
  const parsedBound = value === '' ? 0 : parseWhole(value, /^[+-]?\d+$/);
  if (parsedBound === undefined)
    throw new Error(`parseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
  return parsedBound;
}

/** Nothing in, zero out: the value may come from a key that is not there yet. */
function parsed(args: readonly Value[], kind: string, parse: (source: string) => Value | undefined): Value {
  count(args, 1);
  const source = text(args[0]);
  if (source === '') return kind === 'bool' ? false : kind === 'float' ? new Float(0) : 0;
  const value = parse(source);
  if (value === undefined) throw new Error(`parsing ${JSON.stringify(source)}: not a ${kind}`);
  return value;
}

const truths = ['1', 't', 'T', 'TRUE', 'true', 'True'];
const falsehoods = ['0', 'f', 'F', 'FALSE', 'false', 'False'];

/** Go's `strconv.ParseBool`. */
export function parseBool(source: string): boolean | undefined {
  if (truths.includes(source)) return true;
  return falsehoods.includes(source) ? false : undefined;
}

/** Go's `strconv.ParseFloat`. */
function parseFloating(source: string): Float | undefined {
  const infinite = /^([+-]?)inf(?:inity)?$/i.exec(source);
  if (infinite !== null)
    return new Float(infinite[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY);
  if (/^nan$/i.test(source)) return new Float(Number.NaN);
  const hex = /^([+-]?)0x([0-9a-f]+)p([+-]?\d+)$/i.exec(source);
  if (hex !== null) return new Float((hex[1] === '-' ? -1 : 1) * Number(`0x${hex[2]}`) * 2 ** Number(hex[3]));
  const isDecimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(source);
  return isDecimal ? new Float(Number(source)) : undefined;
}

function parseWhole(source: string, form: RegExp): number | undefined {
  const value = form.test(source) ? Number(source) : Number.NaN;
  return Number.isSafeInteger(value) ? value : undefined;
}

import { Float, type Value } from '../../language/values.ts';
import { int } from '../arguments.ts';
import { type Decimal, decimal, minus, over, plus, times, toNumber } from './decimal.ts';
import { atLeast, type Definition, exactly, limit, maxItems, ofTexts, shown } from './define.ts';

export const numberFunctions: readonly Definition[] = [
  ['atoi', ofTexts(1, (source) => (/^[+-]?\d+$/.test(source) ? safe(Number(source)) : 0))],
  ['int', exactly(1, toInt)],
  ['int64', exactly(1, toInt)],
  ['float64', exactly(1, (value) => new Float(toFloat(value)))],
  ['toDecimal', exactly(1, (value) => fromOctal(shown(value)))],
  ['add1', exactly(1, (value) => toInt(value) + 1)],
  ['add', (...args) => args.reduce((sum: number, value) => sum + toInt(value), 0)],
  ['sub', exactly(2, (from, by) => toInt(from) - toInt(by))],
  ['div', exactly(2, (of, by) => Math.trunc(toInt(of) / divisor(by)) + 0)],
  ['mod', exactly(2, (of, by) => (toInt(of) % divisor(by)) + 0)],
  ['mul', atLeast(1, (...args) => args.reduce((product: number, value) => product * toInt(value), 1))],
  ['add1f', exactly(1, (value) => folded(value, [1], plus))],
  ['addf', (...args) => folded(0, args, plus)],
  ['subf', atLeast(1, (first, ...others) => folded(first, others, minus))],
  ['divf', atLeast(1, (first, ...others) => folded(first, others, over))],
  ['mulf', atLeast(1, (first, ...others) => folded(first, others, times))],
  ['max', atLeast(1, (...args) => args.map(toInt).reduce((a, b) => Math.max(a, b)))],
  ['biggest', atLeast(1, (...args) => args.map(toInt).reduce((a, b) => Math.max(a, b)))],
  ['min', atLeast(1, (...args) => args.map(toInt).reduce((a, b) => Math.min(a, b)))],
  ['maxf', atLeast(1, (...args) => new Float(args.map(toFloat).reduce((a, b) => Math.max(a, b))))],
  ['minf', atLeast(1, (...args) => new Float(args.map(toFloat).reduce((a, b) => Math.min(a, b))))],
  ['ceil', exactly(1, (value) => new Float(Math.ceil(toFloat(value))))],
  ['floor', exactly(1, (value) => new Float(Math.floor(toFloat(value))))],
  ['round', atLeast(2, round)],
  ['until', exactly(1, (count) => steps(0, int(count), int(count) < 0 ? -1 : 1))],
  ['untilStep', exactly(3, (start, stop, step) => steps(int(start), int(stop), int(step)))],
  ['seq', (...args) => sequence(args.map(int)).join(' ')],
];

function safe(value: number): number {
  return Number.isSafeInteger(value) ? value + 0 : 0;
}

/** Whatever it is as a whole number; 0 for what is none. */
export function toInt(value: Value | undefined): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (value instanceof Float) return safe(Math.trunc(value.value));
  return typeof value === 'string' ? wholeOf(value) : 0;
}

/** Go's `ParseInt` with base 0: `0x1f`, `010` and `0b1` have theirs; decimals may only be zeros. */
function wholeOf(source: string): number {
  const [, sign = '', written = ''] = /^([+-]?)(.+?)(?:\.0*)?$/s.exec(source) ?? [];
  const digits = written.replace(/(?<=[0-9a-fA-F])_(?=[0-9a-fA-F])/g, '');
  const isWhole = /^(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9]\d*)$/.test(digits);
  if (!isWhole) return 0;
  const magnitude = /^0[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number(digits);
  return safe(sign === '-' ? -magnitude : magnitude);
}

export function toFloat(value: Value | undefined): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (value instanceof Float) return value.value;
  if (typeof value !== 'string') return 0;
  const infinite = /^([+-]?)inf(?:inity)?$/i.exec(value);
  if (infinite !== null) return infinite[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (/^nan$/i.test(value)) return Number.NaN;
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(value)) return 0;
  return Number(value);
}

function fromOctal(source: string): number {
  return /^[+-]?[0-7]+$/.test(source) ? safe(Number.parseInt(source, 8)) : 0;
}

function divisor(value: Value | undefined): number {
  const by = toInt(value);
  if (by === 0) throw new Error('integer divide by zero');
  return by;
}

function folded(
  first: Value | undefined,
  others: readonly Value[],
  apply: (left: Decimal, right: Decimal) => Decimal,
): Float {
  const start = decimal(toFloat(first));
  return new Float(
    toNumber(others.reduce((sum: Decimal, value) => apply(sum, decimal(toFloat(value))), start)),
  );
}

/** Up when what is beyond the wanted digit is `roundOn` or more, else down; negative numbers too, as sprig has it. */
function round(value?: Value, places?: Value, on?: Value): Float {
  const scale = 10 ** int(places);
  const roundOn = on === undefined ? 0.5 : toFloat(on);
  const digit = scale * toFloat(value);
  const up = digit - Math.trunc(digit) >= roundOn;
  return new Float((up ? Math.ceil(digit) : Math.floor(digit)) / scale);
}

/** From `start` up to, but without, `stop`. */
function steps(start: number, stop: number, step: number): readonly number[] {
  const runs = stop < start ? step < 0 : step > 0;
  if (!runs) return [];
  const length = Math.ceil((stop - start) / step);
  limit('untilStep', length, maxItems);
  return Array.from({ length }, (_, at) => start + at * step);
}

/** As the command `seq` counts. */
function sequence(bounds: readonly number[]): readonly number[] {
  const [first = 0, second = 0, third = 0] = bounds;
  if (bounds.length === 0 || bounds.length > 3) return [];
  if (bounds.length === 3) {
    const down = third < first;
    return down === second > 0 && down ? [] : steps(first, third + (down ? -1 : 1), second);
  }
  const [start, end] = bounds.length === 1 ? [1, first] : [first, second];
  const direction = end < start ? -1 : 1;
  return steps(start, end + direction, direction);
}

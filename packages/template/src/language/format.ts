import { Callable, Float, GoMap, Struct, type Value } from './values.ts';

/** What Go's `fmt.Sprint` makes of one value: the `%v` form. */
export function formatValue(value: Value | undefined): string {
  if (value === undefined || value === null) return '<nil>';
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (value instanceof Float) return formatFloat(value.value, 'g', undefined);
  if (value instanceof GoMap) {
    return `map[${value
      .sorted()
      .map(([key, item]) => `${key}:${formatValue(item)}`)
      .join(' ')}]`;
  }
  if (value instanceof Struct && value.shown !== undefined) return value.shown();
  if (value instanceof Struct) return `{${[...value.fields.values()].map(formatValue).join(' ')}}`;
  if (value instanceof Callable) return `func ${value.name}`;
  return `[${value.map(formatValue).join(' ')}]`;
}

/** Go's `fmt.Sprint`: a space between two operands when neither is a string. */
export function sprint(values: readonly Value[]): string {
  let text = '';
  values.forEach((value, at) => {
    const before = values[at - 1];
    if (at > 0 && typeof value !== 'string' && typeof before !== 'string') text += ' ';
    text += formatValue(value);
  });
  return text;
}

/** Go's `fmt.Sprintln`. */
export function sprintln(values: readonly Value[]): string {
  return `${values.map(formatValue).join(' ')}\n`;
}

type FloatVerb = 'e' | 'E' | 'f' | 'F' | 'g' | 'G';

/** Go's `strconv.FormatFloat`; no precision means the shortest that reads back the same (six digits for `f` and `e` in `fmt`). */
export function formatFloat(value: number, verb: FloatVerb, precision: number | undefined): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  switch (verb) {
    case 'f':
    case 'F':
      return withSign(value, fixed(Math.abs(value), precision ?? 6));
    case 'e':
    case 'E':
      return letterCase(verb, exponentForm(value, value.toExponential(Math.min(precision ?? 6, 100))));
    case 'g':
    case 'G':
      return letterCase(verb, shortest(value, precision));
  }
}

function letterCase(verb: FloatVerb, text: string): string {
  return verb === 'E' || verb === 'G' ? text.toUpperCase() : text;
}

function withSign(value: number, magnitude: string): string {
  return value < 0 || Object.is(value, -0) ? `-${magnitude}` : magnitude;
}

/** `toFixed` gives up at 1e21; beyond that the digits are whole and exact in BigInt. */
function fixed(magnitude: number, precision: number): string {
  if (magnitude < 1e21) return magnitude.toFixed(Math.min(precision, 100));
  return precision > 0 ? `${BigInt(magnitude)}.${'0'.repeat(precision)}` : `${BigInt(magnitude)}`;
}

/** JavaScript writes `1e+6`, Go `1e+06`. */
function exponentForm(value: number, text: string): string {
  const padded = text.replace(/e([+-])(\d)$/, 'e$10$2');
  return Object.is(value, -0) ? `-${padded}` : padded;
}

function shortest(value: number, precision: number | undefined): string {
  const wanted = precision === 0 ? 1 : precision;
  const scientific =
    wanted === undefined ? value.toExponential() : value.toExponential(Math.min(wanted, 100) - 1);
  const [mantissa = '0', exponentText = '0'] = scientific.split('e');
  const exponent = Number(exponentText);
  const digits = mantissa.replace(/[-.]/g, '').replace(/0+$/, '').length || 1;
  let limit = wanted ?? 6;
  if (limit > digits && digits >= exponent + 1) limit = digits;
  if (exponent < -4 || exponent >= limit) {
    const trimmed = mantissa.includes('.') ? mantissa.replace(/\.?0+$/, '') : mantissa;
    return exponentForm(value, `${trimmed}e${exponent < 0 ? '-' : '+'}${Math.abs(exponent)}`);
  }
  const decimals = Math.max(0, digits - 1 - exponent);
  return withSign(value, fixed(Math.abs(value), decimals));
}

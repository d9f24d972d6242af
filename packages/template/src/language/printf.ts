import { formatFloat, formatValue } from './format.ts';
import { goQuote } from './quote.ts';
import { Callable, Float, GoMap, Struct, typeName, type Value } from './values.ts';

interface Directive {
  readonly verb: string;
  readonly plus: boolean;
  readonly minus: boolean;
  readonly sharp: boolean;
  readonly space: boolean;
  readonly zero: boolean;
  readonly width: number | undefined;
  readonly precision: number | undefined;
}

/** Wider fields are cut: a template's text is not for filling memory. */
const maxWidth = 1_000_000;

/** Go's `fmt.Sprintf`, with its complaints (`%!d(string=x)`, `%!s(MISSING)`, `%!(EXTRA …)`) in the text as Go has them. */
export function sprintf(format: string, args: readonly Value[]): string {
  let next = 0;
  let reordered = false;
  const directive = /%([+\-# 0]*)(?:\[(\d+)\])?(\*|\d+)?(?:\.(\*|\d*))?(?:\[(\d+)\])?(.)?/gsu;
  const text = format.replace(
    directive,
    (_, flags: string, first, width, precision, second, verb?: string) => {
      if (verb === undefined) return '%!(NOVERB)';
      const index = second ?? first;
      if (verb === '%') return '%';
      if (index !== undefined) {
        reordered = true;
        next = Number(index) - 1;
      }
      const takeNumber = (written: string | undefined): number | undefined => {
        if (written === undefined) return undefined;
        if (written !== '*') return written === '' ? 0 : Math.min(Number(written), maxWidth);
        const value = args[next++];
        return typeof value === 'number' ? Math.min(value, maxWidth) : undefined;
      };
      const parsedWidth = takeNumber(width);
      const parsedPrecision = takeNumber(precision);
      if (next < 0 || next >= args.length)
        return `%!${verb}(${index === undefined ? 'MISSING' : 'BADINDEX'})`;
      const value = args[next++];
      return formatVerb(value ?? null, {
        verb,
        plus: flags.includes('+'),
        minus: flags.includes('-') || (parsedWidth ?? 0) < 0,
        sharp: flags.includes('#'),
        space: flags.includes(' '),
        zero: flags.includes('0') && !flags.includes('-'),
        width: parsedWidth === undefined ? undefined : Math.abs(parsedWidth),
        precision: parsedPrecision,
      });
    },
  );
  if (reordered || next >= args.length) return text;
  const extra = args
    .slice(next)
    .map((value) => (value === null ? '<nil>' : `${typeName(value)}=${formatValue(value)}`));
  return `${text}%!(EXTRA ${extra.join(', ')})`;
}

function formatVerb(value: Value, directive: Directive): string {
  const { verb } = directive;
  if (verb === 'T') return pad(value === null ? '<nil>' : typeName(value), directive);
  if (verb === 'v') return directive.sharp ? pad(goSyntax(value), directive) : formatPlain(value, directive);
  if (value === null) return `%!${verb}(<nil>)`;
  if (Array.isArray(value)) return `[${value.map((item) => formatVerb(item, directive)).join(' ')}]`;
  if (value instanceof GoMap) {
    const items = value
      .sorted()
      .map(([key, item]) => `${formatVerb(key, directive)}:${formatVerb(item, directive)}`);
    return `map[${items.join(' ')}]`;
  }
  if (value instanceof Struct) {
    if (value.shown !== undefined) return formatVerb(value.shown(), directive);
    return `{${[...value.fields.values()].map((item) => formatVerb(item, directive)).join(' ')}}`;
  }
  const text = scalar(value, directive);
  return text ?? `%!${verb}(${typeName(value)}=${formatValue(value)})`;
}

/** `%v` of a scalar obeys flags as its natural verb does. */
function formatPlain(value: Value, directive: Directive): string {
  if (value === null) return pad('<nil>', directive);
  if (value instanceof Struct && value.shown !== undefined) return pad(value.shown(), directive);
  if (value instanceof Struct && directive.plus) {
    const fields = [...value.fields].map(([name, item]) => `${name}:${formatPlain(item, directive)}`);
    return `{${fields.join(' ')}}`;
  }
  if (Array.isArray(value) || value instanceof GoMap || value instanceof Struct)
    return container(value, directive);
  const natural =
    typeof value === 'number' ? 'd' : value instanceof Float ? 'g' : typeof value === 'boolean' ? 't' : 's';
  if (value instanceof Callable) return formatValue(value);
  return scalar(value, { ...directive, verb: natural, plus: false }) ?? formatValue(value);
}

function container(value: readonly Value[] | GoMap | Struct, directive: Directive): string {
  const item = (one: Value): string => formatPlain(one, directive);
  if (value instanceof GoMap) {
    return `map[${value
      .sorted()
      .map(([key, one]) => `${item(key)}:${item(one)}`)
      .join(' ')}]`;
  }
  if (value instanceof Struct) return `{${[...value.fields.values()].map(item).join(' ')}}`;
  return `[${value.map(item).join(' ')}]`;
}

function scalar(value: Value, directive: Directive): string | undefined {
  if (typeof value === 'string') return stringVerb(value, directive);
  if (typeof value === 'number') return integerVerb(value, directive);
  if (typeof value === 'boolean') return directive.verb === 't' ? pad(String(value), directive) : undefined;
  if (value instanceof Float) return floatVerb(value.value, directive);
  return undefined;
}

function stringVerb(value: string, directive: Directive): string | undefined {
  const { verb, precision, sharp } = directive;
  const cut = precision === undefined ? value : [...value].slice(0, precision).join('');
  switch (verb) {
    case 's':
      return pad(cut, directive);
    case 'q':
      return pad(sharp && !cut.includes('`') ? `\`${cut}\`` : goQuote(cut), directive);
    case 'x':
    case 'X': {
      const hex = [...new TextEncoder().encode(value)]
        .map((byte) => byte.toString(16).padStart(2, '0'))
        .join(directive.space ? ' ' : '');
      return pad(verb === 'X' ? hex.toUpperCase() : hex, directive);
    }
    default:
      return undefined;
  }
}

const radixes: Readonly<Record<string, readonly [radix: number, prefix: string]>> = {
  b: [2, '0b'],
  d: [10, ''],
  o: [8, '0'],
  O: [8, '0o'],
  x: [16, '0x'],
  X: [16, '0X'],
};

function integerVerb(value: number, directive: Directive): string | undefined {
  const { verb } = directive;
  if (verb === 'c') return pad(String.fromCodePoint(value), directive);
  if (verb === 'q') return pad(`'${String.fromCodePoint(value)}'`, directive);
  if (verb === 'U') return pad(`U+${value.toString(16).toUpperCase().padStart(4, '0')}`, directive);
  const radix = Object.hasOwn(radixes, verb) ? radixes[verb] : undefined;
  if (radix === undefined) return undefined;
  let digits = Math.abs(value).toString(radix[0]);
  if (verb === 'X') digits = digits.toUpperCase();
  if (directive.precision !== undefined) digits = digits.padStart(directive.precision, '0');
  if (directive.sharp || verb === 'O') digits = radix[1] + digits;
  return padNumber(signOf(value < 0, directive), digits, directive, directive.precision === undefined);
}

function floatVerb(value: number, directive: Directive): string | undefined {
  const { verb } = directive;
  if (verb !== 'e' && verb !== 'E' && verb !== 'f' && verb !== 'F' && verb !== 'g' && verb !== 'G')
    return undefined;
  const text = formatFloat(value, verb, directive.precision);
  const negative = text.startsWith('-');
  return padNumber(signOf(negative, directive), text.replace(/^[-+]/, ''), directive, Number.isFinite(value));
}

function signOf(negative: boolean, directive: Directive): string {
  if (negative) return '-';
  return directive.plus ? '+' : directive.space ? ' ' : '';
}

function padNumber(sign: string, digits: string, directive: Directive, mayZero: boolean): string {
  if (directive.zero && mayZero && directive.width !== undefined) {
    return sign + digits.padStart(directive.width - sign.length, '0');
  }
  return pad(sign + digits, directive);
}

function pad(text: string, directive: Directive): string {
  if (directive.width === undefined) return text;
  const missing = directive.width - [...text].length;
  if (missing <= 0) return text;
  return directive.minus ? text + ' '.repeat(missing) : (directive.zero ? '0' : ' ').repeat(missing) + text;
}

/** `%#v`: Go source. */
function goSyntax(value: Value): string {
  if (value === null) return '<nil>';
  if (typeof value === 'string') return goQuote(value);
  if (Array.isArray(value)) return `${typeName(value)}{${value.map(goSyntax).join(', ')}}`;
  if (value instanceof GoMap) {
    const items = value.sorted().map(([key, item]) => `${goSyntax(key)}:${goSyntax(item)}`);
    return `${typeName(value)}{${items.join(', ')}}`;
  }
  if (value instanceof Struct) {
    return `${value.typeName}{${[...value.fields].map(([name, item]) => `${name}:${goSyntax(item)}`).join(', ')}}`;
  }
  return formatValue(value);
}

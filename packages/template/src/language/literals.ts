import type { Constant } from './tree.ts';

const simpleEscapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  "'": "'",
  '"': '"',
};

/** The value of a Go string literal, quoted or raw; undefined: not one. */
export function stringLiteral(text: string): string | undefined {
  if (text.startsWith('`')) return text.slice(1, -1).replaceAll('\r', '');
  return unescaped(text.slice(1, -1));
}

/** A Go character constant is a number: its code point. Undefined: not one. */
export function charLiteral(text: string): number | undefined {
  const value = unescaped(text.slice(1, -1));
  if (value === undefined) return undefined;
  const points = [...value];
  return points.length === 1 ? points[0]?.codePointAt(0) : undefined;
}

function unescaped(body: string): string | undefined {
  let valid = true;
  const value = body.replace(
    /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))/gsu,
    (_, hex?: string, short?: string, long?: string, octal?: string, simple?: string) => {
      const digits = hex ?? short ?? long;
      const code =
        digits !== undefined
          ? Number.parseInt(digits, 16)
          : octal !== undefined
            ? Number.parseInt(octal, 8)
            : undefined;
      if (code !== undefined && code <= 0x10ffff) return String.fromCodePoint(code);
      if (simple !== undefined && Object.hasOwn(simpleEscapes, simple)) return simpleEscapes[simple] ?? '';
      valid = false;
      return '';
    },
  );
  return valid ? value : undefined;
}

/** The value of a Go number literal: an int unless it is written as a float; undefined: not one, or out of range. */
export function numberLiteral(text: string): Constant | undefined {
  const digits = text.replaceAll('_', '');
  const negative = digits.startsWith('-');
  const plain = digits.replace(/^[+-]/, '');
  const integer = integerLiteral(plain);
  if (integer !== undefined) {
    return Number.isSafeInteger(integer) ? { kind: 'int', value: negative ? -integer : integer } : undefined;
  }
  const float = Number(plain);
  if (plain === '' || !Number.isFinite(float) || /^0[xX]/.test(plain)) return undefined;
  // Go: a float constant that is whole can stand where an int is wanted; as a bare value it stays a float.
  return { kind: 'float', value: negative ? -float : float };
}

function integerLiteral(plain: string): number | undefined {
  if (/^0[xX][0-9a-fA-F]+$/.test(plain) || /^0[bB][01]+$/.test(plain) || /^0[oO][0-7]+$/.test(plain))
    return Number(plain);
  if (/^0[0-7]+$/.test(plain)) return Number.parseInt(plain, 8);
  return /^\d+$/.test(plain) ? Number(plain) : undefined;
}

import { Fault } from '../base/fault.ts';

export type Token =
  | { readonly type: 'word' | 'string' | 'number'; readonly text: string; readonly at: number }
  | { readonly type: 'symbol'; readonly text: Sign; readonly at: number }
  | { readonly type: 'end'; readonly at: number };

type Sign = '(' | ')' | '[' | ']' | '{' | '}' | '.' | ',' | '==' | '!=';

const space = /\s+/y;
const word = /[\p{L}_][\p{L}\p{N}_/-]*/uy;
const number = /-?\d+(?:\.\d+)?/y;
const symbol = /==|!=|[()[\]{}.,]/y;
const quoted = /"(?:[^"\\]|\\.)*"/sy;
const raw = /`[^`]*`/sy;

/** Splits a filter into tokens. Throws an `invalid` fault that names the place of what it cannot read. */
export function tokenise(source: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < source.length) {
    const blank = take(space, source, at);
    if (blank !== undefined) {
      at += blank.length;
      continue;
    }
    const token = tokenAt(source, at);
    tokens.push(token.token);
    at += token.length;
  }
  tokens.push({ type: 'end', at });
  return tokens;
}

function tokenAt(source: string, at: number): { token: Token; length: number } {
  const name = take(word, source, at);
  if (name !== undefined) return { token: { type: 'word', text: name, at }, length: name.length };
  const digits = take(number, source, at);
  if (digits !== undefined) return { token: { type: 'number', text: digits, at }, length: digits.length };
  const sign = take(symbol, source, at);
  if (sign !== undefined) return { token: { type: 'symbol', text: sign as Sign, at }, length: sign.length };
  const string = take(quoted, source, at);
  if (string !== undefined)
    return { token: { type: 'string', text: unquote(string, at), at }, length: string.length };
  const literal = take(raw, source, at);
  if (literal !== undefined) {
    return { token: { type: 'string', text: literal.slice(1, -1), at }, length: literal.length };
  }
  throw unreadable(source, at);
}

function unreadable(source: string, at: number): Fault {
  const found =
    source[at] === '"' || source[at] === '`'
      ? 'a string that is not closed'
      : `${JSON.stringify(source[at])}`;
  return new Fault('invalid', `filter, character ${at + 1}: ${found} cannot stand here`, { path: 'filter' });
}

function take(pattern: RegExp, source: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(source)?.[0];
}

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  '"': '"',
  '\\': '\\',
  '/': '/',
};

/** The escapes of a Go string literal, as far as a filter has use for them. */
function unquote(text: string, at: number): string {
  return text.slice(1, -1).replace(/\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)/gs, (_, code: string) => {
    if (code.length > 1) return String.fromCharCode(Number.parseInt(code.slice(1), 16));
    const plain = Object.hasOwn(escapes, code) ? escapes[code] : undefined;
    if (plain === undefined) {
      throw new Fault('invalid', `filter, character ${at + 1}: unknown escape \\${code} in a string`, {
        path: 'filter',
      });
    }
    return plain;
  });
}

import { Fault } from '../base/fault.ts';
import type { Expression, MatchOperator, Selector } from './expression.ts';
import { type Token, tokenise } from './tokens.ts';

/** Longer ones are refused: nobody writes them, and evaluation costs items × length. */
export const maxFilterLength = 8192;
/** Nested parentheses, `not`s and quantifiers: what a recursive reader can hold without harm. */
const maxDepth = 64;

/**
 * Reads a filter. `or` binds weakest, then `and`, then `not`. Throws an `invalid` fault that names the place and what was
 * expected there.
 */
export function parseFilter(source: string): Expression {
  if (source.length > maxFilterLength) {
    throw new Fault('too-large', `filter: longer than ${maxFilterLength} characters`, { path: 'filter' });
  }
  const reader = new TokenReader(tokenise(source));
  const expression = readOr(reader, 0);
  if (!reader.done) throw reader.expected('"and", "or" or the end');
  return expression;
}

class TokenReader {
  readonly #tokens: readonly Token[];
  #next = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get token(): Token {
    return this.#tokens[this.#next] ?? { type: 'end', at: 0 };
  }

  get done(): boolean {
    return this.token.type === 'end';
  }

  /** Takes the next token if it is the word or symbol `text`. */
  take(text: string): boolean {
    if (!this.at(text)) return false;
    this.#next++;
    return true;
  }

  at(text: string): boolean {
    const token = this.token;
    return (token.type === 'word' || token.type === 'symbol') && token.text === text;
  }

  /** Whether the token after the next one is the word `text`. */
  followedBy(text: string): boolean {
    const token = this.#tokens[this.#next + 1];
    return token?.type === 'word' && token.text === text;
  }

  advance(): Token {
    const token = this.token;
    this.#next++;
    return token;
  }

  require(text: string): void {
    if (!this.take(text)) throw this.expected(`"${text}"`);
  }

  expected(what: string): Fault {
    const token = this.token;
    const found = token.type === 'end' ? 'the end' : JSON.stringify(token.text);
    return new Fault('invalid', `filter, character ${token.at + 1}: expected ${what}, found ${found}`, {
      path: 'filter',
    });
  }
}

function readOr(reader: TokenReader, depth: number): Expression {
  let left = readAnd(reader, depth);
  while (reader.take('or')) left = { type: 'or', left, right: readAnd(reader, depth) };
  return left;
}

function readAnd(reader: TokenReader, depth: number): Expression {
  let left = readNot(reader, depth);
  while (reader.take('and')) left = { type: 'and', left, right: readNot(reader, depth) };
  return left;
}

function readNot(reader: TokenReader, depth: number): Expression {
  if (depth > maxDepth)
    throw new Fault('too-large', `filter: nested deeper than ${maxDepth}`, { path: 'filter' });
  if (reader.take('not')) return { type: 'not', operand: readNot(reader, depth + 1) };
  if (reader.take('(')) {
    const inner = readOr(reader, depth + 1);
    reader.require(')');
    return inner;
  }
  if (reader.at('any') || reader.at('all')) return readQuantified(reader, depth);
  return readMatch(reader);
}

function readQuantified(reader: TokenReader, depth: number): Expression {
  const type = reader.take('any') ? 'any' : 'all';
  if (type === 'all') reader.require('all');
  const selector = readSelector(reader);
  reader.require('as');
  const names = [readName(reader)];
  if (reader.take(',')) names.push(readName(reader));
  reader.require('{');
  const body = readOr(reader, depth + 1);
  reader.require('}');
  return { type, selector, names, body };
}

/** `selector operator value` or `value in selector`: which one shows only after the first operand. */
function readMatch(reader: TokenReader): Expression {
  const first = reader.token;
  if (first.type === 'number') {
    reader.advance();
    return readMembership(reader, first.text);
  }
  // A string at the start is a value before `in`, or a JSON pointer used as a selector.
  if (first.type === 'string' && !first.text.startsWith('/')) {
    reader.advance();
    return readMembership(reader, first.text);
  }
  const selector = readSelector(reader);
  if (reader.at('in') || (reader.at('not') && reader.followedBy('in')))
    return readMembership(reader, selector.join('.'));
  const operator = readOperator(reader);
  if (operator === 'empty' || operator === 'not-empty')
    return { type: 'match', operator, selector, value: '' };
  return { type: 'match', operator, selector, value: readValue(reader) };
}

function readMembership(reader: TokenReader, value: string): Expression {
  const negated = reader.take('not');
  reader.require('in');
  return { type: 'match', operator: negated ? 'not-in' : 'in', selector: readSelector(reader), value };
}

function readOperator(reader: TokenReader): MatchOperator {
  if (reader.take('==')) return 'equal';
  if (reader.take('!=')) return 'not-equal';
  if (reader.take('contains')) return 'in';
  if (reader.take('matches')) return 'matches';
  if (reader.take('is')) {
    const negated = reader.take('not');
    reader.require('empty');
    return negated ? 'not-empty' : 'empty';
  }
  if (reader.take('not')) {
    if (reader.take('contains')) return 'not-in';
    if (reader.take('matches')) return 'not-matches';
    throw reader.expected('"in", "contains" or "matches"');
  }
  throw reader.expected('"==", "!=", "in", "contains", "matches" or "is"');
}

function readValue(reader: TokenReader): string {
  const token = reader.token;
  if (token.type === 'string' || token.type === 'number') {
    reader.advance();
    return token.text;
  }
  if (token.type === 'word') return readSelector(reader).join('.');
  throw reader.expected('a value');
}

function readSelector(reader: TokenReader): Selector {
  const token = reader.token;
  if (token.type === 'string' && token.text.startsWith('/')) {
    reader.advance();
    return pointer(token.text);
  }
  const names = [readName(reader)];
  for (;;) {
    if (reader.take('.')) names.push(readName(reader));
    else if (reader.take('[')) {
      names.push(readKey(reader));
      reader.require(']');
    } else return names;
  }
}

/** RFC 6901. */
function pointer(text: string): Selector {
  return text
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function readName(reader: TokenReader): string {
  const token = reader.token;
  if (token.type !== 'word' && token.type !== 'number') throw reader.expected('a name');
  reader.advance();
  return token.text;
}

function readKey(reader: TokenReader): string {
  const token = reader.token;
  if (token.type !== 'string') throw reader.expected('a quoted key');
  reader.advance();
  return token.text;
}

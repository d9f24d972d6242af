import { TemplateError } from './template-error.ts';
import type { Place } from './tree.ts';

/** The pieces of a template: text between actions, and inside an action what the grammar is made of. */
export type Token =
  | { readonly type: 'text'; readonly text: string; readonly at: Place }
  | { readonly type: 'open' | 'close' | 'space' | 'end'; readonly text: string; readonly at: Place }
  | { readonly type: 'word' | 'field' | 'variable' | 'dot'; readonly text: string; readonly at: Place }
  | { readonly type: 'string' | 'char' | 'number'; readonly text: string; readonly at: Place }
  | { readonly type: 'sign'; readonly text: ':=' | '=' | '|' | '(' | ')' | ','; readonly at: Place };

export interface Delimiters {
  readonly left: string;
  readonly right: string;
}

export const goDelimiters: Delimiters = { left: '{{', right: '}}' };

/** A template larger than this is refused. */
const maxTemplateLength = 8 * 1024 * 1024;

const word = /[\p{L}_][\p{L}\p{N}_]*/uy;
const field = /\.[\p{L}_][\p{L}\p{N}_]*/uy;
const variable = /\$(?:[\p{L}_][\p{L}\p{N}_]*)?/uy;
const number =
  /[+-]?(?:0[xX][0-9a-fA-F_]+(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?\d+)?|0[bB][01_]+|0[oO][0-7_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?)/y;
const quoted = /"(?:[^"\\\n]|\\.)*"/y;
const raw = /`[^`]*`/y;
const character = /'(?:[^'\\\n]|\\.[^']*)'/uy;
const sign = /:=|[=|(),]/y;
const space = /[ \t\r\n]+/y;
/** What Go trims beside a `-`. */
const trailingSpace = /[ \t\r\n]+$/;
const leadingSpace = /^[ \t\r\n]+/;

/** Splits a template into tokens. Throws a `TemplateError` at what it cannot read. */
export function tokenise(
  name: string,
  source: string,
  delimiters: Delimiters = goDelimiters,
): readonly Token[] {
  if (source.length > maxTemplateLength) {
    throw new TemplateError(
      name,
      { line: 1, column: 1, text: '' },
      `longer than ${maxTemplateLength} characters`,
    );
  }
  return new Lexer(name, source, delimiters).run();
}

class Lexer {
  readonly #name: string;
  readonly #source: string;
  readonly #left: string;
  readonly #right: string;
  readonly #tokens: Token[] = [];
  #position = 0;
  #line = 1;
  #lineStart = 0;
  #counted = 0;

  constructor(name: string, source: string, delimiters: Delimiters) {
    this.#name = name;
    this.#source = source;
    this.#left = delimiters.left;
    this.#right = delimiters.right;
  }

  run(): readonly Token[] {
    let trimNext = false;
    for (;;) {
      const open = this.#source.indexOf(this.#left, this.#position);
      const end = open === -1 ? this.#source.length : open;
      const trimsLeft = open !== -1 && this.#trimsLeft(open + this.#left.length);
      this.#text(end, trimNext, trimsLeft);
      if (open === -1) break;
      this.#position = open;
      trimNext = this.#action(trimsLeft);
    }
    this.#push('end', '', this.#source.length);
    return this.#tokens;
  }

  #text(end: number, trimStart: boolean, trimEnd: boolean): void {
    let text = this.#source.slice(this.#position, end);
    if (trimStart) text = text.replace(leadingSpace, '');
    if (trimEnd) text = text.replace(trailingSpace, '');
    if (text !== '') this.#push('text', text, this.#position);
    this.#position = end;
  }

  /** One whole action from its left delimiter on; true: the text after it loses its leading space. */
  #action(trimsLeft: boolean): boolean {
    const start = this.#position;
    this.#position += this.#left.length + (trimsLeft ? 2 : 0);
    if (this.#source.startsWith('/*', this.#position)) return this.#comment(start);
    this.#push('open', this.#left, start);
    let depth = 0;
    for (;;) {
      const close = this.#closing();
      if (close !== undefined) {
        if (depth > 0) throw this.#error(this.#position, 'unclosed left paren');
        this.#push('close', this.#right, this.#position);
        this.#position += close.length;
        return close.trims;
      }
      if (this.#position >= this.#source.length) throw this.#error(start, 'unclosed action');
      const token = this.#inside();
      if (token === '(') depth++;
      else if (token === ')' && --depth < 0) throw this.#error(this.#position - 1, 'unexpected right paren');
    }
  }

  #comment(start: number): boolean {
    const end = this.#source.indexOf('*/', this.#position + 2);
    if (end === -1) throw this.#error(start, 'unclosed comment');
    this.#position = end + 2;
    const close = this.#closing();
    if (close === undefined) throw this.#error(start, 'comment ends before closing delimiter');
    this.#position += close.length;
    return close.trims;
  }

  #trimsLeft(after: number): boolean {
    return this.#source[after] === '-' && isSpace(this.#source[after + 1]);
  }

  #closing(): { length: number; trims: boolean } | undefined {
    if (this.#source.startsWith(this.#right, this.#position))
      return { length: this.#right.length, trims: false };
    const trimmed = isSpace(this.#source[this.#position]) && this.#source[this.#position + 1] === '-';
    if (trimmed && this.#source.startsWith(this.#right, this.#position + 2)) {
      return { length: 2 + this.#right.length, trims: true };
    }
    return undefined;
  }

  /** One token inside an action; gives its text. */
  #inside(): string {
    const start = this.#position;
    const next = this.#source[start] ?? '';
    if (isSpace(next)) return this.#space(start);
    if (next === '"') return this.#match(quoted, 'string', 'unterminated quoted string');
    if (next === '`') return this.#match(raw, 'string', 'unterminated raw quoted string');
    if (next === "'") return this.#match(character, 'char', 'unterminated character constant');
    if (next === '$') return this.#match(variable, 'variable', 'bad variable');
    if (next === '.' && !isDigit(this.#source[start + 1])) return this.#dotOrField(start);
    if (isDigit(next) || next === '.' || next === '+' || next === '-') return this.#number(start);
    if (this.#try(sign, 'sign')) return next;
    if (this.#try(word, 'word')) return next;
    throw this.#error(start, `unexpected ${JSON.stringify(next)} in an action`);
  }

  /** Space matters between operands; a ` -}}` is no part of it. */
  #space(start: number): string {
    space.lastIndex = start;
    let length = space.exec(this.#source)?.[0].length ?? 1;
    const after = start + length;
    if (this.#source[after] === '-' && this.#source.startsWith(this.#right, after + 1)) length--;
    if (length > 0) this.#push('space', ' ', start);
    this.#position = start + length;
    return ' ';
  }

  #dotOrField(start: number): string {
    if (this.#try(field, 'field')) return '.';
    this.#push('dot', '.', start);
    this.#position = start + 1;
    return '.';
  }

  #number(start: number): string {
    const text = this.#match(number, 'number', 'bad number syntax');
    if (/[\p{L}\p{N}_]/u.test(this.#source[this.#position] ?? ' ')) {
      throw this.#error(start, `bad number syntax: ${JSON.stringify(text + this.#source[this.#position])}`);
    }
    return text;
  }

  #match(pattern: RegExp, type: 'string' | 'char' | 'variable' | 'number', problem: string): string {
    const start = this.#position;
    if (!this.#try(pattern, type)) throw this.#error(start, problem);
    return this.#source.slice(start, this.#position);
  }

  #try(
    pattern: RegExp,
    type: 'string' | 'char' | 'variable' | 'number' | 'sign' | 'word' | 'field',
  ): boolean {
    pattern.lastIndex = this.#position;
    const text = pattern.exec(this.#source)?.[0];
    if (text === undefined || text === '') return false;
    this.#push(type, text, this.#position);
    this.#position += text.length;
    return true;
  }

  #push(type: Token['type'], text: string, position: number): void {
    this.#tokens.push({ type, text, at: this.#place(position, text) } as Token);
  }

  /** Positions only rise, so lines are counted once. */
  #place(position: number, text: string): Place {
    for (; this.#counted < position; this.#counted++) {
      if (this.#source[this.#counted] === '\n') {
        this.#line++;
        this.#lineStart = this.#counted + 1;
      }
    }
    return { line: this.#line, column: Math.max(0, position - this.#lineStart), text };
  }

  #error(position: number, message: string): TemplateError {
    return new TemplateError(this.#name, this.#place(position, ''), message);
  }
}

function isSpace(character: string | undefined): boolean {
  return character === ' ' || character === '\t' || character === '\r' || character === '\n';
}

function isDigit(character: string | undefined): boolean {
  return character !== undefined && character >= '0' && character <= '9';
}

import { Fault } from '@portolan/core/base/fault.ts';

/**
 * The part of HCL that consul-template's configurations use: attributes, blocks, lists, objects, heredocs, comments. A block that
 * stands twice becomes a list. Source: https://github.com/hashicorp/hcl/tree/hcl1
 */
export type HclValue = string | number | boolean | readonly HclValue[] | HclObject;
export interface HclObject {
  readonly [key: string]: HclValue;
}

const maxDepth = 32;

/** Throws an `invalid` fault with `NAME:LINE:COLUMN` and what was expected there. */
export function parseHcl(name: string, source: string): HclObject {
  const reader = new HclReader(name, source);
  return reader.body('', 0);
}

class HclReader {
  readonly #name: string;
  readonly #source: string;
  #at = 0;

  constructor(name: string, source: string) {
    this.#name = name;
    this.#source = source;
  }

  /** Attributes and blocks up to `end` (`}` or '' for the end of the text). */
  body(end: '' | '}', depth: number): HclObject {
    if (depth > maxDepth) throw this.#error(`nothing nested deeper than ${maxDepth}`);
    const object = Object.create(null) as Record<string, HclValue>;
    for (;;) {
      this.#skip();
      if (this.#at >= this.#source.length) {
        if (end === '') return object;
        throw this.#error('"}"');
      }
      if (end !== '' && this.#take(end)) return object;
      this.#member(object, depth);
    }
  }

  #member(object: Record<string, HclValue>, depth: number): void {
    const key = this.#key();
    this.#skipInLine();
    if (this.#take('=') || this.#take(':')) {
      object[key] = this.#value(depth);
      this.#skipInLine();
      this.#take(',');
      return;
    }
    const labels: string[] = [];
    while (this.#source[this.#at] === '"') {
      labels.push(this.#string());
      this.#skipInLine();
    }
    if (!this.#take('{')) throw this.#error('"=" or "{"');
    const block = this.body('}', depth + 1);
    const labelled = labels.reduceRight<HclValue>((inner, label) => ({ [label]: inner }), block);
    const present = object[key];
    object[key] =
      present === undefined
        ? labelled
        : Array.isArray(present)
          ? [...present, labelled]
          : [present, labelled];
  }

  #key(): string {
    if (this.#source[this.#at] === '"') return this.#string();
    const word = this.#match(/[A-Za-z_][\w.-]*/y);
    if (word === undefined) throw this.#error('a name');
    return word;
  }

  #value(depth: number): HclValue {
    this.#skip();
    const next = this.#source[this.#at];
    if (next === '"') return this.#string();
    if (next === '[') return this.#list(depth);
    if (next === '{') {
      this.#at++;
      return this.body('}', depth + 1);
    }
    if (this.#source.startsWith('<<', this.#at)) return this.#heredoc();
    const number = this.#match(/-?(?:0x[0-9a-fA-F]+|0[0-7]+(?![.\d])|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)/y);
    if (number !== undefined) return /^-?0[0-7]+$/.test(number) ? Number.parseInt(number, 8) : Number(number);
    const word = this.#match(/true|false/y);
    if (word !== undefined) return word === 'true';
    throw this.#error('a value');
  }

  #list(depth: number): readonly HclValue[] {
    if (depth > maxDepth) throw this.#error(`nothing nested deeper than ${maxDepth}`);
    this.#at++;
    const items: HclValue[] = [];
    for (;;) {
      this.#skip();
      if (this.#take(']')) return items;
      items.push(this.#value(depth + 1));
      this.#skip();
      if (!this.#take(',') && this.#source[this.#at] !== ']') throw this.#error('"," or "]"');
    }
  }

  #string(): string {
    const text = this.#match(/"(?:[^"\\\n]|\\.)*"/sy);
    if (text === undefined) throw this.#error('a string that ends on its line');
    return text.slice(1, -1).replace(/\\(u[0-9a-fA-F]{4}|.)/gs, (_, code: string) => {
      if (code.length > 1) return String.fromCharCode(Number.parseInt(code.slice(1), 16));
      return { n: '\n', t: '\t', r: '\r' }[code] ?? code;
    });
  }

  #heredoc(): string {
    const head = this.#match(/<<-?\w+\r?\n/y);
    if (head === undefined) throw this.#error('<<NAME at the end of a line');
    const indented = head.startsWith('<<-');
    const marker = head.replace(/^<<-?/, '').trim();
    const end = new RegExp(`^[ \\t]*${marker}[ \\t]*$`, 'gm');
    end.lastIndex = this.#at;
    const found = end.exec(this.#source);
    if (found === null) throw this.#error(`the line ${marker} that ends it`);
    const text = this.#source.slice(this.#at, found.index);
    this.#at = found.index + found[0].length;
    return indented ? unindent(text) : text;
  }

  #skipInLine(): void {
    this.#match(/[ \t]*/y);
  }

  #skip(): void {
    this.#match(/(?:\s+|#[^\n]*|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/y);
  }

  #take(sign: string): boolean {
    if (!this.#source.startsWith(sign, this.#at)) return false;
    this.#at += sign.length;
    return true;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const text = pattern.exec(this.#source)?.[0];
    if (text !== undefined) this.#at += text.length;
    return text;
  }

  #error(expected: string): Fault {
    const before = this.#source.slice(0, this.#at).split('\n');
    const column = (before.at(-1)?.length ?? 0) + 1;
    const found = this.#at >= this.#source.length ? 'the end' : JSON.stringify(this.#source[this.#at]);
    return new Fault(
      'invalid',
      `${this.#name}:${before.length}:${column}: expected ${expected}, found ${found}`,
    );
  }
}

/** `<<-` takes away what every line is indented by. */
function unindent(text: string): string {
  const lines = text.split('\n');
  const indents = lines
    .filter((line) => line.trim() !== '')
    .map((line) => /^[ \t]*/.exec(line)?.[0].length ?? 0);
  const least = Math.min(...indents);
  return Number.isFinite(least) ? lines.map((line) => line.slice(least)).join('\n') : text;
}

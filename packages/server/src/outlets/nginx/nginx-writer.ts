import { Fault } from '@portolan/core/base/fault.ts';

/*
 * nginx configuration as a tree of typed tokens. Nothing is written as text anywhere else: what a value may do to the file is
 * decided here, by its kind. Grammar: src/core/ngx_conf_file.c `ngx_conf_read_token`, as its behaviour shows.
 */

/** `name args;`, or `name args { block }`. */
export interface Directive {
  readonly name: string;
  readonly args: readonly Token[];
  readonly block: readonly Directive[] | undefined;
}

export type Token =
  /** Of our own vocabulary; never made from what somebody registered. */
  | { readonly kind: 'word'; readonly text: string }
  /** Any text, for arguments in which nginx does not look for variables. */
  | { readonly kind: 'text'; readonly text: string }
  /** `$name`. */
  | { readonly kind: 'variable'; readonly name: string }
  /** Any text and variables, for arguments in which nginx does look for them. */
  | { readonly kind: 'template'; readonly parts: readonly (string | Variable)[] };

export type Variable = Extract<Token, { kind: 'variable' }>;

/**
 * nginx has no escape for `$` where it looks for variables. `dollarDefinition` makes a variable that holds one; whatever uses a
 * `template` needs it in its `http` block.
 */
const dollar = 'portolan_dollar';

/** An argument is read into a buffer of 4,096 bytes, quotes and escapes included. */
const maxTokenBytes = 4_000;

const safeWord = /^[A-Za-z0-9_=~*[][A-Za-z0-9_.:/=~*@%[\]-]*$/;
const safeName = /^[a-z][a-z0-9_]*$/;

export function directive(name: string, ...args: readonly (Token | string | number)[]): Directive {
  return { name, args: args.map(tokenOf), block: undefined };
}

/** A directive with a block: `block('location', [word('='), text(path)], […])`. */
export function block(
  name: string,
  args: readonly (Token | string | number)[],
  content: readonly Directive[],
): Directive {
  return { name, args: args.map(tokenOf), block: content };
}

export function word(value: string): Token {
  return { kind: 'word', text: value };
}

export function text(value: string): Token {
  return { kind: 'text', text: value };
}

export function variable(name: string): Variable {
  return { kind: 'variable', name };
}

export function template(...parts: readonly (string | Variable)[]): Token {
  return { kind: 'template', parts };
}

/** `1500ms`. */
export function ms(value: number): Token {
  return word(`${Math.max(0, Math.round(value))}ms`);
}

/** Makes the variable by which a `template` holds a `$`: geo takes its values as they are. */
export const dollarDefinition: Directive = {
  name: 'geo',
  args: [variable(dollar)],
  block: [directive('default', text('$'))],
};

/** What nginx has in hand once it has read the token: escapes undone, variables not yet looked up. */
export function readBack(token: Token): string {
  switch (token.kind) {
    case 'word':
    case 'text':
      return token.text;
    case 'variable':
      return `$${token.name}`;
    case 'template':
      return token.parts
        .map((part) =>
          typeof part === 'string' ? part.replaceAll('$', `\${${dollar}}`) : `\${${part.name}}`,
        )
        .join('');
  }
}

/** Whether nginx can read the token at all: there is a limit of its length. */
export function fits(token: Token): boolean {
  return Buffer.byteLength(written(token)) <= maxTokenBytes;
}

/** The tree as text. Throws `too-large` for a token that no nginx reads, `internal` for a word that is none. */
export function writeConfiguration(directives: readonly Directive[], depth = 0): string {
  let out = '';
  for (const one of directives) out += writeDirective(one, depth);
  return out;
}

function writeDirective(one: Directive, depth: number): string {
  const indent = '  '.repeat(depth);
  const line = indent + lineOf(one);
  if (one.block === undefined) return `${line};\n`;
  return `${line} {\n${writeConfiguration(one.block, depth + 1)}${indent}}\n`;
}

/** What is in every tree, written once. Nothing else is kept: a table of everything would cost more than the writing. */
const lines = new WeakMap<Directive, string>();

/** These will be used over and over, and never be changed. */
export function shared(directives: readonly Directive[]): readonly Directive[] {
  for (const one of directives) lines.set(one, lineOf(one));
  return directives;
}

function lineOf(one: Directive): string {
  const known = lines.get(one);
  if (known !== undefined) return known;
  // A map's own lines begin with a value, which may be empty or quoted.
  let line = safeName.test(one.name) ? one.name : quoted(one.name);
  for (const arg of one.args) line += ` ${checked(arg)}`;
  return line;
}

function checked(token: Token): string {
  const out = written(token);
  // A UTF-16 unit is at most 3 bytes.
  if (out.length * 3 > maxTokenBytes && Buffer.byteLength(out) > maxTokenBytes) {
    throw new Fault('too-large', `nginx reads arguments of at most ${maxTokenBytes} bytes`);
  }
  return out;
}

function written(token: Token): string {
  switch (token.kind) {
    case 'word':
      if (!safeWord.test(token.text)) throw new Fault('internal', `not an nginx word: "${token.text}"`);
      return token.text;
    case 'variable':
      if (!safeName.test(token.name)) throw new Fault('internal', `not an nginx variable: "${token.name}"`);
      return `$${token.name}`;
    case 'text':
    case 'template':
      return quoted(readBack(token));
  }
}

const escapes: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '"': '\\"',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

const harmless = /^[A-Za-z0-9 _.:/=;{}$-]*$/;

/** In quotes `;`, braces, `#`, blanks and `'` mean nothing; a backslash and a quote are escaped, and line ends for the reader. */
function quoted(value: string): string {
  if (harmless.test(value)) return `"${value}"`;
  return `"${value.replaceAll(/[\\"\n\r\t]/g, (character) => escapes[character] ?? character)}"`;
}

function tokenOf(value: Token | string | number): Token {
  return typeof value === 'object' ? value : word(String(value));
}

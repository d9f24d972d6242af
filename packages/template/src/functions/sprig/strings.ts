import { goQuote } from '../../language/quote.ts';
import type { Value } from '../../language/values.ts';
import { int, text } from '../arguments.ts';
import {
  bool,
  type Definition,
  exactly,
  limit,
  maxLength,
  ofIntAndText,
  ofTexts,
  shown,
  texts,
} from './define.ts';
import { kebabCase, pascalCase, snakeCase, swapCase, titleCase, uncapitalized } from './letters.ts';
import { wrapText } from './wrap.ts';

export const stringFunctions: readonly Definition[] = [
  ['hello', exactly(0, () => 'Hello!')],
  ['abbrev', ofIntAndText((width, subject) => abbreviate(subject, 0, width))],
  ['abbrevboth', exactly(3, (left, right, subject) => abbreviate(text(subject), int(left), int(right)))],
  ['trunc', ofIntAndText(truncate)],
  ['trim', ofTexts(1, (subject) => subject.trim())],
  ['upper', ofTexts(1, (subject) => subject.toUpperCase())],
  ['lower', ofTexts(1, (subject) => subject.toLowerCase())],
  ['title', ofTexts(1, titleCase)],
  ['untitle', ofTexts(1, uncapitalized)],
  ['substr', exactly(3, (start, end, subject) => substring(int(start), int(end), text(subject)))],
  ['repeat', ofIntAndText(repeat)],
  ['trimall', ofTexts(2, trimAll)],
  ['trimAll', ofTexts(2, trimAll)],
  ['trimSuffix', ofTexts(2, trimSuffix)],
  [
    'trimPrefix',
    ofTexts(2, (cut, subject) => (subject.startsWith(cut) ? subject.slice(cut.length) : subject)),
  ],
  ['nospace', ofTexts(1, (subject) => subject.replace(/\s/gu, ''))],
  ['initials', ofTexts(1, (subject) => subject.replace(/(\S)\S*\s*|\s+/gu, '$1'))],
  ['swapcase', ofTexts(1, swapCase)],
  ['snakecase', ofTexts(1, snakeCase)],
  ['kebabcase', ofTexts(1, kebabCase)],
  ['camelcase', ofTexts(1, pascalCase)],
  ['wrap', ofIntAndText((width, subject) => wrapText(subject, width, '\n', false))],
  ['wrapWith', exactly(3, (width, by, subject) => wrapText(text(subject), int(width), text(by), true))],
  ['contains', ofTexts(2, (part, subject) => subject.includes(part))],
  ['hasPrefix', ofTexts(2, (part, subject) => subject.startsWith(part))],
  ['hasSuffix', ofTexts(2, (part, subject) => subject.endsWith(part))],
  [
    'quote',
    (...args) =>
      present(args)
        .map((value) => goQuote(shown(value)))
        .join(' '),
  ],
  [
    'squote',
    (...args) =>
      present(args)
        .map((value) => `'${shown(value)}'`)
        .join(' '),
  ],
  ['cat', (...args) => present(args).map(shown).join(' ').trim()],
  ['indent', ofIntAndText(indent)],
  ['nindent', ofIntAndText((spaces, subject) => `\n${indent(spaces, subject)}`)],
  ['replace', ofTexts(3, (from, to, subject) => replaceText(from, to, subject))],
  ['plural', exactly(3, (one, many, amount) => (int(amount) === 1 ? text(one) : text(many)))],
  ['toString', exactly(1, shown)],
  ['toStrings', exactly(1, texts)],
  ['join', exactly(2, (by, items) => texts(items).join(text(by)))],
  ['fail', ofTexts(1, fail)],
  ['ternary', exactly(3, (yes, no, which) => (bool(which) ? yes : no) ?? null)],
];

function fail(message: string): never {
  throw new Error(message);
}

function present(args: readonly Value[]): readonly Value[] {
  return args.filter((value) => value !== null);
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Go counts and cuts bytes. */
function cut(subject: string, from: number, to?: number): string {
  return decoder.decode(encoder.encode(subject).subarray(from, to));
}

function byteLength(subject: string): number {
  return Buffer.byteLength(subject);
}

/** At most `width` bytes with `...` where something was left out; `offset` is where the interesting part begins. */
function abbreviate(subject: string, offset: number, width: number): string {
  if (width < 4 || (offset > 0 && width < 7)) return subject;
  const length = byteLength(subject);
  if (length <= width) return subject;
  const room = width - 3;
  const start = Math.min(offset, length, length - offset < room ? length - room : offset);
  if (start <= 4) return `${cut(subject, 0, room)}...`;
  if (start + room < length) return `...${abbreviate(cut(subject, start), 0, room)}`;
  return `...${cut(subject, length - room)}`;
}

function truncate(length: number, subject: string): string {
  const size = byteLength(subject);
  if (length < 0) return size + length > 0 ? cut(subject, size + length) : subject;
  return size > length ? cut(subject, 0, length) : subject;
}

function substring(start: number, end: number, subject: string): string {
  const size = byteLength(subject);
  const [from, to] = [start < 0 ? 0 : start, start >= 0 && (end < 0 || end > size) ? size : end];
  if (from > to || to > size || from > size) throw new Error(`substr: bounds out of range [${start}:${end}]`);
  return cut(subject, from, to);
}

function repeat(times: number, subject: string): string {
  if (times < 0) throw new Error('strings: negative Repeat count');
  limit('repeat', times * subject.length, maxLength);
  return subject.repeat(times);
}

/** Cuts every character of `set` off both ends. */
export function trimAll(set: string, subject: string): string {
  const characters = [...subject];
  const wanted = new Set(set);
  let from = 0;
  let to = characters.length;
  while (from < to && wanted.has(characters[from] ?? '')) from++;
  while (to > from && wanted.has(characters[to - 1] ?? '')) to--;
  return characters.slice(from, to).join('');
}

function trimSuffix(suffix: string, subject: string): string {
  return suffix !== '' && subject.endsWith(suffix) ? subject.slice(0, -suffix.length) : subject;
}

function indent(spaces: number, subject: string): string {
  if (spaces < 0) throw new Error('strings: negative Repeat count');
  const lines = subject.split('\n');
  limit('indent', subject.length + lines.length * spaces, maxLength);
  const margin = ' '.repeat(spaces);
  return margin + lines.join(`\n${margin}`);
}

/** Every occurrence; nothing stands before, between and after all characters, as in Go. */
export function replaceText(from: string, to: string, subject: string): string {
  if (from === '') {
    limit('replace', (subject.length + 1) * (to.length + 1), maxLength);
    return [...subject].reduce((text, character) => text + character + to, to);
  }
  const parts = subject.split(from);
  limit('replace', subject.length + parts.length * to.length, maxLength);
  return parts.join(to);
}

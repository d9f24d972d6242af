import { createHash, createHmac } from 'node:crypto';
import type { TemplateFunction } from '../language/builtins.ts';
import { GoMap, type Value } from '../language/values.ts';
import { count, int, list, text } from './arguments.ts';
import { base64Problem } from './base64.ts';
import { compileRegex, replaceRegex } from './go-regex.ts';
import { limit, maxLength } from './sprig/define.ts';
import { replaceText, trimAll } from './sprig/strings.ts';

/** A function of strings only. */
function ofStrings(arity: number, apply: (...args: string[]) => Value): TemplateFunction {
  return (...args) => {
    count(args, arity);
    return apply(...args.map(text));
  };
}

export const stringFunctions: readonly (readonly [string, TemplateFunction])[] = [
  ['toLower', ofStrings(1, (subject) => subject.toLowerCase())],
  ['toUpper', ofStrings(1, (subject) => subject.toUpperCase())],
  ['toTitle', ofStrings(1, toTitle)],
  ['trimSpace', ofStrings(1, (subject) => subject.trim())],
  ['trim', ofStrings(2, trimAll)],
  [
    'trimPrefix',
    ofStrings(2, (prefix, subject) => (subject.startsWith(prefix) ? subject.slice(prefix.length) : subject)),
  ],
  [
    'trimSuffix',
    ofStrings(2, (suffix, subject) =>
      suffix !== '' && subject.endsWith(suffix) ? subject.slice(0, -suffix.length) : subject,
    ),
  ],
  ['replaceAll', ofStrings(3, replaceText)],
  ['regexMatch', ofStrings(2, (pattern, subject) => compileRegex(pattern).matcher(subject).find())],
  ['regexReplaceAll', ofStrings(3, (pattern, to, subject) => replaceRegex(pattern, subject, to))],
  ['split', ofStrings(2, (separator, subject) => split(separator, subject))],
  ['splitToMap', ofStrings(3, splitToMap)],
  ['base64Encode', ofStrings(1, (subject) => Buffer.from(subject).toString('base64'))],
  ['base64Decode', ofStrings(1, (subject) => decode('base64Decode', subject, 'standard'))],
  ['base64URLEncode', ofStrings(1, (subject) => padded(Buffer.from(subject).toString('base64url')))],
  ['base64URLDecode', ofStrings(1, (subject) => decode('base64URLDecode', subject, 'url'))],
  ['sha256Hex', ofStrings(1, (subject) => createHash('sha256').update(subject).digest('hex'))],
  ['md5sum', ofStrings(1, (subject) => createHash('md5').update(subject).digest('hex'))],
  ['hmacSHA256Hex', ofStrings(2, (message, key) => createHmac('sha256', key).update(message).digest('hex'))],
  ['indent', indent],
  ['join', join],
];

/** The first letter of every word; an apostrophe, a dot or an underscore inside a word is part of it. */
function toTitle(subject: string): string {
  return subject.replace(
    /([\p{N}_]*)(\p{L})((?:[\p{L}\p{M}\p{N}_]|['’.·:](?=\p{L}))*)/gu,
    (_, before: string, letter: string, rest: string) => before + letter.toUpperCase() + rest,
  );
}

/** Nothing splits into nothing: an empty key gives an empty list. */
function split(separator: string, subject: string): Value {
  const trimmed = subject.trim();
  if (trimmed === '') return [];
  return separator === '' ? [...trimmed] : trimmed.split(separator);
}

/** An item without the second separator is left out. */
function splitToMap(itemSeparator: string, pairSeparator: string, subject: string): Value {
  const trimmed = subject.trim();
  const items = trimmed === '' ? [] : trimmed.split(itemSeparator);
  const entries = items.flatMap((item) => {
    const at = item.indexOf(pairSeparator);
    return at === -1 ? [] : [[item.slice(0, at), item.slice(at + pairSeparator.length)] as const];
  });
  return new GoMap(new Map<string, Value>(entries), '');
}

function decode(name: string, subject: string, alphabet: 'standard' | 'url'): string {
  const problem = base64Problem(subject, alphabet);
  if (problem !== undefined) throw new Error(`${name}: ${problem}`);
  return Buffer.from(subject, 'base64').toString('utf8');
}

function padded(encoded: string): string {
  return encoded.padEnd(Math.ceil(encoded.length / 4) * 4, '=');
}

/** Every line but the empty ones. */
function indent(...args: readonly Value[]): Value {
  count(args, 2);
  const [spaces, subject] = [int(args[0]), text(args[1])];
  if (spaces < 0) throw new Error('indent value must be a positive integer');
  const lines = subject.split('\n');
  limit('indent', subject.length + lines.length * spaces, maxLength);
  const margin = ' '.repeat(spaces);
  return lines.map((line) => (line === '' ? line : margin + line)).join('\n');
}

function join(...args: readonly Value[]): Value {
  count(args, 2);
  return list(args[1]).map(text).join(text(args[0]));
}

import { createHash, createHmac } from 'node:crypto';
import { RE2JS } from 're2js';
import type { TemplateFunction } from '../language/builtins.ts';
import { GoMap, type Value } from '../language/values.ts';
import { count, int, list, text } from './arguments.ts';

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
  [
    'toTitle',
    ofStrings(1, (subject) =>
      subject.replace(/(^|\s)(\p{L})/gu, (_, space: string, letter: string) => space + letter.toUpperCase()),
    ),
  ],
  ['trimSpace', ofStrings(1, (subject) => subject.trim())],
  ['trim', ofStrings(2, (cut, subject) => trimEnd(cut, trimStart(cut, subject)))],
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
  ['replaceAll', ofStrings(3, (from, to, subject) => subject.replaceAll(from, () => to))],
  ['regexMatch', ofStrings(2, (pattern, subject) => RE2JS.compile(pattern).matcher(subject).find())],
  [
    'regexReplaceAll',
    ofStrings(3, (pattern, to, subject) =>
      RE2JS.compile(pattern).matcher(subject).replaceAll(goReplacement(to)),
    ),
  ],
  ['split', ofStrings(2, (separator, subject) => split(separator, subject))],
  ['splitToMap', ofStrings(3, splitToMap)],
  ['base64Encode', ofStrings(1, (subject) => Buffer.from(subject).toString('base64'))],
  ['base64Decode', ofStrings(1, (subject) => decode(subject, /^[A-Za-z0-9+/]*={0,2}$/))],
  ['base64URLEncode', ofStrings(1, (subject) => padded(Buffer.from(subject).toString('base64url')))],
  ['base64URLDecode', ofStrings(1, (subject) => decode(subject, /^[A-Za-z0-9_-]*={0,2}$/))],
  ['sha256Hex', ofStrings(1, (subject) => createHash('sha256').update(subject).digest('hex'))],
  ['md5sum', ofStrings(1, (subject) => createHash('md5').update(subject).digest('hex'))],
  ['hmacSHA256Hex', ofStrings(2, (message, key) => createHmac('sha256', key).update(message).digest('hex'))],
  ['indent', indent],
  ['join', join],
];

function trimStart(cut: string, subject: string): string {
  let at = 0;
  while (at < subject.length && cut.includes(subject[at] ?? '')) at++;
  return subject.slice(at);
}

function trimEnd(cut: string, subject: string): string {
  let at = subject.length;
  while (at > 0 && cut.includes(subject[at - 1] ?? '')) at--;
  return subject.slice(0, at);
}

/** Nothing splits into nothing: an empty key gives an empty list. */
function split(separator: string, subject: string): Value {
  const trimmed = subject.trim();
  if (trimmed === '') return [];
  return separator === '' ? [...trimmed] : trimmed.split(separator);
}

function splitToMap(itemSeparator: string, pairSeparator: string, subject: string): Value {
  const entries = subject
    .split(itemSeparator)
    .filter((item) => item !== '')
    .map((item) => {
      const at = item.indexOf(pairSeparator);
      return at === -1
        ? ([item, ''] as const)
        : ([item.slice(0, at), item.slice(at + pairSeparator.length)] as const);
    });
  return new GoMap(new Map<string, Value>(entries), '');
}

/** Go writes `$1` and `${name}`; a name runs as far as it can, so that `$1x` is the group `1x`. */
function goReplacement(to: string): string {
  return to.replace(/\$(?:\{(\w+)\}|(\w+)|(\$))/g, (_, braced?: string, bare?: string, dollar?: string) => {
    if (dollar !== undefined) return '\\$';
    const group = braced ?? bare ?? '';
    return /^\d+$/.test(group) ? `$${group}` : `\${${group}}`;
  });
}

function decode(subject: string, form: RegExp): string {
  if (!form.test(subject)) throw new Error('base64: illegal base64 data');
  return Buffer.from(subject, 'base64').toString('utf8');
}

function padded(encoded: string): string {
  return encoded.padEnd(Math.ceil(encoded.length / 4) * 4, '=');
}

const maxIndent = 1000;

function indent(...args: readonly Value[]): Value {
  count(args, 2);
  const spaces = int(args[0]);
  if (spaces < 0 || spaces > maxIndent) throw new Error(`indent: expected 0 to ${maxIndent} spaces`);
  return text(args[1]).replace(/^(?=[^\n])/gm, ' '.repeat(spaces));
}

function join(...args: readonly Value[]): Value {
  count(args, 2);
  return list(args[1]).map(text).join(text(args[0]));
}

import type { Value } from '../../language/values.ts';
import { int, text } from '../arguments.ts';
import {
  compileRegex,
  matches,
  quoteRegex,
  replaceRegex,
  replaceRegexLiteral,
  splitRegex,
} from '../go-regex.ts';
import { type Definition, exactly, ofTexts } from './define.ts';

/** A pattern that is none fails the template; only `regexMatch` just says no. */
export const regexFunctions: readonly Definition[] = [
  ['regexMatch', ofTexts(2, isMatchOrNot)],
  ['mustRegexMatch', ofTexts(2, isMatch)],
  ...both('egexFind', ofTexts(2, find)),
  ...both(
    'egexFindAll',
    exactly(3, (pattern, subject, most) => findAll(text(pattern), text(subject), int(most))),
  ),
  ...both(
    'egexReplaceAll',
    ofTexts(3, (pattern, subject, to) => replaceRegex(pattern, subject, to)),
  ),
  ...both(
    'egexReplaceAllLiteral',
    ofTexts(3, (pattern, subject, to) => replaceRegexLiteral(pattern, subject, to)),
  ),
  ...both(
    'egexSplit',
    exactly(3, (pattern, subject, most) => splitRegex(text(pattern), text(subject), int(most))),
  ),
  ['regexQuoteMeta', ofTexts(1, quoteRegex)],
];

function both(name: string, apply: Definition[1]): readonly Definition[] {
  return [
    [`r${name}`, apply],
    [`mustR${name}`, apply],
  ];
}

function isMatch(pattern: string, subject: string): boolean {
  return compileRegex(pattern).matcher(subject).find();
}

function isMatchOrNot(pattern: string, subject: string): boolean {
  try {
    return isMatch(pattern, subject);
  } catch {
    return false;
  }
}

function find(pattern: string, subject: string): string {
  const [match] = matches(compileRegex(pattern), subject, 1);
  return match === undefined ? '' : subject.slice(match.start, match.end);
}

function findAll(pattern: string, subject: string, most: number): Value {
  return [...matches(compileRegex(pattern), subject, most)].map(({ start, end }) =>
    subject.slice(start, end),
  );
}

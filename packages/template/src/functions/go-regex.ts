import { RE2JS } from 're2js';

/** Longer patterns are refused: the time for a match is the product of both lengths. */
const maxPatternLength = 10_000;

/** One match: where it stands, and its groups by number and by name. */
export interface RegexMatch {
  readonly start: number;
  readonly end: number;
  group(key: string): string;
}

/** Go's regular expressions (RE2: linear in the text). Throws an `Error` for a pattern that is none. */
export function compileRegex(pattern: string): RE2JS {
  if (pattern.length > maxPatternLength)
    throw new Error(`error parsing regexp: longer than ${maxPatternLength} characters`);
  return RE2JS.compile(pattern);
}

export function quoteRegex(text: string): string {
  return text.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&');
}

/** The first `most` matches (all if negative). As in Go, an empty match right behind another one does not count. */
export function* matches(regex: RE2JS, subject: string, most: number): Generator<RegexMatch> {
  const matcher = regex.matcher(subject);
  const names = regex.namedGroups();
  let before = -1;
  for (let found = 0; (most < 0 || found < most) && matcher.find(); ) {
    const [start, end] = [matcher.start(), matcher.end()];
    if (start === end && start === before) continue;
    before = end;
    found++;
    yield {
      start,
      end,
      group(key) {
        const number = /^\d+$/.test(key) ? Number(key) : names[key];
        return number === undefined || number > matcher.groupCount() ? '' : (matcher.group(number) ?? '');
      },
    };
  }
}

/** Go's `ReplaceAllString`: `$1` and `${name}`; a name runs as far as it can, a group that is not there is empty. */
export function replaceRegex(pattern: string, subject: string, to: string): string {
  return replaced(pattern, subject, (match) =>
    to.replace(/\$(?:\{(\w+)\}|(\w+)|(\$))/g, (_, braced?: string, bare?: string, dollar?: string) =>
      dollar === undefined ? match.group(braced ?? bare ?? '') : '$',
    ),
  );
}

/** Go's `ReplaceAllLiteralString`. */
export function replaceRegexLiteral(pattern: string, subject: string, to: string): string {
  return replaced(pattern, subject, () => to);
}

/** A replaced text beyond this is refused. */
const maxReplacedLength = 64 * 1024 * 1024;

function replaced(pattern: string, subject: string, replacement: (match: RegexMatch) => string): string {
  let text = '';
  let at = 0;
  for (const match of matches(compileRegex(pattern), subject, -1)) {
    text += subject.slice(at, match.start) + replacement(match);
    if (text.length > maxReplacedLength) throw new Error(`more than ${maxReplacedLength} characters`);
    at = match.end;
  }
  return text + subject.slice(at);
}

/** Go's `Regexp.Split`: at most `most` pieces; all if negative. */
export function splitRegex(pattern: string, subject: string, most: number): readonly string[] {
  if (most === 0) return [];
  if (pattern !== '' && subject === '') return [''];
  const pieces: string[] = [];
  let at = 0;
  let end = 0;
  for (const match of matches(compileRegex(pattern), subject, most)) {
    if (most > 0 && pieces.length === most - 1) break;
    end = match.start;
    if (match.end !== 0) pieces.push(subject.slice(at, end));
    at = match.end;
  }
  if (end !== subject.length) pieces.push(subject.slice(at));
  return pieces;
}

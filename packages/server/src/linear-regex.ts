import { RE2JS } from 're2js';

/**
 * Whether a text matches somewhere. Go's expressions, in time linear in the text: patterns come from the network. Throws for one that
 * cannot be.
 */
export function linearRegex(pattern: string): (text: string) => boolean {
  const compiled = RE2JS.compile(pattern);
  return (text) => compiled.matcher(text).find();
}

/** The first match: the whole, then its groups ('' where one took no part). Undefined: there is none. */
export function linearGroups(pattern: string): (text: string) => readonly string[] | undefined {
  const compiled = RE2JS.compile(pattern);
  return (text) => {
    const matcher = compiled.matcher(text);
    if (!matcher.find()) return undefined;
    return Array.from({ length: matcher.groupCount() + 1 }, (_, group) => matcher.group(group) ?? '');
  };
}

/** An expression that was compiled once; every call takes time linear in the text. */
export interface LinearPattern {
  readonly groupCount: number;
  /** Whether all of the text matches. */
  matchesAll(text: string): boolean;
  /**
   * The text with its first match exchanged for what `render` makes of the groups (0 is the whole match; '' where one took no part).
   * Undefined: nothing matches.
   */
  replaceFirst(text: string, render: (groups: readonly string[]) => string): string | undefined;
}

/** Instructions of a compiled expression; each octet of a text may cost a step for each. Expressions that people write have some tens. */
const maxProgramSize = 5_000;
const maxPatternLength = 1_024;

/** Throws for what is no expression, or one that is too large. */
export function linearPattern(pattern: string, ignoreCase = false): LinearPattern {
  if (pattern.length > maxPatternLength) throw new Error(`longer than ${maxPatternLength} characters`);
  const compiled = RE2JS.compile(pattern, ignoreCase ? RE2JS.CASE_INSENSITIVE : 0);
  if (compiled.programSize() > maxProgramSize) throw new Error('too many repetitions');
  return {
    groupCount: compiled.groupCount(),
    matchesAll: (text) => compiled.matcher(text).matches(),
    replaceFirst(text, render) {
      const matcher = compiled.matcher(text);
      if (!matcher.find()) return undefined;
      const groups = Array.from(
        { length: matcher.groupCount() + 1 },
        (_, group) => matcher.group(group) ?? '',
      );
      return text.slice(0, matcher.start()) + render(groups) + text.slice(matcher.end());
    },
  };
}

import type { TextMatch } from '@portolan/core/traffic/model.ts';
import { type LinearPattern, linearPattern } from '../../linear-regex.ts';
import type { RequestView } from '../request-view.ts';

/** Whether a value is what a rule wants; undefined: there is no value. `request` bears the cost of expressions. */
export type TextTest = (value: string | undefined, request: RequestView) => boolean;

/**
 * An expression that is none matches nothing, inverted or not: a rule that cannot be understood lets nobody through. Whoever plans has
 * reported it.
 */
export function compileText(match: TextMatch): TextTest {
  const holds = compileValue(match);
  if (holds === undefined) return () => false;
  if (match.invert === true) return (value, request) => value === undefined || !holds(value, request);
  return (value, request) => value !== undefined && holds(value, request);
}

type ValueTest = (value: string, request: RequestView) => boolean;

function compileValue(match: TextMatch): ValueTest | undefined {
  const fold = match.ignoreCase === true;
  const wanted = asOctets(fold ? match.value.toLowerCase() : match.value);
  switch (match.type) {
    case 'present':
      return () => true;
    case 'exact':
      return folded(fold, (value) => value === wanted);
    case 'prefix':
      return folded(fold, (value) => value.startsWith(wanted));
    case 'suffix':
      return folded(fold, (value) => value.endsWith(wanted));
    case 'contains':
      return folded(fold, (value) => value.includes(wanted));
    case 'regex': {
      const pattern = patternOf(match.value, fold);
      return pattern && ((value, request) => request.spend(value) && pattern.matchesAll(value));
    }
  }
}

function folded(fold: boolean, test: (value: string) => boolean): ValueTest {
  return fold ? (value) => test(value.toLowerCase()) : test;
}

/** Undefined: it is no expression, or too large a one. */
export function patternOf(pattern: string, ignoreCase: boolean): LinearPattern | undefined {
  try {
    return linearPattern(pattern, ignoreCase);
  } catch {
    return undefined;
  }
}

/** Values come as octets, one a character; rules are written in UTF-8. */
function asOctets(text: string): string {
  return /^[ -~]*$/.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

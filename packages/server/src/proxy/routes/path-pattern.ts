import type { PathMatch } from '@portolan/core/traffic/model.ts';
import type { LinearPattern } from '../../linear-regex.ts';
import type { RequestView } from '../request-view.ts';
import { patternOf } from './text-test.ts';

/**
 * How a path match is looked for. Every path that matches begins with `text` (`whole`: is it; `segment`: and goes on with a slash, if at
 * all); what `rest` says must hold besides. All of it in lower case when `fold`, for a path in lower case.
 */
export interface PathPattern {
  readonly text: string;
  readonly whole: boolean;
  readonly segment: boolean;
  readonly fold: boolean;
  /** Undefined: nothing more. */
  readonly rest: ((path: string, request: RequestView) => boolean) | undefined;
}

/** An expression that is none matches nothing. */
export function compilePath(match: PathMatch): PathPattern {
  const fold = match.ignoreCase === true;
  if (match.type === 'regex') return compileRegex(match.value, fold);
  const canonical = canonicalText(match.value);
  const value = fold ? canonical.toLowerCase() : canonical;
  switch (match.type) {
    case 'exact':
      return { text: value, whole: true, segment: false, fold, rest: undefined };
    case 'prefix':
      // `/` means everything, `*` too.
      return { text: value === '/' ? '' : value, whole: false, segment: false, fold, rest: undefined };
    case 'segments': {
      const text = withoutLastSlash(value);
      return { text, whole: false, segment: text !== '', fold, rest: undefined };
    }
  }
}

export function withoutLastSlash(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path;
}

/** Compiled when a path comes for it: a host may have thousands, and a change of the model must not hold up the requests. */
function compileRegex(source: string, fold: boolean): PathPattern {
  const literal = literalPrefix(source);
  let pattern: LinearPattern | 'none' | undefined;
  return {
    text: fold ? literal.toLowerCase() : literal,
    ...{ whole: false, segment: false, fold },
    // An expression that ignores case does so itself: it is given the path in lower case all the same.
    rest: (path, request) => {
      pattern ??= patternOf(source, fold) ?? 'none';
      return pattern !== 'none' && request.spend(path) && pattern.matchesAll(path);
    },
  };
}

/**
 * What every match of an expression begins with, as far as that is plain to see: so that of many expressions only those are tried
 * whose beginning fits.
 */
export function literalPrefix(source: string): string {
  if (mayChooseAtTop(source)) return '';
  const start = source.startsWith('^') ? 1 : 0;
  const literal = /^(?:[\w/~-]|\\[.\-/])*/.exec(source.slice(start))?.[0] ?? '';
  const next = source[start + literal.length];
  const text = literal.replaceAll('\\', '');
  return next !== undefined && '*?{+'.includes(next) ? text.slice(0, -1) : text;
}

/** Whether a `|` stands, or may stand, outside of all groups. */
function mayChooseAtTop(source: string): boolean {
  // Quoting, and classes that hold brackets, would need more than a look.
  if (/\\Q|\[\^?\]|\[:|\[[^\]]*\[/.test(source)) return true;
  const bare = source.replace(/\\./g, '').replace(/\[[^\]]*\]/g, '');
  let depth = 0;
  for (const character of bare) {
    if (character === '(') depth++;
    else if (character === ')') depth--;
    else if (character === '|' && depth <= 0) return true;
  }
  return false;
}

/** As requests' paths are written (RFC 3986 §6.2.2): what is not ASCII escaped, escapes of plain characters decoded, others in capitals. */
export function canonicalText(value: string): string {
  const ascii = value.replace(/[^!-~]+/gu, percentEncoded);
  return ascii.replace(/%[0-9a-f]{2}/gi, (triplet) => {
    const character = String.fromCharCode(Number.parseInt(triplet.slice(1), 16));
    return /[A-Za-z0-9._~-]/.test(character) ? character : triplet.toUpperCase();
  });
}

function percentEncoded(text: string): string {
  return Buffer.from(text, 'utf8')
    .toString('hex')
    .replace(/../g, (octet) => `%${octet}`);
}

import type { PathMatch } from '@portolan/core/traffic/model.ts';

/**
 * Regular expressions that mean the same to nginx' PCRE as they do to RE2, and that PCRE cannot be led astray by: no repeated groups, no
 * look-around, no back references, no flags.
 */
const plain = /^(?:[A-Za-z0-9/_ ~,@%=&!:;'-]|\\[.dws/_-]|\.|\[\^?[A-Za-z0-9_./-]+\]|[*+?](?![*+?])|[()|])*$/;
const repeatedGroup = /\)[*+?{]/;
const specialGroup = /\(\?/;

/** A pattern for the whole of a path, without anchors; undefined: nginx cannot be trusted to see it as we do. */
export function pathRegex({ type, value, ignoreCase }: PathMatch): string | undefined {
  if (!isSayable(value)) return undefined;
  return casePattern(patternOf(type, value), ignoreCase === true);
}

function patternOf(type: PathMatch['type'], value: string): string | undefined {
  switch (type) {
    case 'exact':
      return `${escaped(value)}\\z`;
    case 'prefix':
      return escaped(value);
    case 'segments': {
      const base = value.endsWith('/') ? value.slice(0, -1) : value;
      return `${escaped(base)}(?:/|\\z)`;
    }
    case 'regex':
      return isPlainRegex(value) ? `(?:${value})\\z` : undefined;
  }
}

/** nginx reads an argument of 4,096 bytes at most, and escapes may double a text twice. */
const maxTextBytes = 800;

/** Whether a text can stand in a pattern at all. */
export function isSayable(text: string): boolean {
  // PCRE patterns end at the first zero byte.
  return text.isWellFormed() && !/\p{Cc}/u.test(text) && Buffer.byteLength(text) <= maxTextBytes;
}

export function isPlainRegex(pattern: string): boolean {
  return (
    plain.test(pattern) && !repeatedGroup.test(pattern) && !specialGroup.test(pattern) && compiles(pattern)
  );
}

function compiles(pattern: string): boolean {
  try {
    new RegExp(pattern);
    return true;
  } catch {
    return false;
  }
}

function casePattern(pattern: string | undefined, ignoreCase: boolean): string | undefined {
  return pattern === undefined || !ignoreCase ? pattern : `(?i:${pattern})`;
}

/** PCRE takes every octet that is no letter, digit or `_` as itself after a backslash; others pass as they are. */
export function escaped(text: string): string {
  return text.replaceAll(/[\x21-\x2f\x3a-\x40\x5b-\x5e\x60\x7b-\x7e ]/g, '\\$&');
}

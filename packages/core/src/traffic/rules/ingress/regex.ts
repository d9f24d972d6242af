/**
 * Why an expression of nginx (PCRE) is none for the gateway, which takes those that can be matched in time linear in the text (RE2); undefined:
 * as far as can be seen here, it is one.
 */
export function regexProblem(pattern: string): string | undefined {
  if (pattern.length > maxLength) return `it is longer than ${maxLength} characters`;
  if (/\(\?(?:[=!>]|<[=!])/.test(pattern.replaceAll(/\\./g, '')))
    return `"${pattern}" looks ahead or behind, which is not supported: write it without (?=, (?!, (?<= or (?<!`;
  if (/(?:^|[^\\])(?:\\\\)*\\[1-9]/.test(pattern))
    return `"${pattern}" refers back to a group, which is not supported`;
  try {
    new RegExp(pattern.replaceAll(/\(\?[imsU-]+[:)]/g, '(?:').replaceAll('(?P<', '(?<'));
    return undefined;
  } catch (error) {
    return `"${pattern}" is no expression: ${error instanceof Error ? error.message : ''}`;
  }
}

/** The gateway's own. */
const maxLength = 1_000;

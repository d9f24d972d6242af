import { allowedInTrailer } from '../http1/known-field.ts';

/** Of all trailer fields of a body together. */
const maxTrailerChars = 8_192;
const breaksLine = /[\0\r\n]/;
const lowerToken = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;

/**
 * Trailer fields of HTTP/2 as lines, those that may be passed on. Undefined: they are malformed.
 *
 * @param fields names and values in turn
 */
export function trailerLines(fields: readonly string[]): string | undefined {
  let lines = '';
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = fields[index] as string;
    const value = fields[index + 1] as string;
    if (!lowerToken.test(name) || breaksLine.test(value)) return undefined;
    if (allowedInTrailer(name)) lines += `${name}: ${value}\r\n`;
    if (lines.length > maxTrailerChars) return undefined;
  }
  return lines;
}

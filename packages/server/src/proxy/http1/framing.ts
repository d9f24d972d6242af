import type { FieldTable } from './field-table.ts';
import { field } from './known-field.ts';
import { type Refusal, refusals } from './refusal.ts';

/** How long a body is: its octets (0 = none), or one of the two below. */
export type BodyLength = number;
/** In chunks (RFC 9112 §7.1). */
export const chunkedBody = -1;
/** Until the connection closes (RFC 9112 §6.3 rule 8): responses only. */
export const bodyUntilClose = -2;
/** Neither field says anything: it depends on what the message is. */
export const bodyUnspecified = -3;

/** 2^53 - 1 has 16 digits; more are refused before they are added up. */
const maxLengthDigits = 16;
const lastChunked = /^chunked$/i;
const endsWithUnknownCoding = /^[!#$%&'*+.^_`|~0-9a-z-]+(?:[ \t]*,[ \t]*chunked)?$/i;

/**
 * The body's length as its fields say it (RFC 9112 §6), strictly: `Content-Length` at most once and only digits,
 * `Transfer-Encoding` at most once and exactly `chunked`, never both, never on HTTP/1.0.
 */
export function framingOf(
  table: FieldTable,
  text: string,
  base: number,
  minor: number,
): BodyLength | Refusal {
  let length: BodyLength = bodyUnspecified;
  for (let index = 0; index < table.count; index++) {
    const known = table.known[index];
    if (known !== field.contentLength && known !== field.transferEncoding) continue;
    if (length !== bodyUnspecified) return repeated(known, length);
    const value = table.value(index, text, base);
    const said = known === field.contentLength ? contentLength(value) : transferEncoding(value, minor);
    if (typeof said !== 'number') return said;
    length = said;
  }
  return length;
}

function repeated(known: number, earlier: BodyLength): Refusal {
  const same = (known === field.transferEncoding) === (earlier === chunkedBody);
  if (!same) return refusals.conflictingLength;
  return known === field.contentLength ? refusals.badContentLength : refusals.badTransferEncoding;
}

function contentLength(value: string): BodyLength | Refusal {
  if (value.length === 0 || value.length > maxLengthDigits) return refusals.badContentLength;
  let length = 0;
  for (let index = 0; index < value.length; index++) {
    const digit = value.charCodeAt(index) - 0x30;
    if (digit < 0 || digit > 9) return refusals.badContentLength;
    length = length * 10 + digit;
  }
  return Number.isSafeInteger(length) ? length : refusals.badContentLength;
}

function transferEncoding(value: string, minor: number): BodyLength | Refusal {
  if (minor === 0) return refusals.badTransferEncoding;
  if (lastChunked.test(value)) return chunkedBody;
  if (/^chunked[ \t]*,/i.test(value)) return refusals.badTransferEncoding;
  return endsWithUnknownCoding.test(value) ? refusals.unknownTransferCoding : refusals.badTransferEncoding;
}

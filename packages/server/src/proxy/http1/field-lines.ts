import type { FieldTable } from './field-table.ts';
import { field } from './known-field.ts';

/** Which fields the proxy keeps to itself, by number: they frame, name or vouch for one hop only. */
const ownedInRequest = ownedNumbers([
  ...[field.host, field.connection, field.contentLength, field.transferEncoding, field.keepAlive],
  ...[field.proxyConnection, field.te, field.trailer, field.upgrade, field.expect, field.http2Settings],
  ...[
    field.xForwardedFor,
    field.xForwardedProto,
    field.xForwardedHost,
    field.forwardedOther,
    field.xRequestId,
    field.hops,
    field.sslClient,
  ],
]);
const ownedInResponse = ownedNumbers([
  ...[field.connection, field.contentLength, field.transferEncoding, field.keepAlive],
  ...[field.proxyConnection, field.te, field.trailer, field.upgrade],
]);

function ownedNumbers(numbers: readonly number[]): Uint8Array {
  const owned = new Uint8Array(32);
  for (const number of numbers) owned[number] = 1;
  return owned;
}

/** The lines of a request that pass to the next hop, each written as `name: value` CR LF. */
export function requestLines(
  table: FieldTable,
  text: string,
  base: number,
  named: readonly string[],
): string {
  return lines(table, text, base, named, ownedInRequest);
}

/** The same of a response. */
export function responseLines(
  table: FieldTable,
  text: string,
  base: number,
  named: readonly string[],
): string {
  return lines(table, text, base, named, ownedInResponse);
}

/** The lines of the fields with number `known`. */
export function linesOf(table: FieldTable, text: string, base: number, known: number): string {
  let rendered = '';
  for (let index = 0; index < table.count; index++) {
    if (table.known[index] === known) rendered += lineOf(table, text, base, index);
  }
  return rendered;
}

/**
 * Neighbouring lines that are checked and already have our form are taken over as one span: the octets are those that
 * writing them anew would give.
 */
function lines(
  table: FieldTable,
  text: string,
  base: number,
  named: readonly string[],
  owned: Uint8Array,
): string {
  let rendered = '';
  let spanStart = -1;
  let spanEnd = 0;
  for (let index = 0; index < table.count; index++) {
    const keep =
      owned[table.known[index] as number] === 0 &&
      (named.length === 0 || !named.includes(table.lowerName(index, text, base)));
    if (keep && table.canonical[index] === 1) {
      if (spanStart === -1) spanStart = table.nameStart[index] as number;
      spanEnd = (table.valueEnd[index] as number) + 2;
      continue;
    }
    if (spanStart !== -1) rendered += text.slice(spanStart - base, spanEnd - base);
    spanStart = -1;
    if (keep) rendered += lineOf(table, text, base, index);
  }
  return spanStart === -1 ? rendered : rendered + text.slice(spanStart - base, spanEnd - base);
}

function lineOf(table: FieldTable, text: string, base: number, index: number): string {
  const name = text.slice((table.nameStart[index] as number) - base, (table.nameEnd[index] as number) - base);
  return `${name}: ${table.value(index, text, base)}\r\n`;
}

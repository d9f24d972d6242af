import { bodyUntilClose, chunkedBody } from '../http1/framing.ts';
import { type Refusal, refusals } from '../http1/refusal.ts';
import type { ResponseHead, ResponseReader } from '../http1/response-reader.ts';
import { connectionSpecific } from '../http2/response-fields.ts';

const lowerToken = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
/** What would end a line of HTTP/1. */
const breaksLine = /[\0\r\n]/;

/**
 * Reads a response's head of HTTP/2 as strictly as one of HTTP/1, by the same reader.
 *
 * @param fields names and values in turn, in the order in which they came
 * @param whole no body follows
 */
export function readResponse(
  reader: ResponseReader,
  fields: readonly string[],
  method: string,
  whole: boolean,
): ResponseHead | Refusal {
  const text = responseText(fields);
  if (typeof text !== 'string') return text;
  const bytes = Buffer.from(text, 'latin1');
  const head = reader.read(bytes, 0, bytes.length, method);
  if (head === undefined || (head.type === 'response' && reader.end !== bytes.length)) {
    return refusals.badStatusLine;
  }
  if (head.type === 'refusal') return head;
  const body = whole ? 0 : head.body === bodyUntilClose ? chunkedBody : head.body;
  return body === head.body ? head : { ...head, body };
}

function responseText(fields: readonly string[]): string | Refusal {
  let status = '';
  let lines = '';
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const name = fields[index] as string;
    const value = fields[index + 1] as string;
    if (name === ':status') {
      if (status !== '' || lines !== '' || !/^[1-5][0-9]{2}$/.test(value)) return refusals.badStatusLine;
      status = value;
      continue;
    }
    if (!lowerToken.test(name)) return refusals.badFieldName;
    if (breaksLine.test(value)) return refusals.badFieldValue;
    if (connectionSpecific.has(name)) return refusals.connectionSpecific;
    lines += `${name}: ${value}\r\n`;
  }
  return status === '' ? refusals.badStatusLine : `HTTP/1.1 ${status} \r\n${lines}\r\n`;
}

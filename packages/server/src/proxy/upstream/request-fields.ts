import { chunkedBody } from '../http1/framing.ts';
import { fieldValue } from '../http1/line-fields.ts';
import type { RequestHead } from '../http1/request-head.ts';
import { addLines } from '../http2/response-fields.ts';

/**
 * A request's head as HTTP/2 has it: names in small letters and values, in turn; pseudo-header fields first.
 *
 * @param forwardedLines who asked
 */
export function requestFields(head: RequestHead, forwardedLines: string, scheme: 'http' | 'https'): string[] {
  const { method, path, query, authority, lines, body } = head;
  const fields = [':method', method, ':scheme', scheme, ':authority', authority.text, ':path', path + query];
  addLines(fields, lines);
  addLines(fields, forwardedLines);
  if (body !== chunkedBody && (body > 0 || fieldValue(lines, 'content-type') !== undefined)) {
    fields.push('content-length', String(body));
  }
  // We pass trailers on, and gRPC servers insist on being told so.
  if (head.trailers || fieldValue(lines, 'content-type')?.startsWith('application/grpc') === true) {
    fields.push('te', 'trailers');
  }
  return fields;
}

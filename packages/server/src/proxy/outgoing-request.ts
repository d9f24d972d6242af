import { framingLine } from './http1/body-writer.ts';
import type { BodyLength } from './http1/framing.ts';
import type { RequestHead } from './http1/request-head.ts';

/** Methods whose empty body is said aloud (RFC 9110 §8.6). */
const bodyByNature: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

/**
 * The head of a request to an HTTP/1 upstream, written anew.
 *
 * @param forwardedLines who asked
 * @param body how long it is as it is sent on
 */
export function requestHeadText(head: RequestHead, forwardedLines: string, body: BodyLength): string {
  const { method, path, query, authority, lines, upgrade } = head;
  const framing = body === 0 && !bodyByNature.has(method) ? '' : framingLine(body);
  return (
    `${method} ${path}${query} HTTP/1.1\r\nHost: ${authority.text}\r\n${lines}${framing}` +
    (upgrade ? 'Connection: upgrade\r\nUpgrade: websocket\r\n' : '') +
    `${forwardedLines}\r\n`
  );
}

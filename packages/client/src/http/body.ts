import type { Readable } from 'node:stream';
import { Fault } from '@portolan/core/base/fault.ts';

/** The whole body; a `too-large` fault past `maxBytes`, `unavailable` if the peer breaks off. */
export async function readBody(body: Readable, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) {
        throw new Fault('too-large', `the answer is larger than ${maxBytes} bytes`);
      }
      chunks.push(chunk);
    }
  } catch (thrown) {
    body.destroy();
    if (thrown instanceof Fault) throw thrown;
    throw new Fault('unavailable', 'the answer broke off', { cause: thrown });
  }
  return Buffer.concat(chunks, bytes);
}

/** The first value of a header in a flat list of names and values; '' if it is not there. */
export function headerOf(rawHeaders: readonly string[], lowerCaseName: string): string {
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.toLowerCase() === lowerCaseName) return rawHeaders[at + 1] ?? '';
  }
  return '';
}

import type { IncomingMessage } from 'node:http';
import { Fault } from '@portolan/core/base/fault.ts';
import { maxDiscardedBytes } from './limits.ts';

const nothing = Buffer.alloc(0);

/**
 * The whole body. Rejects with `too-large` when it is longer than `maxBytes` (the message is `tooLarge(bytes)`), and with
 * `cancelled` when the peer goes away. A slow body ends by the listener's `requestTimeoutMs`.
 */
export function readBody(
  request: IncomingMessage,
  maxBytes: number,
  tooLarge: (bytes: number) => string = (bytes) =>
    `The request body of ${bytes} bytes is larger than the limit of ${maxBytes}.`,
): Promise<Buffer> {
  const declared = Number(request.headers['content-length'] ?? -1);
  if (declared === 0) return Promise.resolve(nothing);
  if (declared > maxDiscardedBytes) return Promise.reject(new Fault('too-large', tooLarge(declared)));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= maxBytes) chunks.push(chunk);
      else if (bytes > maxDiscardedBytes) reject(new Fault('too-large', tooLarge(bytes)));
    });
    request.on('end', () => {
      if (bytes > maxBytes) reject(new Fault('too-large', tooLarge(bytes)));
      else resolve(chunks.length === 1 ? (chunks[0] ?? nothing) : Buffer.concat(chunks, bytes));
    });
    request.on('error', () => reject(new Fault('cancelled', 'The client went away within its request.')));
    request.on('close', () => {
      if (!request.complete) reject(new Fault('cancelled', 'The client went away within its request.'));
    });
  });
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The body as text. Throws `invalid` where it is not UTF-8. */
export function bodyText(body: Buffer): string {
  try {
    return strictUtf8.decode(body);
  } catch (cause) {
    throw new Fault('invalid', 'The request body is not UTF-8.', { cause });
  }
}

import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { Fault } from '@portolan/core/base/fault.ts';
import type { Outcome } from '../http/transport.ts';
import { limits } from '../limits.ts';

/** A request that can be sent any number of times. */
export interface RepeatableRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** RFC 9110 §9.2.2: doing it twice is doing it once. */
  readonly idempotent: boolean;
}

const idempotentMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

/** What `fetch` takes, with its body read into memory. */
export async function repeatable(service: string, init: RequestInit): Promise<RepeatableRequest> {
  const { signal: _signal, ...rest } = init;
  // A Request does fetch's own work: kinds of body, content-type, the check of method and headers.
  const request = standardRequest(rest);
  const body = request.body === null ? undefined : await bodyOf(request);
  const headers = Object.fromEntries(request.headers);
  // What the caller wrote in the URL is what the service sees, as through any other proxy.
  if (/^[\w.-]+$/.test(service)) headers.host ??= service;
  return {
    method: request.method,
    headers,
    idempotent: idempotentMethods.has(request.method),
    ...(body === undefined ? {} : { body }),
  };
}

function standardRequest(init: RequestInit): Request {
  try {
    return new Request('http://service.invalid/', init);
  } catch (thrown) {
    throw new Fault('invalid', `init: ${Fault.from(thrown).message}`, { cause: thrown, path: 'init' });
  }
}

async function bodyOf(request: Request): Promise<Uint8Array> {
  const body = new Uint8Array(await request.arrayBuffer());
  if (body.byteLength > limits.maxRequestBodyBytes) {
    throw new Fault(
      'too-large',
      `body: more than ${limits.maxRequestBodyBytes} bytes cannot be kept for a retry`,
    );
  }
  return body;
}

/** The answer as `fetch` gives it. Redirects, errors and all other statuses are the caller's to read. */
export function responseOf(method: string, outcome: Extract<Outcome, { outcome: 'response' }>): Response {
  const headers = new Headers();
  for (let at = 0; at + 1 < outcome.rawHeaders.length; at += 2) {
    headers.append(outcome.rawHeaders[at] ?? '', outcome.rawHeaders[at + 1] ?? '');
  }
  const { status } = outcome;
  const empty = method === 'HEAD' || status === 204 || status === 205 || status === 304;
  if (empty) outcome.body.resume();
  const body = empty ? null : (Readable.toWeb(outcome.body) as ReadableStream<Uint8Array>);
  return new Response(body as ConstructorParameters<typeof Response>[0], {
    status,
    statusText: outcome.statusText,
    headers,
  });
}

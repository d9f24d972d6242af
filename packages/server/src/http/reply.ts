import type { ServerResponse } from 'node:http';
import { hasRoomFor } from './answer-budget.ts';
import { beforeAnswer } from './leftover.ts';

/** An answer as plain data. One reply may be sent to any number of requests. */
export interface Reply {
  readonly status: number;
  /** Name, value, name, value …; with Content-Length, where there is a body. */
  readonly headers: readonly string[];
  readonly body: Buffer;
}

const noBody = Buffer.alloc(0);

export function reply(status: number, headers: readonly string[] = [], body: Buffer = noBody): Reply {
  return { status, headers: [...headers, 'Content-Length', String(body.length)], body };
}

export function textReply(status: number, text: string, headers: readonly string[] = []): Reply {
  return reply(status, ['Content-Type', 'text/plain; charset=utf-8', ...headers], Buffer.from(text));
}

/** `?pretty`: four spaces and a final newline, as Consul does. */
export function jsonText(value: unknown, pretty: boolean): string {
  return pretty ? `${JSON.stringify(value, undefined, 4)}\n` : JSON.stringify(value);
}

export function jsonReply(
  status: number,
  value: unknown,
  options: { pretty?: boolean; headers?: readonly string[] } = {},
): Reply {
  const body = Buffer.from(jsonText(value, options.pretty ?? false));
  return reply(status, ['Content-Type', 'application/json', ...(options.headers ?? [])], body);
}

const tooManyLarge = textReply(503, 'Too many large answers wait to be read: retry in a moment.', [
  'Retry-After',
  '1',
]);

/** Sends it, or 503 where too many large answers are on their way. Nothing happens if the peer is gone. */
export function send(response: ServerResponse, wanted: Reply): void {
  if (response.destroyed || response.headersSent) return;
  const answer = hasRoomFor(response, wanted.body) ? wanted : tooManyLarge;
  beforeAnswer(response);
  // Node takes the flat list as it is, but its type wants to own it.
  response.writeHead(answer.status, answer.headers as string[]);
  // An empty chunk would cost a write of its own.
  if (answer.body.length === 0) response.end();
  else response.end(answer.body);
}

import { Fault } from '@portolan/core/base/fault.ts';
import { headerOf, readBody } from '../http/body.ts';
import type { Outcome, OutgoingRequest, Transport } from '../http/transport.ts';
import { limits } from '../limits.ts';
import { faultOfAnswer } from './answer-fault.ts';
import { serverUrl } from './server-url.ts';

/** One registry, spoken to over Consul's HTTP API. */
export interface RegistryConnection {
  /** Resolves with a 2xx answer; every other one, and every failure on the way, is a `Fault`. */
  ask(question: Question): Promise<Answer>;
  readonly server: URL;
}

export interface Question {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Below the server's URL, without a leading slash; each segment already encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: string | Uint8Array;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Whether doing it twice is the same as doing it once; default true. */
  readonly repeatable?: boolean;
}

export interface Answer {
  readonly text: string;
  /** `X-Consul-Index`; 0 where the answer has none. */
  readonly index: number;
}

export function connectRegistry(
  transport: Transport,
  options: { server: string; token?: string; timeoutMs?: number },
): RegistryConnection {
  const server = serverUrl(options.server);
  const headers: Record<string, string> = { accept: 'application/json' };
  if (options.token !== undefined && options.token !== '')
    headers['x-consul-token'] = validToken(options.token);

  async function ask(question: Question): Promise<Answer> {
    const outcome = await sendTwice(transport, question.repeatable ?? true, {
      method: question.method,
      url: urlOf(server, question),
      headers,
      ...(question.body === undefined ? {} : { body: question.body }),
      connectTimeoutMs: limits.connectTimeoutMs,
      responseTimeoutMs: question.timeoutMs ?? options.timeoutMs ?? limits.registryTimeoutMs,
      ...(question.signal === undefined ? {} : { signal: question.signal }),
    });
    if (outcome.outcome === 'failed') throw outcome.fault;
    const text = (await readBody(outcome.body, limits.maxRegistryBodyBytes)).toString('utf8');
    if (outcome.status < 200 || outcome.status > 299) {
      throw faultOfAnswer(question.method, question.path, outcome.status, text);
    }
    return { text, index: indexOf(headerOf(outcome.rawHeaders, 'x-consul-index')) };
  }

  return { ask, server };
}

/** Once more when a kept-alive connection turned out to be closed: that says nothing about the registry. */
async function sendTwice(
  transport: Transport,
  repeatable: boolean,
  request: OutgoingRequest,
): Promise<Outcome> {
  const first = await transport.send(request);
  const again =
    first.outcome === 'failed' && first.reused && repeatable && first.fault.code === 'unavailable';
  return again ? transport.send(request) : first;
}

function urlOf(server: URL, question: Question): URL {
  const url = new URL(server.pathname + question.path, server);
  for (const [name, value] of Object.entries(question.query ?? {})) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  return url;
}

function validToken(token: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are exactly what a header must not carry
  if (/[\u0000-\u0020\u007f-\uffff]/.test(token)) {
    throw new Fault('invalid', 'token: it has a space, a line break or a character outside ASCII', {
      path: 'token',
    });
  }
  return token;
}

function indexOf(header: string): number {
  const index = Number(header);
  return Number.isSafeInteger(index) && index > 0 ? index : 0;
}

import { type Agent, type IncomingMessage, request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { isIP } from 'node:net';
import type { Clock } from '@portolan/core/base/clock.ts';
import { Fault } from '@portolan/core/base/fault.ts';
import { type EngineAddress, formatEngineAddress } from './config.ts';
import { limits } from './limits.ts';
import type { TlsFiles } from './tls-files.ts';

export interface Exchange {
  readonly address: EngineAddress;
  /** Of an engine that is spoken to over TLS. */
  readonly tls?: TlsFiles;
  /** `false`: a connection of its own. */
  readonly agent: Agent | false;
  readonly clock: Clock;
  readonly path: string;
  /** Until the answer is whole (`getText`), or has begun (`openStream`). */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** What an engine answered, whole. */
export interface Answer {
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

/**
 * One GET. Rejects with a `Fault`: `not-found`, `timeout`, `too-large`, `cancelled` by the signal, else `unavailable`, with
 * the engine's own words.
 */
export function getText(exchange: Exchange, maxBytes: number): Promise<Answer> {
  return within(exchange, async (signal) => {
    const response = await answerTo(exchange, signal);
    const text = await readText(response, maxBytes, exchange.path);
    return { headers: response.headers, text };
  });
}

/** A GET whose answer goes on and on: resolves when its head is there. It ends when `signal` aborts. */
export function openStream(exchange: Exchange): Promise<IncomingMessage> {
  return within(exchange, () => answerTo(exchange, exchange.signal));
}

async function within<T>(exchange: Exchange, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { clock, timeoutMs, path, address } = exchange;
  const late = new AbortController();
  const timedOut = Promise.withResolvers<never>();
  const cancel = clock.after(timeoutMs, () => {
    timedOut.reject(
      new Fault('timeout', `${formatEngineAddress(address)} took longer than ${timeoutMs} ms for ${path}`),
    );
    late.abort();
  });
  try {
    return await Promise.race([work(AbortSignal.any([exchange.signal, late.signal])), timedOut.promise]);
  } finally {
    cancel();
  }
}

async function answerTo(exchange: Exchange, signal: AbortSignal): Promise<IncomingMessage> {
  const response = await send(exchange, signal);
  const { statusCode = 0 } = response;
  if (statusCode === 200) return response;
  const text = await readText(response, limits.maxInfoBytes, exchange.path);
  const code = statusCode === 404 ? 'not-found' : 'unavailable';
  throw new Fault(code, `${exchange.path}: ${statusCode} ${messageOf(text)}`);
}

/** A kept connection may have been closed by the engine just now: then a new one is asked, once. */
function send(exchange: Exchange, signal: AbortSignal): Promise<IncomingMessage> {
  const { address, agent, path, tls } = exchange;
  const options = { ...whereOf(address), agent, path, signal, headers: { host: 'docker' } };
  return new Promise((resolve, reject) => {
    const sent =
      tls === undefined
        ? request(options)
        : secureRequest({ ...options, ...tls, servername: serverNameOf(address) });
    sent.on('response', resolve);
    sent.on('error', (error: NodeJS.ErrnoException) => {
      if (sent.reusedSocket && error.code === 'ECONNRESET') {
        resolve(send({ ...exchange, agent: false }, signal));
      } else reject(unreachable(address, error));
    });
    sent.on('socket', (socket) => socket.setKeepAlive(true, limits.pingEveryMs));
    sent.end();
  });
}

function whereOf(address: EngineAddress) {
  return address.kind === 'unix' ? { socketPath: address.path } : { host: address.host, port: address.port };
}

/** Said outright, or the certificate would be held against the Host header. '' for an address, which no certificate's name can be. */
function serverNameOf(address: EngineAddress): string {
  return address.kind === 'unix' || isIP(address.host) !== 0 ? '' : address.host;
}

function readText(response: IncomingMessage, maxBytes: number, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= maxBytes) chunks.push(chunk);
      else response.destroy(new Fault('too-large', `${path}: the answer is larger than ${maxBytes} bytes`));
    });
    response.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    response.on('error', (error) => reject(broken(error)));
    response.on('close', () => reject(broken(new Error('the answer broke off'))));
  });
}

function messageOf(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    if (typeof message === 'string') return message.slice(0, 500);
  } catch {
    // Not the engine's own form: shown as it is.
  }
  return text.slice(0, 500);
}

function unreachable(address: EngineAddress, error: Error & { readonly reason?: string }): Fault {
  if (error.name === 'AbortError') return new Fault('cancelled', error.message, { cause: error });
  // Of a TLS failure the reason alone can be read.
  const why = error.reason ?? error.message;
  return new Fault('unavailable', `${formatEngineAddress(address)} cannot be reached: ${why}`, {
    cause: error,
  });
}

function broken(error: Error): Fault {
  if (error instanceof Fault) return error;
  return new Fault(error.name === 'AbortError' ? 'cancelled' : 'unavailable', error.message, {
    cause: error,
  });
}

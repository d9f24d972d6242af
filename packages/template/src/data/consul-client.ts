import { Agent, type IncomingMessage, request as plainRequest } from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import { Fault } from '@portolan/core/base/fault.ts';
import { type ConsulAddress, type Endpoint, endpointOf } from './consul-address.ts';

/** One answer of the HTTP API. */
export interface Answer {
  /** The decoded JSON; undefined for 404. */
  readonly body: unknown;
  /** `X-Consul-Index`; 0 where there is none. */
  readonly index: number;
}

/** More than this is refused: the largest key space that a template could reasonably list. */
const maxAnswerBytes = 256 * 1024 * 1024;
/** The server may answer this much later than `wait`: it adds up to a sixteenth, and the network takes its time. */
const graceMs = 10_000;

/** consul-template's `max_stale`. */
export const defaultMaxStaleMs = 2000;

/** Reads a Consul HTTP API. Connections are kept; each blocking query has one to itself. */
export class ConsulClient {
  readonly #endpoint: Endpoint;
  readonly #agent: Agent;
  readonly #maxStaleMs: number;

  /** Answers that are up to `maxStaleMs` old are taken from any server, older ones asked again of the leader. */
  constructor(address: ConsulAddress, maxStaleMs = defaultMaxStaleMs) {
    this.#maxStaleMs = maxStaleMs;
    this.#endpoint = endpointOf(address);
    const options = { keepAlive: true, maxSockets: Number.POSITIVE_INFINITY };
    this.#agent = this.#endpoint.secure ? new SecureAgent(options) : new Agent(options);
  }

  /**
   * GETs `path`; `block` waits until the index is above `block.index`, at most `block.waitMs`. Rejects with a `Fault`:
   * `unavailable` (not reached, 5xx, 429), `denied` (401, 403), `invalid` (another 4xx), `cancelled`.
   */
  async get(
    path: string,
    block: { index: number; waitMs: number } | undefined,
    signal: AbortSignal,
  ): Promise<Answer> {
    const mark = path.includes('?') ? '&' : '?';
    const full = block === undefined ? path : `${path}${mark}index=${block.index}&wait=${block.waitMs}ms`;
    const timeoutMs = (block?.waitMs ?? 0) * (17 / 16) + graceMs;
    const mayBeStale = block !== undefined && this.#maxStaleMs > 0;
    let response = await this.#request(mayBeStale ? `${full}&stale` : full, timeoutMs, signal);
    if (mayBeStale && Number(response.headers['x-consul-lastcontact'] ?? 0) > this.#maxStaleMs) {
      response.resume();
      response = await this.#request(full, timeoutMs, signal);
    }
    const text = await bodyOf(response);
    const index = Number(response.headers['x-consul-index'] ?? 0) || 0;
    const status = response.statusCode ?? 0;
    if (status === 404) return { body: undefined, index };
    if (status !== 200) throw refusal(status, text, path);
    return { body: decode(text, path), index };
  }

  close(): void {
    this.#agent.destroy();
  }

  #request(path: string, timeoutMs: number, signal: AbortSignal): Promise<IncomingMessage> {
    const send = this.#endpoint.secure ? secureRequest : plainRequest;
    return new Promise((resolve, reject) => {
      const request = send(
        { ...this.#endpoint.options, path, agent: this.#agent, signal, timeout: timeoutMs },
        resolve,
      );
      request.on('timeout', () => request.destroy(new Error(`no answer within ${Math.round(timeoutMs)} ms`)));
      request.on('error', (error) => reject(unreached(error, signal)));
      request.end();
    });
  }
}

function unreached(error: Error, signal: AbortSignal): Fault {
  return signal.aborted
    ? new Fault('cancelled', 'cancelled', { cause: error })
    : new Fault('unavailable', `the registry cannot be reached: ${error.message}`, { cause: error });
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxAnswerBytes)
        throw new Fault('too-large', `an answer of more than ${maxAnswerBytes} bytes`);
      chunks.push(chunk);
    }
  } catch (thrown) {
    if (thrown instanceof Fault) throw thrown;
    throw new Fault('unavailable', `the answer broke off: ${Fault.from(thrown).message}`, { cause: thrown });
  }
  return Buffer.concat(chunks).toString('utf8');
}

function refusal(status: number, text: string, path: string): Fault {
  const code =
    status === 401 || status === 403 ? 'denied' : status >= 500 || status === 429 ? 'unavailable' : 'invalid';
  return new Fault(code, `${path}: ${status} ${text.slice(0, 500).trim()}`);
}

function decode(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw new Fault('unavailable', `${path}: the answer is not JSON: ${text.slice(0, 80)}`, {
      cause: thrown,
    });
  }
}

import {
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import type { Clock } from '@portolan/core/base/clock.ts';
import type { ConnectGuard } from '../../connect-guard.ts';

export interface SubrequestAnswer {
  readonly status: number;
  /** Name in lower case, value; as they came. */
  readonly headers: readonly (readonly [string, string])[];
  /** As far as it is read. */
  readonly body: string;
}

/** Of an answer that is passed on; the rest is cut off. */
const maxBodyBytes = 16_384;
/** Connections to one service; more subrequests wait for one. */
const maxConnections = 64;

/** Asks other services on behalf of policies, by HTTP and HTTPS, with kept connections. Redirects are not followed. */
export class Subrequests {
  readonly #guard: ConnectGuard;
  readonly #clock: Clock;
  readonly #http = new HttpAgent({ keepAlive: true, maxSockets: maxConnections, timeout: 60_000 });
  readonly #https = new HttpsAgent({ keepAlive: true, maxSockets: maxConnections, timeout: 60_000 });

  constructor(guard: ConnectGuard, clock: Clock) {
    this.#guard = guard;
    this.#clock = clock;
  }

  /**
   * @param settle called once, later, unless the returned function was called: with undefined if there was no answer, or none in time
   */
  ask(
    url: URL,
    options: { method: string; headers: readonly string[]; timeoutMs: number },
    settle: (answer: SubrequestAnswer | undefined) => void,
  ): () => void {
    const secure = url.protocol === 'https:';
    const port = Number(url.port) || (secure ? 443 : 80);
    const host = url.hostname.replace(/^\[|\]$/g, '');
    if (isIP(host) !== 0 && !this.#guard.permits(host, port))
      return this.#clock.after(0, () => settle(undefined));
    const common: RequestOptions = {
      ...{ host, port, path: url.pathname + url.search, method: options.method },
      headers: ['Host', url.host, ...options.headers],
      lookup: this.#guard.lookupFor(port),
    };
    const asked = secure
      ? httpsRequest({ ...common, agent: this.#https })
      : httpRequest({ ...common, agent: this.#http });
    let over = false;
    const end = (answer: SubrequestAnswer | undefined): void => {
      if (over) return;
      over = true;
      stopTimer();
      settle(answer);
      if (answer === undefined) asked.destroy();
    };
    const stopTimer = this.#clock.after(options.timeoutMs, () => end(undefined));
    asked.on('response', (response) => readAnswer(response, end));
    asked.on('error', () => end(undefined));
    asked.end();
    return () => {
      over = true;
      stopTimer();
      asked.destroy();
    };
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
  }
}

function readAnswer(response: IncomingMessage, end: (answer: SubrequestAnswer | undefined) => void): void {
  let body = '';
  const finish = (): void =>
    end({ status: response.statusCode ?? 0, headers: pairs(response.rawHeaders), body });
  response.on('data', (bytes: Buffer) => {
    body += bytes.toString('latin1', 0, maxBodyBytes - body.length);
    if (body.length < maxBodyBytes) return;
    finish();
    response.destroy();
  });
  response.on('end', finish);
  response.on('error', () => end(undefined));
  response.on('close', () => end(undefined));
}

function pairs(raw: readonly string[]): [string, string][] {
  const found: [string, string][] = [];
  for (let at = 0; at + 1 < raw.length; at += 2)
    found.push([(raw[at] ?? '').toLowerCase(), raw[at + 1] ?? '']);
  return found;
}

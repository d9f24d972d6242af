import {
  type ClientRequest,
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
export const maxAnswerBytes = 16_384;
/** Connections to one service; more subrequests wait for one. */
const maxConnections = 64;

/** One question, however often it is sent. */
interface Asking {
  request: ClientRequest | undefined;
  over: boolean;
}

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
   *   A kept connection that the service had closed meanwhile is nobody's answer: it is asked once more.
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
    const asking: Asking = { request: undefined, over: false };
    const end = (answer: SubrequestAnswer | undefined): void => {
      if (asking.over) return;
      asking.over = true;
      stopTimer();
      if (answer === undefined) asking.request?.destroy();
      settle(answer);
    };
    const stopTimer = this.#clock.after(options.timeoutMs, () => end(undefined));
    const common: RequestOptions = {
      ...{ host, port, path: url.pathname + url.search, method: options.method },
      headers: ['Host', url.host, ...options.headers],
      lookup: this.#guard.lookupFor(port),
    };
    this.#send(secure, common, asking, end);
    return () => {
      asking.over = true;
      stopTimer();
      asking.request?.destroy();
    };
  }

  #send(
    secure: boolean,
    common: RequestOptions,
    asking: Asking,
    end: (answer: SubrequestAnswer | undefined) => void,
  ): void {
    const request = secure
      ? httpsRequest({ ...common, agent: this.#https })
      : httpRequest({ ...common, agent: this.#http });
    asking.request = request;
    let answered = false;
    request.on('response', (response) => {
      answered = true;
      readAnswer(response, end);
    });
    request.on('error', () => {
      if (asking.over || answered || !request.reusedSocket) end(undefined);
      else this.#send(secure, common, asking, end);
    });
    request.end();
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
    body += bytes.toString('latin1', 0, maxAnswerBytes - body.length);
    if (body.length < maxAnswerBytes) return;
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

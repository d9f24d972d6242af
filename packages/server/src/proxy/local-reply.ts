import { STATUS_CODES } from 'node:http';
import type { Clock } from '@portolan/core/base/clock.ts';

/** An answer that the proxy gives by itself. */
export interface LocalReply {
  readonly status: number;
  readonly body: string;
  /** Empty: none is said. */
  readonly contentType: string;
  /** Further header lines, CR LF after each. */
  readonly lines?: string;
  /** Why it is answered so, for the access log: stable, kebab-case. */
  readonly code?: string;
}

/** They have no body (RFC 9110 §15.3.5, §15.4.5), and none is announced. */
export function hasBody(status: number): boolean {
  return status !== 204 && status !== 304;
}

export function textReply(status: number, text: string): LocalReply {
  return { status, body: `${text}\n`, contentType: 'text/plain; charset=utf-8' };
}

/** What a host that nobody claimed is answered: the liveness of the gateway, or 404. */
export function defaultBackend(path: string): LocalReply {
  return path === '/healthz' ? textReply(200, 'ok') : textReply(404, 'default backend - 404');
}

/** Renders replies; the `Date` line is made once a second. */
export class LocalReplies {
  readonly #clock: Clock;
  #second = -1;
  #date = '';

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The whole reply, UTF-8 octets as Latin-1 text. `connection`: the value of the `Connection` field, or empty. */
  render(reply: LocalReply, options: { bodyless: boolean; connection: string; lines: string }): string {
    const body = Buffer.from(reply.body, 'utf8').toString('latin1');
    const connection = options.connection === '' ? '' : `Connection: ${options.connection}\r\n`;
    const type = reply.contentType === '' ? '' : `Content-Type: ${reply.contentType}\r\n`;
    const bodied = hasBody(reply.status);
    const length = bodied ? `Content-Length: ${body.length}\r\n` : '';
    return (
      `HTTP/1.1 ${reply.status} ${STATUS_CODES[reply.status] ?? ''}\r\n${this.#dateLine()}${type}${length}` +
      `${options.lines}${connection}\r\n${options.bodyless || !bodied ? '' : body}`
    );
  }

  #dateLine(): string {
    const second = Math.floor(this.#clock.wallMs() / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#date = `Date: ${new Date(second * 1_000).toUTCString()}\r\n`;
    }
    return this.#date;
  }
}

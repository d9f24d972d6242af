import { isIP, type Socket } from 'node:net';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import type { Health } from '@portolan/core/catalog/records.ts';
import { Dial, type Dialer, type DialHandler, formatEndpoint, refusal } from './dial.ts';
import { type HttpProbe, type HttpRequest, httpRequest } from './http-request.ts';
import { HttpResponse } from './http-response.ts';
import { output, reasonOf } from './output.ts';
import { impossible, type ProbeResult, type ProbeRun, type Prober } from './probe.ts';

/**
 * One request on a connection of its own: 2xx is passing, 429 is a warning, everything else critical. A redirect is not
 * followed (a check that may be sent anywhere is a way into our network), so it is critical.
 */
export function httpProber(probe: HttpProbe, dialer: Dialer): Prober {
  const request = httpRequest(probe);
  const shownMethod = probe.method === '' ? 'GET' : probe.method.toUpperCase();
  const cannot = typeof request === 'string' ? request : refusal(request.endpoint, dialer.rules);
  if (typeof request === 'string' || cannot !== undefined) {
    return impossible(output.httpFailed(shownMethod, probe.url, cannot ?? ''));
  }
  return { start: (done) => new HttpRun(request, probe, dialer, done) };
}

/** Filled by one socket at a time and read before the next one is: they all share it. */
const readBuffer = Buffer.allocUnsafeSlow(16 * 1024);

class HttpRun implements ProbeRun, DialHandler {
  readonly #request: HttpRequest;
  readonly #probe: HttpProbe;
  readonly #dialer: Dialer;
  readonly #dial: Dial;
  readonly #response: HttpResponse;
  #done: ((result: ProbeResult) => void) | undefined;
  #socket: Socket | undefined;

  constructor(request: HttpRequest, probe: HttpProbe, dialer: Dialer, done: (result: ProbeResult) => void) {
    this.#request = request;
    this.#probe = probe;
    this.#dialer = dialer;
    this.#done = done;
    this.#response = new HttpResponse(request.method);
    // Over TLS, the bytes that the plain socket reads are not ours to take.
    const onread = request.tls
      ? undefined
      : {
          buffer: readBuffer,
          callback: (length: number, bytes: Uint8Array) => this.#read(length, bytes as Buffer),
        };
    this.#dial = new Dial(request.endpoint, dialer, this, onread);
  }

  connected(socket: Socket): void {
    const connection = this.#request.tls ? this.#secure(socket) : socket;
    this.#socket = connection;
    connection.on('error', (error) => this.#broke(error));
    connection.on('close', () => this.#closed());
    connection.write(this.#request.wire);
  }

  failed(reason: string): void {
    const { method, url } = this.#request;
    this.#finish({ status: 'critical', output: output.httpFailed(method, url, reason) });
  }

  timeOut(): void {
    if (this.#response.status !== 0) this.#answered();
    else this.failed('context deadline exceeded (Client.Timeout exceeded while awaiting headers)');
  }

  cancel(): void {
    this.#done = undefined;
    this.#close();
  }

  #secure(socket: Socket): TLSSocket {
    const { host } = this.#request.endpoint;
    const name = this.#probe.tlsServerName === '' ? host : this.#probe.tlsServerName;
    const secure = tlsConnect({
      socket,
      host: name,
      ...(isIP(name) === 0 ? { servername: name } : {}),
      rejectUnauthorized: !this.#probe.tlsSkipVerify,
      ...(this.#dialer.caPem === undefined ? {} : { ca: this.#dialer.caPem }),
    });
    secure.on('data', (bytes: Buffer) => this.#read(bytes.length, bytes));
    return secure;
  }

  /** Returns whether to go on reading. */
  #read(length: number, bytes: Buffer): boolean {
    if (this.#done === undefined) return false;
    const response = this.#response;
    response.push(bytes, length);
    if (response.defect !== undefined) this.failed(response.defect);
    else if (response.ended) this.#answered();
    return this.#done !== undefined;
  }

  #broke(error: NodeJS.ErrnoException): void {
    if (this.#response.status !== 0) this.#answered();
    else if (error.syscall === undefined) this.failed(`tls: ${reasonOf(error)}`);
    else this.failed(`${formatEndpoint(this.#request.endpoint)}: ${reasonOf(error)}`);
  }

  #closed(): void {
    if (this.#response.status !== 0) this.#answered();
    else this.failed('EOF');
  }

  #answered(): void {
    const { method, url } = this.#request;
    const { status, statusText } = this.#response;
    this.#finish({
      status: healthOf(status),
      output: output.http(method, url, statusText, this.#response.body()),
    });
  }

  #finish(result: ProbeResult): void {
    const done = this.#done;
    if (done === undefined) return;
    this.#done = undefined;
    this.#close();
    done(result);
  }

  #close(): void {
    this.#socket?.destroy();
    this.#dial.destroy();
  }
}

function healthOf(status: number): Health {
  if (status >= 200 && status < 300) return 'passing';
  return status === 429 ? 'warning' : 'critical';
}

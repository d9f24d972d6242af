import { type ClientHttp2Session, connect as http2Connect } from 'node:http2';
import { isIP, type Socket } from 'node:net';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import type { Probe } from '@portolan/core/catalog/records.ts';
import {
  Dial,
  type Dialer,
  type DialHandler,
  type Endpoint,
  formatEndpoint,
  parseEndpoint,
  refusal,
} from './dial.ts';
import { output, reasonOf } from './output.ts';
import { impossible, type ProbeResult, type ProbeRun, type Prober } from './probe.ts';

type H2pingProbe = Extract<Probe, { type: 'h2ping' }>;

/** Opens an HTTP/2 connection and sends a PING (RFC 9113 §6.7): its acknowledgement is passing, everything else critical. */
export function h2pingProber(probe: H2pingProbe, dialer: Dialer): Prober {
  const endpoint = parseEndpoint(probe.address);
  if (endpoint === undefined) return impossible(`"${probe.address}" is not an address such as 127.0.0.1:443`);
  const refused = refusal(endpoint, dialer.rules);
  if (refused !== undefined) return impossible(refused);
  return { start: (done) => new H2pingRun(probe, endpoint, dialer, done) };
}

class H2pingRun implements ProbeRun, DialHandler {
  readonly #probe: H2pingProbe;
  readonly #endpoint: Endpoint;
  readonly #dialer: Dialer;
  readonly #dial: Dial;
  #done: ((result: ProbeResult) => void) | undefined;
  #secure: TLSSocket | undefined;
  #session: ClientHttp2Session | undefined;

  constructor(probe: H2pingProbe, endpoint: Endpoint, dialer: Dialer, done: (result: ProbeResult) => void) {
    this.#probe = probe;
    this.#endpoint = endpoint;
    this.#dialer = dialer;
    this.#done = done;
    this.#dial = new Dial(endpoint, dialer, this);
  }

  connected(socket: Socket): void {
    if (!this.#probe.tls) {
      this.#ping(socket);
      return;
    }
    const { host } = this.#endpoint;
    const secure = tlsConnect({
      socket,
      host,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ALPNProtocols: ['h2'],
      rejectUnauthorized: !this.#probe.tlsSkipVerify,
      ...(this.#dialer.caPem === undefined ? {} : { ca: this.#dialer.caPem }),
    });
    this.#secure = secure;
    secure.on('error', (error) => this.failed(`tls: ${reasonOf(error)}`));
    secure.once('close', () => this.failed('EOF'));
    secure.once('secureConnect', () => {
      if (secure.alpnProtocol === 'h2') this.#ping(secure);
      else this.failed('the server does not offer h2 by ALPN');
    });
  }

  failed(reason: string): void {
    const text = output.h2pingFailed(this.#probe.address, reason);
    this.#finish({ status: 'critical', output: text });
  }

  timeOut(): void {
    this.failed('i/o timeout');
  }

  cancel(): void {
    this.#done = undefined;
    this.#close();
  }

  #ping(socket: Socket): void {
    const scheme = this.#probe.tls ? 'https' : 'http';
    const session = http2Connect(`${scheme}://${formatEndpoint(this.#endpoint)}`, {
      createConnection: () => socket,
      maxSessionMemory: 1, // MB
      settings: { enablePush: false },
    });
    this.#session = session;
    session.on('error', (error) => this.failed(reasonOf(error)));
    session.once('close', () => this.failed('EOF'));
    session.once('connect', () =>
      session.ping((error) => {
        if (error !== null) this.failed(reasonOf(error));
        else this.#finish({ status: 'passing', output: output.h2ping(this.#probe.address) });
      }),
    );
  }

  #finish(result: ProbeResult): void {
    const done = this.#done;
    if (done === undefined) return;
    this.#done = undefined;
    this.#close();
    done(result);
  }

  #close(): void {
    this.#session?.destroy();
    this.#secure?.destroy();
    this.#dial.destroy();
  }
}

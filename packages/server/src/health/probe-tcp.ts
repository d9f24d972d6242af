import { isIP, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
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

type TcpProbe = Extract<Probe, { type: 'tcp' }>;

/** Connecting is passing; over TLS also the handshake. Nothing is sent. */
export function tcpProber(probe: TcpProbe, dialer: Dialer): Prober {
  const endpoint = parseEndpoint(probe.address);
  if (endpoint === undefined) return impossible(`"${probe.address}" is not an address such as 127.0.0.1:80`);
  const refused = refusal(endpoint, dialer.rules);
  if (refused !== undefined) return impossible(refused);
  return { start: (done) => new TcpRun(endpoint, probe.tls, dialer, done) };
}

class TcpRun implements ProbeRun, DialHandler {
  readonly #endpoint: Endpoint;
  readonly #tls: boolean;
  readonly #dialer: Dialer;
  readonly #dial: Dial;
  #done: ((result: ProbeResult) => void) | undefined;
  #socket: Socket | undefined;

  constructor(endpoint: Endpoint, tls: boolean, dialer: Dialer, done: (result: ProbeResult) => void) {
    this.#endpoint = endpoint;
    this.#tls = tls;
    this.#dialer = dialer;
    this.#done = done;
    this.#dial = new Dial(endpoint, dialer, this);
  }

  connected(socket: Socket): void {
    this.#socket = socket;
    if (!this.#tls) {
      this.#succeed();
      return;
    }
    const { host } = this.#endpoint;
    const secure = tlsConnect({
      socket,
      host,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(this.#dialer.caPem === undefined ? {} : { ca: this.#dialer.caPem }),
    });
    this.#socket = secure;
    secure.once('secureConnect', () => this.#succeed());
    secure.on('error', (error) => this.failed(`tls ${formatEndpoint(this.#endpoint)}: ${reasonOf(error)}`));
    secure.once('close', () => this.failed(`tls ${formatEndpoint(this.#endpoint)}: EOF`));
  }

  failed(reason: string): void {
    this.#finish({ status: 'critical', output: reason });
  }

  timeOut(): void {
    this.failed(`dial tcp ${formatEndpoint(this.#endpoint)}: i/o timeout`);
  }

  cancel(): void {
    this.#done = undefined;
    this.#close();
  }

  #succeed(): void {
    this.#finish({ status: 'passing', output: output.tcp(formatEndpoint(this.#endpoint)) });
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

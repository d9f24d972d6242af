import { createSocket, type Socket } from 'node:dgram';
import { isIP, isIPv6 } from 'node:net';
import type { Probe } from '@portolan/core/catalog/records.ts';
import { type Dialer, type Endpoint, formatEndpoint, parseEndpoint, refusal } from './dial.ts';
import { dialFailure, output } from './output.ts';
import { impossible, type ProbeResult, type ProbeRun, type Prober } from './probe.ts';

type UdpProbe = Extract<Probe, { type: 'udp' }>;

/**
 * Sends one empty datagram. An answer is passing, and so is silence until the timeout, as with Consul: most UDP services do not answer
 * what they do not understand. Critical is a port that the system says nobody listens on.
 */
export function udpProber(probe: UdpProbe, dialer: Dialer): Prober {
  const endpoint = parseEndpoint(probe.address);
  if (endpoint === undefined) return impossible(`"${probe.address}" is not an address such as 127.0.0.1:53`);
  const refused = refusal(endpoint, dialer.rules, 'udp');
  if (refused !== undefined) return impossible(refused);
  return { start: (done) => new UdpRun(endpoint, dialer, done) };
}

class UdpRun implements ProbeRun {
  readonly #endpoint: Endpoint;
  readonly #dialer: Dialer;
  #done: ((result: ProbeResult) => void) | undefined;
  #socket: Socket | undefined;
  #immediate: NodeJS.Immediate | undefined;

  constructor(endpoint: Endpoint, dialer: Dialer, done: (result: ProbeResult) => void) {
    this.#endpoint = endpoint;
    this.#dialer = dialer;
    this.#done = done;
    const { host } = endpoint;
    if (isIP(host) !== 0) this.#send(host);
    else dialer.resolver.resolve(host, (reason, addresses) => this.#resolved(reason, addresses));
  }

  timeOut(): void {
    if (this.#socket === undefined) this.#fail(`dial udp ${formatEndpoint(this.#endpoint)}: i/o timeout`);
    else this.#succeed();
  }

  cancel(): void {
    this.#done = undefined;
    this.#close();
  }

  #resolved(reason: string | undefined, addresses: readonly string[]): void {
    if (this.#done === undefined) return;
    const { host } = this.#endpoint;
    const allowed = addresses.find((address) => this.#dialer.rules.allows(address));
    if (allowed !== undefined) {
      this.#send(allowed);
      return;
    }
    const why = reason ?? `health checks may not connect to ${host}: it resolves to ${addresses.join(', ')}`;
    // A name that is known already is resolved before the constructor has returned.
    this.#immediate = setImmediate(() => this.#fail(`dial udp: ${why}`));
  }

  #send(address: string): void {
    const { port } = this.#endpoint;
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    this.#socket = socket;
    socket.on('error', (error) =>
      this.#fail(dialFailure(formatEndpoint({ host: address, port }), error, 'udp')),
    );
    socket.on('message', () => this.#succeed());
    // Only a connected socket is told that nobody listens there, and hears nobody else.
    socket.connect(port, address, () => {
      if (this.#done !== undefined) socket.send('');
    });
  }

  #fail(reason: string): void {
    this.#finish({ status: 'critical', output: reason });
  }

  #succeed(): void {
    this.#finish({ status: 'passing', output: output.udp(formatEndpoint(this.#endpoint)) });
  }

  #finish(result: ProbeResult): void {
    const done = this.#done;
    if (done === undefined) return;
    this.#done = undefined;
    this.#close();
    done(result);
  }

  #close(): void {
    clearImmediate(this.#immediate);
    this.#socket?.close();
    this.#socket = undefined;
  }
}

import { connect, isIP, type Socket, type TcpNetConnectOpts } from 'node:net';
import type { AddressRules } from '@portolan/core/base/address-rules.ts';
import { dialFailure } from './output.ts';
import type { Resolver } from './resolve.ts';

/** What connecting needs, shared by all probes. */
export interface Dialer {
  readonly rules: AddressRules;
  readonly resolver: Resolver;
  readonly caPem?: string;
}

export interface Endpoint {
  /** A name or an IP address, without brackets. */
  readonly host: string;
  readonly port: number;
}

/** `host:port` or `[v6]:port`; undefined when it is neither. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([0-9A-Za-z._-]+)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const host = match[1] ?? match[2] ?? '';
  const port = Number(match[3]);
  if (port < 1 || port > 65_535 || (match[1] !== undefined && isIP(host) !== 6)) return undefined;
  return { host, port };
}

export function formatEndpoint({ host, port }: Endpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Why no probe may ever go to `endpoint`; undefined when it may, or when that depends on what its name resolves to. */
export function refusal(
  endpoint: Endpoint,
  rules: AddressRules,
  network: 'tcp' | 'udp' = 'tcp',
): string | undefined {
  if (isIP(endpoint.host) === 0 || rules.allows(endpoint.host)) return undefined;
  return `dial ${network} ${formatEndpoint(endpoint)}: health checks may not connect to ${endpoint.host}`;
}

export interface DialHandler {
  /** The connection is there; what happens to the socket from now on is the handler's. */
  connected(socket: Socket): void;
  failed(reason: string): void;
}

/**
 * One connection to an endpoint. A name is resolved first; only addresses that the rules allow are tried, in order, and the
 * connection goes to the very address that was judged. Calls its handler at most once, never before the constructor returned.
 */
export class Dial {
  readonly #endpoint: Endpoint;
  readonly #dialer: Dialer;
  readonly #handler: DialHandler;
  readonly #onread: TcpNetConnectOpts['onread'];
  #socket: Socket | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #ended = false;

  constructor(
    endpoint: Endpoint,
    dialer: Dialer,
    handler: DialHandler,
    onread?: TcpNetConnectOpts['onread'],
  ) {
    this.#endpoint = endpoint;
    this.#dialer = dialer;
    this.#handler = handler;
    this.#onread = onread;
    if (isIP(endpoint.host) !== 0) this.#tryAddress([endpoint.host], 0);
    else dialer.resolver.resolve(endpoint.host, (reason, addresses) => this.#resolved(reason, addresses));
  }

  /** Closes what is there of the connection, at once and without a word to the other side. */
  destroy(): void {
    this.#ended = true;
    clearImmediate(this.#immediate);
    this.#socket?.destroy();
  }

  #resolved(reason: string | undefined, addresses: readonly string[]): void {
    if (this.#ended) return;
    if (reason !== undefined) {
      this.#fail(`dial tcp: ${reason}`);
      return;
    }
    const allowed = addresses.filter((address) => this.#dialer.rules.allows(address));
    if (allowed.length === 0) {
      const { host } = this.#endpoint;
      this.#fail(
        `dial tcp: health checks may not connect to ${host}: it resolves to ${addresses.join(', ')}`,
      );
      return;
    }
    this.#tryAddress(allowed, 0);
  }

  #tryAddress(addresses: readonly string[], index: number): void {
    const host = addresses[index] ?? '';
    const options: TcpNetConnectOpts = { host, port: this.#endpoint.port, noDelay: true };
    if (this.#onread !== undefined) options.onread = this.#onread;
    const socket = connect(options);
    this.#socket = socket;
    const onError = (error: Error): void => {
      if (this.#ended) return;
      if (index + 1 < addresses.length) this.#tryAddress(addresses, index + 1);
      else this.#fail(dialFailure(formatEndpoint({ host, port: this.#endpoint.port }), error));
    };
    socket.on('error', onError);
    socket.once('connect', () => {
      socket.off('error', onError);
      // Over TLS, whoever listens to the secure socket need not listen to this one.
      socket.on('error', ignore);
      try {
        this.#handler.connected(socket);
      } catch (error) {
        this.#handler.failed(error instanceof Error ? error.message : String(error));
      }
    });
  }

  #fail(reason: string): void {
    this.#ended = true;
    this.#immediate = setImmediate(() => this.#handler.failed(reason));
  }
}

function ignore(): void {}

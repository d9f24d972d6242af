import { isIP, type LookupFunction, type Socket } from 'node:net';
import {
  checkServerIdentity,
  connect,
  createSecureContext,
  getCACertificates,
  type PeerCertificate,
  type SecureContext,
  type TLSSocket,
} from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import type { Certificate, UpstreamTls } from '@portolan/core/traffic/model.ts';

/** Sessions that are kept for resumption: one for each endpoint and server name. */
const maxSessions = 1_024;

/** What kind of connection a request needs. Those of one key may stand in for each other, others never. */
export interface Channel {
  readonly key: string;
  /** Undefined: in clear. */
  readonly tls: ClusterTls | undefined;
  /** That is asked for and verified; empty: none. */
  readonly serverName: string;
  /** What is sent before everything else, TLS too: a PROXY protocol header. */
  readonly preface: string;
}

export const clearChannel: Channel = Object.freeze({ key: '', tls: undefined, serverName: '', preface: '' });

/** The same for the connections of one client alone, which `preface` tells the endpoint of. */
export function withPreface(channel: Channel, preface: string): Channel {
  return { ...channel, key: `${channel.key} ${preface}`, preface };
}

/** Where the socket goes, besides what the channel says. */
export interface TlsTarget {
  /** An address, or a name together with `lookup`. */
  readonly host: string;
  readonly port: number;
  readonly lookup?: LookupFunction;
  readonly alpn: readonly string[];
  /** A connection that is on its way already; absent: one is made. */
  readonly socket?: Socket;
}

/** TLS towards the endpoints of one cluster, for as long as its settings and its certificate stay the same. */
export class ClusterTls {
  #config: UpstreamTls;
  #certificate: Certificate | undefined;
  #context: SecureContext | undefined;
  /** Sessions of verified connections: what resumes one is as trustworthy. */
  readonly #sessions = new Map<string, Buffer>();

  constructor(config: UpstreamTls, certificate: Certificate | undefined) {
    this.#config = config;
    this.#certificate = certificate;
  }

  /** Whether it is what these settings would make. Asked for each request: the same objects cost nothing. */
  fits(config: UpstreamTls, certificate: Certificate | undefined): boolean {
    if (config === this.#config && certificate === this.#certificate) return true;
    if (!isDeepStrictEqual(config, this.#config) || !isDeepStrictEqual(certificate, this.#certificate)) {
      return false;
    }
    this.#config = config;
    this.#certificate = certificate;
    return true;
  }

  /** @param host of the request, without port */
  channel(host: string): Channel {
    const serverName = this.#config.serverName ?? host.replace(/^\[|\]$/g, '');
    return { key: serverName, tls: this, serverName, preface: '' };
  }

  /** Throws what OpenSSL says of certificates and keys that are none. */
  connect(target: TlsTarget, serverName: string): TLSSocket {
    const { alpn, ...address } = target;
    const { verify } = this.#config;
    const sessionKey = `${target.host} ${target.port} ${serverName} ${alpn.join()}`;
    const session = this.#sessions.get(sessionKey);
    const socket = connect({
      // HTTP/2 has its own ends of streams; `node:http2` would not notice that the connection is gone.
      ...{ ...address, allowHalfOpen: !alpn.includes('h2'), secureContext: this.#secureContext() },
      ...{ ALPNProtocols: [...alpn], rejectUnauthorized: verify },
      servername: isIP(serverName) === 0 ? serverName : '',
      ...(session === undefined ? {} : { session }),
      checkServerIdentity: (_host, certificate) => this.#identityError(serverName, certificate),
    });
    socket.setNoDelay(true);
    socket.on('session', (ticket: Buffer) => this.#remember(sessionKey, ticket));
    return socket;
  }

  #secureContext(): SecureContext {
    const { ca } = this.#config;
    const certificate = this.#certificate;
    this.#context ??= createSecureContext({
      ca: ca === undefined ? systemAuthorities() : [ca],
      minVersion: 'TLSv1.2',
      ...(certificate === undefined ? {} : { cert: certificate.chain, key: certificate.key }),
    });
    return this.#context;
  }

  #identityError(serverName: string, certificate: PeerCertificate): Error | undefined {
    const { subjectAltNames } = this.#config;
    if (subjectAltNames === undefined) return checkServerIdentity(serverName, certificate);
    const uris = altNames(certificate, 'URI:');
    const fits = subjectAltNames.some(
      (name) =>
        uris.includes(name) ||
        (!name.includes('://') && checkServerIdentity(name, certificate) === undefined),
    );
    return fits ? undefined : new Error(`the certificate has none of ${subjectAltNames.join(', ')}`);
  }

  #remember(key: string, ticket: Buffer): void {
    this.#sessions.delete(key);
    this.#sessions.set(key, ticket);
    if (this.#sessions.size <= maxSessions) return;
    const [oldest] = this.#sessions.keys();
    if (oldest !== undefined) this.#sessions.delete(oldest);
  }
}

/** Those of one kind among a certificate's alternative names. What is quoted holds characters that no name of ours has. */
function altNames(certificate: PeerCertificate, kind: string): string[] {
  const entries = (certificate.subjectaltname ?? '').split(', ');
  return entries.flatMap((entry) => (entry.startsWith(kind) ? [entry.slice(kind.length)] : []));
}

/** What the machine trusts; where it does not say, what Node brings along. */
function systemAuthorities(): string[] {
  const system = getCACertificates('system');
  return system.length > 0 ? system : getCACertificates('bundled');
}

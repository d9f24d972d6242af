import type { Wire } from './wire.ts';

/** A client's connection that is ready for HTTP: after its PROXY protocol header, after its TLS handshake. */
export interface Accepted {
  /** Its owner is nobody: whoever takes it sets `owner` in the same turn. `release()` gives the bare socket for `node:http2`. */
  readonly wire: Wire;
  /** Octets that came already; undefined: none. They go to the new owner first. */
  readonly ahead: Buffer | undefined;
  readonly scheme: 'http' | 'https';
  /** Whose virtual hosts serve it. */
  readonly table: string;
  /** The client's address: what the PROXY protocol says, else the peer's. */
  readonly peerAddress: string;
  readonly tls?: AcceptedTls;
}

/** What is known of a TLS connection that was terminated here. */
export interface AcceptedTls {
  /** Lower case; '' = the client named none. */
  readonly serverName: string;
  /** `h2`, `http/1.1`, or '' when nothing was agreed. */
  readonly alpn: string;
  /**
   * `ssl-client-verify: SUCCESS\r\nssl-client-…\r\n`: the lines that tell an upstream who the client is, to be added to each request; '' where no
   * certificate is asked for. What a client itself says in `ssl-client-…` is never passed on.
   */
  readonly clientLines: string;
  /** Requests on it are answered 400: the client has no valid certificate, and the host demands one (`clientAuth.mode` `status`). */
  readonly refused: boolean;
  /** False: a request for `host` (lower case, no port) belongs on another connection, answer 421 (RFC 9110 §15.5.20). */
  serves(host: string): boolean;
}

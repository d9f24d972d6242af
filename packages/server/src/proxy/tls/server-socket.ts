import type { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';

/**
 * The server's side of a TLS connection on a socket that was accepted, as `tls.Server` makes it, for a context that is chosen for this very
 * connection. What `tls.Server` does below Node's documented interface stands here alone.
 */
interface TlsSocketInternals {
  readonly _handle: { verifyError(): (Error & { readonly code?: string }) | null } | null;
  /** Errors after the handshake are the socket's own from then on. */
  _releaseControl?: () => boolean;
  /** Whoever takes the socket over waits for an event while it is true. */
  secureConnecting: boolean;
}

export interface ServerTlsOptions {
  readonly context: SecureContext;
  readonly alpn: readonly string[];
  /** `demand`: no connection without a certificate; whether it is valid is still to be looked at. */
  readonly clientCertificate: 'none' | 'ask' | 'demand';
}

/** Begins a handshake; octets that were unshifted into `socket` are read first. `secure` is emitted when it is over. */
export function serverTls(socket: Socket, options: ServerTlsOptions): TLSSocket {
  const { context, alpn, clientCertificate } = options;
  return new TLSSocket(socket, {
    isServer: true,
    secureContext: context,
    requestCert: clientCertificate !== 'none',
    rejectUnauthorized: clientCertificate === 'demand',
    ...(alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
  });
}

/** After the handshake: the client's certificate, and why it is not to be believed. */
export function peerOf(socket: TLSSocket): {
  readonly certificate: X509Certificate | undefined;
  readonly error: string | undefined;
} {
  const error = (socket as unknown as TlsSocketInternals)._handle?.verifyError() ?? null;
  return {
    certificate: socket.getPeerX509Certificate(),
    error: error === null ? undefined : (error.code ?? error.message),
  };
}

/** After the handshake the socket is like any other. */
export function releaseControl(socket: TLSSocket): void {
  const internals = socket as unknown as TlsSocketInternals;
  internals._releaseControl?.();
  internals.secureConnecting = false;
  // A record that was changed on its way is told by an error, and the socket stays open: nothing good can follow.
  socket.on('error', () => socket.destroy());
}

import type { Socket } from 'node:net';
import type { SecureContext, TLSSocket } from 'node:tls';
import type { TlsHost } from '@portolan/core/traffic/model.ts';
import type { Plane } from '../plane.ts';
import type { Swept } from '../sweeper.ts';
import { type ClientIdentity, clientLines, depthOf } from './client-certificate.ts';
import { peerOf, releaseControl, serverTls } from './server-socket.ts';
import type { ClientAuth, Terminate } from './tls-hosts.ts';

/** A handshake that came to its end. */
export interface Secured {
  readonly socket: TLSSocket;
  readonly host: TlsHost;
  readonly action: Terminate;
  readonly serverName: string;
  readonly alpn: string;
  readonly clientLines: string;
  readonly refused: boolean;
}

export interface HandshakeRequest {
  readonly host: TlsHost;
  readonly action: Terminate;
  readonly context: SecureContext;
  readonly serverName: string;
  /** Monotonic: begun when the connection was accepted. */
  readonly deadlineMs: number;
  /** Called once at most: never after `onOver`. */
  readonly onSecured: (secured: Secured) => void;
  /** Called once, however it ends. */
  readonly onOver: (outcome: 'secured' | 'failed' | 'timeout') => void;
}

const defaultAlpn = ['h2', 'http/1.1'];

/** One TLS handshake, until it is done, fails or takes too long. */
export class Handshake implements Swept {
  sweepIndex = -1;
  readonly #plane: Plane;
  readonly #request: HandshakeRequest;
  readonly #socket: TLSSocket;
  #over = false;

  constructor(plane: Plane, socket: Socket, request: HandshakeRequest) {
    const { action, context } = request;
    this.#plane = plane;
    this.#request = request;
    const { clientAuth } = action;
    this.#socket = serverTls(socket, {
      context,
      alpn: alpnOf(action),
      clientCertificate:
        clientAuth === undefined ? 'none' : clientAuth.mode === 'required' ? 'demand' : 'ask',
    });
    this.#socket.once('secure', this.#onSecure);
    this.#socket.once('error', this.#onFailure);
    this.#socket.once('close', this.#onFailure);
    // Whoever says no more cannot come to an end.
    this.#socket.once('end', this.#onFailure);
    plane.sweeper.add(this);
  }

  sweep(nowMs: number): void {
    if (nowMs >= this.#request.deadlineMs) this.#fail('timeout');
  }

  destroy(): void {
    this.#fail('failed');
  }

  readonly #onFailure = (): void => this.#fail('failed');

  readonly #onSecure = (): void => {
    const { host, action, serverName } = this.#request;
    const { clientAuth } = action;
    const identity: ClientIdentity = clientAuth === undefined ? none : identityOf(this.#socket, clientAuth);
    if (clientAuth?.mode === 'required' && identity.kind !== 'verified') {
      this.#fail('failed');
      return;
    }
    this.#end();
    releaseControl(this.#socket);
    this.#request.onOver('secured');
    this.#request.onSecured({
      ...{ socket: this.#socket, host, action, serverName },
      alpn: this.#socket.alpnProtocol || '',
      clientLines: clientAuth === undefined ? '' : clientLines(identity, clientAuth),
      refused: clientAuth?.mode === 'status' && identity.kind !== 'verified',
    });
  };

  #fail(outcome: 'failed' | 'timeout'): void {
    if (this.#over) return;
    this.#end();
    // What it says to its end is nobody's concern any more.
    this.#socket.on('error', () => undefined);
    this.#socket.destroy();
    this.#request.onOver(outcome);
  }

  #end(): void {
    this.#over = true;
    this.#plane.sweeper.remove(this);
    this.#socket.off('secure', this.#onSecure);
    this.#socket.off('error', this.#onFailure);
    this.#socket.off('close', this.#onFailure);
    this.#socket.off('end', this.#onFailure);
  }
}

function alpnOf({ alpn, then }: Terminate): readonly string[] {
  return alpn ?? (then.type === 'http' ? defaultAlpn : []);
}

const none: ClientIdentity = { kind: 'none' };

function identityOf(socket: TLSSocket, { maxDepth }: ClientAuth): ClientIdentity {
  const { certificate, error } = peerOf(socket);
  if (certificate === undefined) return none;
  if (error !== undefined) return { kind: 'failed', certificate, reason: error };
  if (maxDepth !== undefined && depthOf(certificate) > maxDepth) {
    return { kind: 'failed', certificate, reason: 'CERT_CHAIN_TOO_LONG' };
  }
  return { kind: 'verified', certificate };
}

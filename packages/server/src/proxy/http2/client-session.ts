import {
  constants,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions,
} from 'node:http2';
import type { Socket } from 'node:net';
import { TokenBucket } from '@portolan/core/resilience/token-bucket.ts';
import type { Accepted, AcceptedTls } from '../accepted.ts';
import type { ConnectionEnds } from '../connection-ends.ts';
import type { Peer } from '../forwarding.ts';
import type { Refusal } from '../http1/refusal.ts';
import { refusals } from '../http1/refusal.ts';
import type { RequestHead } from '../http1/request-head.ts';
import { textReply } from '../local-reply.ts';
import type { Plane } from '../plane.ts';
import type { Swept } from '../sweeper.ts';
import { plainAddress } from '../wire.ts';
import { Http2ClientStream, type StreamHost } from './client-stream.ts';
import { clientHttp2 } from './limits.ts';
import { requestText } from './request-text.ts';

const { NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_FLAG_END_STREAM } = constants;

const sessionOptions: ServerOptions = {
  maxSessionMemory: clientHttp2.maxSessionMegabytes,
  maxHeaderListPairs: clientHttp2.maxFields,
  maxSessionInvalidFrames: clientHttp2.maxInvalidFrames,
  streamResetBurst: clientHttp2.resets.maxTokens,
  streamResetRate: clientHttp2.resets.tokensPerFill,
  settings: {
    maxConcurrentStreams: clientHttp2.maxStreams,
    initialWindowSize: clientHttp2.streamWindowBytes,
    maxHeaderListSize: clientHttp2.maxHeaderBytes,
    enablePush: false,
  },
  // What a service said passes as it is, also where a field is repeated that should not be.
  strictSingleValueFields: false,
};

/** What an HTTP/2 connection is told of itself, besides its socket. */
export type SessionSource = Pick<Accepted, 'scheme' | 'table' | 'peerAddress' | 'tls'>;

/** One client connection that speaks HTTP/2, in clear (prior knowledge) or over TLS (ALPN). */
export class Http2ClientSession implements StreamHost, Swept {
  sweepIndex = -1;
  readonly plane: Plane;
  readonly peer: Peer;
  readonly #source: SessionSource;
  readonly #socket: Socket;
  readonly #session: ServerHttp2Session;
  readonly #streams = new Set<Http2ClientStream>();
  readonly #resets: TokenBucket;
  readonly #controls: TokenBucket;
  readonly #overhead: TokenBucket;
  /** Octets that were read up to the last look, and those of them that meant something. */
  #readBytes = 0;
  #usefulBytes = 0;
  #credit = 0;
  #idleSinceMs: number;
  #fresh = true;
  #leaving = false;

  constructor(plane: Plane, socket: Socket, source: SessionSource) {
    const nowMs = plane.clock.monotonicMs();
    const address = source.peerAddress;
    this.plane = plane;
    this.peer = { address, trusted: plane.trusted.has(address) };
    this.#source = source;
    this.#socket = socket;
    this.#idleSinceMs = nowMs;
    this.#resets = new TokenBucket(clientHttp2.resets, nowMs);
    this.#controls = new TokenBucket(clientHttp2.controls, nowMs);
    this.#overhead = new TokenBucket(clientHttp2.overheadBytes, nowMs);
    // A half-open connection is of no use to HTTP/2, whose streams end by themselves.
    socket.allowHalfOpen = false;
    this.#session = performServerHandshake(socket, sessionOptions);
    this.#listen();
    plane.counters.open++;
    plane.sweeper.add(this);
  }

  get ends(): ConnectionEnds {
    const { remotePort = 0, localAddress = '', localPort = 0 } = this.#socket;
    const { address } = this.peer;
    const own = plainAddress(this.#socket.remoteAddress ?? '') === address;
    return {
      source: { address, port: own ? remotePort : 0 },
      destination: { address: plainAddress(localAddress), port: localPort },
    };
  }

  get scheme(): 'http' | 'https' {
    return this.#source.scheme;
  }

  get table(): string {
    return this.#source.table;
  }

  get tls(): AcceptedTls | undefined {
    return this.#source.tls;
  }

  sweep(nowMs: number): void {
    if (this.#isNoise(nowMs)) return;
    const { limits, draining } = this.plane;
    for (const stream of this.#streams) stream.sweep(nowMs);
    if (draining) this.#leave();
    if (this.#streams.size > 0) return;
    const patienceMs = this.#fresh ? limits.headTimeoutMs : limits.keepAliveTimeoutMs;
    if (nowMs - this.#idleSinceMs >= patienceMs) this.#session.destroy();
  }

  /** We drain: no new streams; a session without any ends now if `idleToo`. */
  drain(idleToo: boolean): void {
    this.#leave();
    if (idleToo && this.#streams.size === 0) this.#session.destroy();
  }

  get heldBytes(): number {
    let bytes = 0;
    for (const stream of this.#streams) bytes += stream.heldBytes;
    return bytes;
  }

  cut(): void {
    this.#session.destroy(undefined, NGHTTP2_ENHANCE_YOUR_CALM);
  }

  destroy(): void {
    this.#session.destroy();
  }

  onBodyBytes(length: number): void {
    this.#usefulBytes += length;
  }

  onStreamClose(stream: Http2ClientStream, givenUp: boolean): void {
    this.#streams.delete(stream);
    const nowMs = this.plane.clock.monotonicMs();
    if (this.#streams.size === 0) this.#idleSinceMs = nowMs;
    if (givenUp && !this.#session.destroyed && !this.#resets.take(nowMs)) this.#calm('http2-resets');
  }

  #listen(): void {
    const session = this.#session;
    session.on('error', () => undefined);
    session.on('close', () => this.#onClose());
    session.on('ping', () => this.#onControl());
    session.on('remoteSettings', () => this.#onControl());
    session.on('stream', (stream, _headers, flags, fields: string[]) =>
      this.#onStream(stream, flags, fields),
    );
    const { connectionWindowBytes } = clientHttp2;
    // Not before the handshake of the socket is done; over TLS it is, unless the client was gone by then.
    if (!session.connecting && !session.destroyed) session.setLocalWindowSize(connectionWindowBytes);
  }

  #onStream(stream: ServerHttp2Stream, flags: number, fields: readonly string[]): void {
    this.#fresh = false;
    const whole = (flags & NGHTTP2_FLAG_END_STREAM) !== 0;
    const client = new Http2ClientStream(this, stream, whole);
    this.#streams.add(client);
    const head = this.#read(fields, whole);
    if (head.type === 'request') client.begin(head);
    else this.#refuse(client, head);
  }

  #read(fields: readonly string[], whole: boolean): RequestHead | Refusal {
    const text = requestText(fields, whole);
    if (typeof text !== 'string') return text;
    const bytes = Buffer.from(text, 'latin1');
    this.#usefulBytes += bytes.length;
    const { requests } = this.plane;
    const head = requests.read(bytes, 0, bytes.length);
    if (head === undefined || (head.type === 'request' && requests.end !== bytes.length)) {
      return refusals.badRequestLine;
    }
    return head;
  }

  #refuse(client: Http2ClientStream, refusal: Refusal): void {
    this.#count(refusal.code);
    client.writeReply(textReply(refusal.status, refusal.reason), '');
    client.finished();
  }

  #onControl(): void {
    if (!this.#controls.take(this.plane.clock.monotonicMs())) this.#calm('http2-controls');
  }

  /** Whether what comes is mostly frames without meaning; the session is over then. */
  #isNoise(nowMs: number): boolean {
    const read = this.#socket.bytesRead;
    // A body is read before it is told: what was taken for noise then is made good later, up to a window.
    const overhead = this.#credit + read - this.#readBytes - this.#usefulBytes;
    this.#readBytes = read;
    this.#usefulBytes = 0;
    this.#credit = Math.max(Math.min(overhead, 0), -clientHttp2.connectionWindowBytes);
    if (overhead <= 0 || this.#overhead.take(nowMs, overhead)) return false;
    this.#calm('http2-noise');
    return true;
  }

  /** Ends a session whose peer makes more work than sense. */
  #calm(code: string): void {
    this.#count(code);
    this.#session.destroy(undefined, NGHTTP2_ENHANCE_YOUR_CALM);
  }

  #count(code: string): void {
    const { refusals: counts } = this.plane.counters;
    counts.set(code, (counts.get(code) ?? 0) + 1);
  }

  /** GOAWAY: streams under way are finished. */
  #leave(): void {
    if (this.#leaving) return;
    this.#leaving = true;
    this.#session.close();
  }

  #onClose(): void {
    this.plane.sweeper.remove(this);
    this.plane.counters.open--;
  }
}

/** Takes a connection on which the client speaks HTTP/2; what came of it already must be unshifted into `socket`. */
export function acceptHttp2(plane: Plane, socket: Socket, source: SessionSource): void {
  if (!socket.destroyed) new Http2ClientSession(plane, socket, source);
}

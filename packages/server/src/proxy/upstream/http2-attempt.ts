import { type ClientHttp2Session, type ClientHttp2Stream, constants } from 'node:http2';
import {
  Attempt,
  type AttemptFailure,
  type AttemptOwner,
  anomaly,
  connectFailure,
  overflow,
  refusedStream,
  reset,
  stale,
} from '../attempt.ts';
import type { ClusterState } from '../cluster-state.ts';
import { connectOutcome } from '../connect-error.ts';
import type { EndpointState } from '../endpoint-state.ts';
import { fieldObject } from '../http2/response-fields.ts';
import { trailerLines } from '../http2/trailer-lines.ts';
import type { Plane } from '../plane.ts';
import type { Channel } from './cluster-tls.ts';
import { requestFields } from './request-fields.ts';
import { readResponse } from './response-text.ts';
import type { StreamSeeker } from './session-pool.ts';
import type { SessionUser, UpstreamSession } from './upstream-session.ts';

const { NGHTTP2_CANCEL, NGHTTP2_FLAG_END_STREAM, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } = constants;

/** Interim responses to one request; more are an attack. */
const maxInterim = 16;

/** A try over HTTP/2: a stream of a connection that others use at the same time. */
export class Http2Attempt extends Attempt implements SessionUser, StreamSeeker {
  readonly channel: Channel;
  readonly #plane: Plane;
  readonly #alpn: readonly string[];
  #session: UpstreamSession | undefined;
  #stream: ClientHttp2Stream | undefined;
  #requestTrailers = '';
  #trailers = '';
  #interim = 0;
  /** Octets of the response's body, as far as that is said. */
  #expected = 0;
  /** The same, or no limit. What is more would be taken for the next answer. */
  #allowed = Number.POSITIVE_INFINITY;

  constructor(
    plane: Plane,
    cluster: ClusterState,
    endpoint: EndpointState,
    owner: AttemptOwner,
    alpn: readonly string[],
  ) {
    super(cluster, endpoint, owner);
    this.#plane = plane;
    this.#alpn = alpn;
    this.channel = cluster.channel(owner.outgoing.authority.host, owner);
  }

  start(nowMs: number): void {
    const { cluster, endpoint } = this;
    if (!cluster.breaker.hasRoom('requests')) {
      this.fail(overflow, undefined);
      return;
    }
    const session = endpoint.sessions.take(this.#plane, cluster, endpoint, this, this.#alpn);
    if (session === 'full') {
      this.fail(overflow, undefined);
      return;
    }
    this.state = session === undefined ? 'queued' : 'connecting';
    this.deadlineMs = nowMs + (cluster.config?.connectTimeoutMs ?? 0);
    this.#session = session;
    if (session !== undefined) this.began();
    session?.join(this, nowMs);
  }

  get pressed(): boolean {
    return this.#stream?.writableNeedDrain === true;
  }

  get queuedBytes(): number {
    return this.#stream?.writableLength ?? 0;
  }

  writeBody(bytes: Buffer, start: number, end: number): void {
    const stream = this.#stream;
    if (stream?.writable === true) stream.write(Buffer.from(bytes.subarray(start, end)));
  }

  endBody(lines: string): void {
    this.#requestTrailers = lines;
    this.#stream?.end();
  }

  /** Node gathers what is written in one turn. */
  flush(): void {}

  pause(): void {
    this.#stream?.pause();
  }

  resume(): void {
    this.#stream?.resume();
  }

  /** There may be a stream now. */
  onTurn(): void {
    if (this.state !== 'queued') return;
    this.settle();
    this.owner.onAttemptTurn(this);
  }

  onSessionOpen(session: UpstreamSession, nowMs: number): void {
    if (this.state !== 'connecting') return;
    const http2 = session.begin();
    if (http2 === undefined) {
      this.fail(connectFailure, undefined);
      return;
    }
    const { outgoing, forwardedLines, body } = this.owner;
    const kept = body.kept ?? '';
    const whole = outgoing.body === 0 || (body.whole && kept === '' && body.trailerLines === '');
    const scheme = this.channel.tls === undefined ? 'http' : 'https';
    const stream = beginStream(http2, requestFields(outgoing, forwardedLines, scheme), whole);
    if (stream === undefined) {
      session.streamEnded();
      this.fail(anomaly('unsendable-request'), undefined);
      return;
    }
    this.#stream = stream;
    this.#listen(stream);
    this.sent(nowMs);
    if (kept !== '' && !whole) stream.write(kept, 'latin1');
    if (body.whole && !whole) this.endBody(body.trailerLines);
    this.owner.onAttemptSent(this);
  }

  onSessionRefused(): void {
    if (this.state !== 'connecting') return;
    this.endpoint.sessions.http1Only = true;
    this.#session = undefined;
    this.settle();
    this.owner.onAttemptTurn(this);
  }

  onSessionFailed(error: Error | undefined): void {
    if (this.state === 'connecting') this.fail(connectFailure, connectOutcome(error));
  }

  protected leave(): void {
    if (this.state === 'queued') this.endpoint.sessions.leave(this);
    else if (this.state === 'connecting') this.#session?.leave(this);
    this.settle();
    this.#session = this.#stream === undefined ? undefined : this.#session;
    if (this.#stream !== undefined && !this.#stream.closed) this.#stream.close(NGHTTP2_CANCEL);
  }

  #listen(stream: ClientHttp2Stream): void {
    stream.on('error', () => undefined);
    stream.on('headers', (_fields, _flags, raw: string[]) => this.#onInterim(raw));
    stream.on('response', (_fields, flags, raw: string[]) => this.#onResponse(flags, raw));
    stream.on('data', (bytes: Buffer) => this.#onData(bytes));
    stream.on('trailers', (_fields, _flags, raw: string[]) => this.#onTrailers(raw));
    stream.on('end', () => this.#onEnd());
    stream.on('drain', () => this.#onDrain());
    stream.on('wantTrailers', () => this.#sendTrailers(stream));
    stream.on('close', () => this.#onClose(stream.rstCode));
  }

  #sendTrailers(stream: ClientHttp2Stream): void {
    if (stream.destroyed || stream.closed) return;
    try {
      stream.sendTrailers(fieldObject(this.#requestTrailers));
    } catch {
      stream.close(NGHTTP2_CANCEL);
    }
  }

  #onInterim(raw: readonly string[]): void {
    if (this.state !== 'asked') return;
    this.responded = true;
    const head = readResponse(this.#plane.responses, raw, this.owner.outgoing.method, false);
    if (head.type === 'refusal') this.fail(anomaly(head.code), 'no-answer');
    else if (++this.#interim > maxInterim) this.fail(anomaly('too-many-interim'), 'no-answer');
    else if (head.status !== 100) this.owner.onResponseInterim(this, head);
  }

  #onResponse(flags: number, raw: readonly string[]): void {
    if (this.state !== 'asked') return;
    this.responded = true;
    this.endpoint.heard++;
    this.#session?.active(this.#plane.clock.monotonicMs());
    const whole = (flags & NGHTTP2_FLAG_END_STREAM) !== 0;
    const head = readResponse(this.#plane.responses, raw, this.owner.outgoing.method, whole);
    if (head.type === 'refusal') {
      this.fail(anomaly(head.code), 'no-answer');
      return;
    }
    this.#expected = Math.max(0, head.body);
    if (head.body >= 0) this.#allowed = head.body;
    this.answered(head);
  }

  #onData(bytes: Buffer): void {
    this.endpoint.heard++;
    this.#session?.active(this.#plane.clock.monotonicMs());
    if (this.state !== 'answering') return;
    this.bytes += bytes.length;
    if (this.bytes > this.#allowed) {
      this.fail(anomaly('bad-content-length'), 'no-answer');
      return;
    }
    this.owner.onResponseBody(this, bytes, 0, bytes.length);
    if (this.state === 'answering') this.owner.onResponseFlush(this);
  }

  #onTrailers(raw: readonly string[]): void {
    const lines = trailerLines(raw);
    if (lines === undefined) this.fail(anomaly('bad-trailer'), 'no-answer');
    else this.#trailers = lines;
  }

  #onEnd(): void {
    const stream = this.#stream;
    if (this.state !== 'answering' || stream === undefined) return;
    // Node ends the readable side also where the connection broke off; NO_ERROR may follow a whole answer (RFC 9113 §8.1).
    if (stream.rstCode !== NGHTTP2_NO_ERROR || this.bytes < this.#expected) {
      this.fail(reset, 'local-failure');
      return;
    }
    this.settle();
    // The rest of the request is not wanted.
    if (!stream.writableEnded) stream.close(NGHTTP2_NO_ERROR);
    this.owner.onResponseEnd(this, this.#trailers);
  }

  #onDrain(): void {
    this.#session?.active(this.#plane.clock.monotonicMs());
    if (this.state !== 'over') this.owner.onAttemptDrain(this);
  }

  #onClose(code: number | undefined): void {
    const session = this.#session;
    this.#session = undefined;
    session?.streamEnded();
    if (this.state === 'over') return;
    const failure = this.#failureOf(code, session);
    this.fail(failure, failure === reset ? 'local-failure' : undefined);
  }

  #failureOf(code: number | undefined, session: UpstreamSession | undefined): AttemptFailure {
    if (this.state !== 'asked' || this.responded) return reset;
    if (code === NGHTTP2_REFUSED_STREAM) return refusedStream;
    // Node's word for streams of a connection that is gone.
    const gone = code === NGHTTP2_CANCEL && session?.usable === false;
    return gone && session.reused ? stale : reset;
  }
}

/** Undefined: there is something about the fields that Node does not like. */
function beginStream(
  session: ClientHttp2Session,
  fields: readonly string[],
  whole: boolean,
): ClientHttp2Stream | undefined {
  try {
    return session.request(fields, { endStream: whole, waitForTrailers: !whole });
  } catch {
    return undefined;
  }
}

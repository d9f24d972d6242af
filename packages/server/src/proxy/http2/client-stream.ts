import { constants, type ServerHttp2Stream } from 'node:http2';
import type { AcceptedTls } from '../accepted.ts';
import type { ClientEnd } from '../client-end.ts';
import type { ConnectionEnds } from '../connection-ends.ts';
import { Exchange } from '../exchange.ts';
import type { Peer } from '../forwarding.ts';
import { chunkedBody } from '../http1/framing.ts';
import { refusals } from '../http1/refusal.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-reader.ts';
import { hasBody, type LocalReply } from '../local-reply.ts';
import type { Plane } from '../plane.ts';
import { addLines, fieldObject, responseFields } from './response-fields.ts';
import { trailerLines } from './trailer-lines.ts';

const { NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = constants;

/** The connection that a stream belongs to. */
export interface StreamHost {
  readonly plane: Plane;
  readonly peer: Peer;
  readonly ends: ConnectionEnds;
  readonly scheme: 'http' | 'https';
  readonly table: string;
  readonly tls: AcceptedTls | undefined;
  /** Octets of a body came. */
  onBodyBytes(length: number): void;
  /** The stream is gone. `givenUp`: by the client, before it was answered. */
  onStreamClose(stream: Http2ClientStream, givenUp: boolean): void;
}

/** One request of an HTTP/2 client. */
export class Http2ClientStream implements ClientEnd {
  readonly #host: StreamHost;
  readonly #stream: ServerHttp2Stream;
  #head: RequestHead | undefined;
  /** Undefined: there is none yet, or it is over. */
  #exchange: Exchange | undefined;
  #whole: boolean;
  #bodyBytes = 0;
  /** The answer's head, not sent yet: it may be its end, too. */
  #fields: string[] | undefined;
  #mayTrail = false;
  /** Octets that are not sent yet: they may be the last. */
  #held: Buffer | undefined;
  #trailers = '';
  #requestTrailers = '';
  #pressedSinceMs = -1;

  /** @param whole the request has no body */
  constructor(host: StreamHost, stream: ServerHttp2Stream, whole: boolean) {
    this.#host = host;
    this.#stream = stream;
    this.#whole = whole;
    stream.on('error', () => undefined);
    stream.on('close', () => this.#onClose());
    stream.on('drain', () => this.#onDrain());
    // What is not read ends with the answer. If it ended before, Node would make an error, with its stack, for each answer's last write.
    if (!whole) this.#listenToBody();
  }

  get peer(): Peer {
    return this.#host.peer;
  }

  get ends(): ConnectionEnds {
    return this.#host.ends;
  }

  get scheme(): 'http' | 'https' {
    return this.#host.scheme;
  }

  get table(): string {
    return this.#host.table;
  }

  get tls(): AcceptedTls | undefined {
    return this.#host.tls;
  }

  get pressed(): boolean {
    return this.#stream.writableNeedDrain;
  }

  get heldBytes(): number {
    return this.#stream.writableLength + (this.#exchange?.heldBytes ?? 0);
  }

  #listenToBody(): void {
    const stream = this.#stream;
    stream.on('data', (bytes: Buffer) => this.#onData(bytes));
    stream.on('end', () => this.#onEnd());
    stream.on('trailers', (_fields: unknown, _flags: unknown, raw?: string[]) => this.#onTrailers(raw ?? []));
  }

  /** Begins the exchange. */
  begin(head: RequestHead): void {
    this.#head = head;
    // `content-length: 0` says it before the end of the stream does.
    if (head.body === 0) this.#whole = true;
    const exchange = new Exchange(this.#host.plane, this, head);
    this.#exchange = exchange;
    exchange.start();
  }

  sweep(nowMs: number): void {
    if (this.#isStalled(nowMs)) this.#stream.close(NGHTTP2_INTERNAL_ERROR);
    else this.#exchange?.sweep(nowMs);
  }

  writeContinue(): void {
    this.#send(() => this.#stream.additionalHeaders({ ':status': 100 }));
  }

  writeInterim(head: ResponseHead): void {
    const { status, lines } = head;
    this.#send(() => this.#stream.additionalHeaders({ ':status': status, ...fieldObject(lines) }));
  }

  writeHead(head: ResponseHead): void {
    this.#fields = responseFields(head);
    this.#mayTrail = head.body < 0;
  }

  writeBody(bytes: Buffer, start: number, end: number): void {
    this.flush();
    this.#held = Buffer.from(bytes.subarray(start, end));
  }

  endBody(lines: string): void {
    if (!this.#writable()) return;
    this.#trailers = lines;
    if (this.#fields !== undefined && this.#held === undefined && lines === '') {
      const fields = this.#fields;
      this.#send(() => this.#stream.respond(fields, { endStream: true }));
    } else {
      this.#respond(lines !== '');
      if (this.#writable()) this.#stream.end(this.#held);
    }
    this.#fields = undefined;
    this.#held = undefined;
  }

  flush(): void {
    if (!this.#writable()) return;
    this.#respond(this.#mayTrail);
    if (this.#held !== undefined && this.#writable()) this.#stream.write(this.#held);
    this.#held = undefined;
  }

  writeReply(reply: LocalReply, lines: string): void {
    if (!this.#writable()) return;
    const fields = [':status', String(reply.status)];
    if (reply.contentType !== '') fields.push('content-type', reply.contentType);
    addLines(fields, lines);
    const bodied = hasBody(reply.status);
    const body = bodied && this.#head?.method !== 'HEAD' ? reply.body : '';
    const grpc = reply.contentType === 'application/grpc';
    if (bodied && !grpc) fields.push('content-length', String(Buffer.byteLength(reply.body)));
    this.#send(() => this.#stream.respond(fields, { endStream: body === '' }));
    if (body !== '' && this.#writable()) this.#stream.end(body);
  }

  /** HTTP/2 has no such thing (RFC 9113 §8.6). */
  switchProtocols(): undefined {
    return undefined;
  }

  pauseBody(): void {
    this.#stream.pause();
  }

  resumeBody(): void {
    this.#stream.resume();
  }

  finished(): void {
    this.#exchange = undefined;
    // The rest of the request is not wanted (RFC 9113 §8.1).
    if (!this.#whole) this.#stream.close(NGHTTP2_NO_ERROR);
    else if (this.#stream.readableFlowing === false) this.#stream.resume();
  }

  abort(): void {
    this.#exchange = undefined;
    this.#stream.close(NGHTTP2_INTERNAL_ERROR);
  }

  #respond(mayTrail: boolean): void {
    const fields = this.#fields;
    if (fields === undefined) return;
    this.#fields = undefined;
    if (mayTrail) this.#stream.once('wantTrailers', () => this.#sendTrailers());
    this.#send(() => this.#stream.respond(fields, { waitForTrailers: mayTrail }));
  }

  #sendTrailers(): void {
    this.#send(() => this.#stream.sendTrailers(fieldObject(this.#trailers)));
  }

  /** Node throws at fields that it does not like. Whatever that may be: it is this stream's end, and no other's. */
  #send(fields: () => void): void {
    if (!this.#writable()) return;
    try {
      fields();
    } catch {
      this.#stream.close(NGHTTP2_INTERNAL_ERROR);
    }
  }

  #writable(): boolean {
    return !this.#stream.destroyed && !this.#stream.closed;
  }

  #onData(bytes: Buffer): void {
    this.#host.onBodyBytes(bytes.length);
    const exchange = this.#exchange;
    if (exchange === undefined || this.#whole) return;
    this.#bodyBytes += bytes.length;
    const declared = this.#head?.body ?? chunkedBody;
    if (declared !== chunkedBody && this.#bodyBytes > declared) {
      exchange.onRequestRefused(refusals.badContentLength);
      return;
    }
    exchange.onRequestBody(bytes, 0, bytes.length);
    exchange.onRequestFlush();
  }

  /** They are told before the last octets of the body are: only its end makes them count. */
  #onTrailers(raw: readonly string[]): void {
    const lines = trailerLines(raw);
    if (lines === undefined) this.#exchange?.onRequestRefused(refusals.badFieldValue);
    else this.#requestTrailers = lines;
  }

  /** Node ends the readable side also where the client broke off. */
  #onEnd(): void {
    if (!this.#stream.aborted && this.#stream.rstCode === NGHTTP2_NO_ERROR) this.#end();
  }

  #end(): void {
    if (this.#whole) return;
    // An upstream that waits for the rest must not get the next request in its place.
    if (this.#bodyBytes < (this.#head?.body ?? 0)) {
      this.#exchange?.onRequestRefused(refusals.badContentLength);
      return;
    }
    this.#whole = true;
    this.#exchange?.onRequestEnd(this.#requestTrailers);
  }

  #onDrain(): void {
    this.#pressedSinceMs = -1;
    this.#exchange?.onClientDrain();
  }

  #onClose(): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    this.#host.onStreamClose(this, exchange !== undefined);
    exchange?.onClientClose();
  }

  /** Whether the client takes nothing of what we have for it. */
  #isStalled(nowMs: number): boolean {
    if (this.#stream.writableLength === 0) {
      this.#pressedSinceMs = -1;
      return false;
    }
    if (this.#pressedSinceMs === -1) this.#pressedSinceMs = nowMs;
    return nowMs - this.#pressedSinceMs >= this.#host.plane.limits.writeStallMs;
  }
}

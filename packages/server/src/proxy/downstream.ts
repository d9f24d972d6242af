import type { AcceptedTls } from './accepted.ts';
import type { ClientEnd, SwitchedClient } from './client-end.ts';
import type { ConnectionEnds } from './connection-ends.ts';
import { Exchange } from './exchange.ts';
import type { Peer } from './forwarding.ts';
import { BodyReader } from './http1/body-reader.ts';
import { BodyWriter, framingLine } from './http1/body-writer.ts';
import { bodyUntilClose, chunkedBody } from './http1/framing.ts';
import { HeadBuffer } from './http1/head-buffer.ts';
import { type Refusal, refusals } from './http1/refusal.ts';
import type { RequestHead } from './http1/request-head.ts';
import type { ResponseHead } from './http1/response-reader.ts';
import { acceptHttp2 } from './http2/client-session.ts';
import { type LocalReply, textReply } from './local-reply.ts';
import type { Plane } from './plane.ts';
import type { Swept } from './sweeper.ts';
import type { Wire, WireOwner } from './wire.ts';

/** A client connection's life. */
type DownstreamState =
  /** Waits for a request's first octet. `fresh`: there was none yet. */
  | { readonly kind: 'idle'; readonly sinceMs: number; readonly fresh: boolean }
  /** Part of what may be HTTP/2's preface is here. */
  | { readonly kind: 'preface'; readonly sinceMs: number; readonly bytes: Buffer }
  /** Part of a head is here. */
  | { readonly kind: 'head'; readonly sinceMs: number }
  /** A request is under way. */
  | { readonly kind: 'exchange'; readonly exchange: Exchange }
  /** The last response is written; what still comes is thrown away, for a while. */
  | { readonly kind: 'lingering'; readonly untilMs: number }
  /** Handed over to a tunnel, or gone. */
  | { readonly kind: 'gone' };

const gone: DownstreamState = { kind: 'gone' };

/** Whose the connection is; what is absent the connection itself tells. */
interface Source {
  readonly table: string;
  readonly scheme: 'http' | 'https';
  readonly peerAddress?: string;
  readonly tls?: AcceptedTls;
}

/** What HTTP/2 begins with where nobody asked for it (RFC 9113 §3.4). */
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');

/** One client connection that speaks HTTP/1: request after request, one at a time (pipelined ones wait). */
export class Downstream implements ClientEnd, WireOwner, Swept {
  readonly wire: Wire;
  sweepIndex = -1;
  readonly #plane: Plane;
  readonly #source: Source;
  #state: DownstreamState;
  #peer: Peer | undefined;
  /** The request under way, or the last one. */
  #request: RequestHead | undefined;
  /** Whether all of it was read. */
  #whole = true;
  /** Made for the first request that has a body. */
  #reader: BodyReader | undefined;
  readonly #writer = new BodyWriter();
  /** Whether the answer's head let the connection live on. */
  #keep = true;
  readonly #head = new HeadBuffer();
  /** Octets that came before their turn; reading is paused while there are any. */
  #ahead: Buffer | undefined;
  /** The next request waits until the client has read the last responses: else pipelining without reading fills our memory. */
  #held = false;
  /** Whether the client sends no more. */
  #ended = false;
  #lingered = 0;
  #pressedSinceMs = -1;

  constructor(plane: Plane, open: (owner: WireOwner) => Wire, source: Source) {
    this.#plane = plane;
    this.#source = source;
    this.#state = { kind: 'idle', sinceMs: plane.clock.monotonicMs(), fresh: true };
    this.wire = open(this);
    plane.counters.open++;
    plane.sweeper.add(this);
  }

  get peer(): Peer {
    if (this.#peer === undefined) {
      const address = this.#source.peerAddress ?? this.wire.remoteAddress;
      this.#peer = { address, trusted: this.#plane.trusted.has(address) };
    }
    return this.#peer;
  }

  get ends(): ConnectionEnds {
    const { address } = this.peer;
    const { remoteAddress, remotePort, localAddress, localPort } = this.wire;
    return {
      source: { address, port: address === remoteAddress ? remotePort : 0 },
      destination: { address: localAddress, port: localPort },
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

  get pressed(): boolean {
    return this.wire.pressed;
  }

  onBytes(bytes: Buffer, start: number, end: number): void {
    let position = start;
    while (position < end) {
      const before = position;
      position = this.#take(bytes, position, end);
      if (position === before) {
        this.#keepAhead(Buffer.from(bytes.subarray(position, end)));
        return;
      }
    }
  }

  onEnd(): void {
    this.#ended = true;
    const state = this.#state;
    if (state.kind === 'exchange') state.exchange.onClientEnd();
    else if (state.kind !== 'gone') this.wire.end();
  }

  onDrain(): void {
    this.#pressedSinceMs = -1;
    if (this.#state.kind === 'exchange') this.#state.exchange.onClientDrain();
    if (!this.#held) return;
    this.#held = false;
    this.#takeAhead();
  }

  onClose(): void {
    const state = this.#state;
    this.#leave();
    if (state.kind === 'exchange') state.exchange.onClientClose();
  }

  sweep(nowMs: number): void {
    const { limits } = this.#plane;
    const state = this.#state;
    if (this.#isStalled(nowMs)) {
      this.wire.destroy();
      return;
    }
    switch (state.kind) {
      case 'idle': {
        const patienceMs = state.fresh ? limits.headTimeoutMs : limits.keepAliveTimeoutMs;
        if (nowMs - state.sinceMs >= patienceMs) this.wire.destroy();
        return;
      }
      case 'preface':
      case 'head':
        if (nowMs - state.sinceMs >= limits.headTimeoutMs) this.#refuse(refusals.timeout);
        return;
      case 'exchange':
        state.exchange.sweep(nowMs);
        return;
      case 'lingering':
        if (nowMs >= state.untilMs) this.wire.destroy();
        return;
      case 'gone':
        return;
    }
  }

  /** We drain: a connection at rest ends now if `idleToo`, else with its next response. */
  drain(idleToo: boolean): void {
    if (idleToo && this.#state.kind === 'idle') this.wire.end();
  }

  writeContinue(): void {
    this.wire.writeText('HTTP/1.1 100 Continue\r\n\r\n');
  }

  writeInterim(head: ResponseHead): void {
    if (this.#request?.minor === 0) return;
    this.wire.writeText(`HTTP/1.1 ${head.status} ${head.reason}\r\n${head.lines}\r\n`);
  }

  writeHead(head: ResponseHead): void {
    const minor = this.#request?.minor;
    const unbounded = head.body === bodyUntilClose || head.body === chunkedBody;
    const chunked = unbounded && minor === 1;
    this.#keep = (chunked || !unbounded) && this.#mayKeep();
    const framing = chunked ? framingLine(chunkedBody) : lengthLine(head);
    const connection = this.#keep
      ? minor === 0
        ? 'Connection: keep-alive\r\n'
        : ''
      : 'Connection: close\r\n';
    this.#writer.begin(
      `HTTP/1.1 ${head.status} ${head.reason}\r\n${head.lines}${framing}${connection}\r\n`,
      chunked,
    );
  }

  writeBody(bytes: Buffer, start: number, end: number): void {
    this.#writer.write(this.wire, bytes, start, end);
  }

  endBody(trailerLines: string): void {
    this.#writer.end(trailerLines);
    this.#writer.flush(this.wire);
  }

  flush(): void {
    this.#writer.flush(this.wire);
  }

  writeReply(reply: LocalReply, lines: string): void {
    this.#keep = this.#mayKeep();
    const connection = this.#keep ? (this.#request?.minor === 0 ? 'keep-alive' : '') : 'close';
    const bodyless = this.#request?.method === 'HEAD';
    this.wire.writeText(this.#plane.replies.render(reply, { bodyless, connection, lines }));
  }

  switchProtocols(head: ResponseHead): SwitchedClient | undefined {
    if (this.#request?.upgrade !== true) return undefined;
    this.wire.writeText(
      `HTTP/1.1 101 ${head.reason}\r\n${head.lines}Connection: upgrade\r\nUpgrade: websocket\r\n\r\n`,
    );
    const ahead = this.#giveAhead();
    this.#leave();
    return { wire: this.wire, ahead };
  }

  pauseBody(): void {
    this.wire.pause();
  }

  resumeBody(): void {
    this.wire.resume();
  }

  abort(): void {
    this.wire.abort();
  }

  finished(nowMs: number): void {
    if (this.#state.kind !== 'exchange') return;
    if (!(this.#keep && this.#mayKeep()) || this.#ended) {
      // Nothing of the request can make closing the connection a reset.
      if (this.#whole && this.#ahead === undefined && this.wire.queuedBytes === 0) this.wire.destroy();
      else this.linger();
      return;
    }
    this.#state = { kind: 'idle', sinceMs: nowMs, fresh: false };
    this.#held = this.wire.pressed;
    if (!this.#held) this.#takeAhead();
  }

  get heldBytes(): number {
    const state = this.#state;
    const request = state.kind === 'exchange' ? state.exchange.heldBytes : 0;
    return this.wire.queuedBytes + (this.#ahead?.length ?? 0) + request;
  }

  cut(): void {
    this.wire.destroy();
  }

  destroy(): void {
    this.wire.destroy();
  }

  /** Ends our side, and reads a little longer: a reset would take the response from a client that still sends. */
  linger(): void {
    this.#state = {
      kind: 'lingering',
      untilMs: this.#plane.clock.monotonicMs() + this.#plane.limits.lingerMs,
    };
    this.#giveAhead();
    this.wire.end();
    this.wire.resume();
  }

  #mayKeep(): boolean {
    return this.#request?.keepAlive === true && this.#whole && !this.#plane.draining;
  }

  #leave(): void {
    if (this.#state === gone) return;
    this.#state = gone;
    this.#giveAhead();
    this.#plane.sweeper.remove(this);
    this.#plane.counters.open--;
  }

  /** Takes what the state has use for; returns the position it came to, `start` when nothing may be taken now. */
  #take(bytes: Buffer, start: number, end: number): number {
    const state = this.#state;
    switch (state.kind) {
      case 'idle':
        if (this.#held) return start;
        if (!state.fresh || bytes[start] !== preface[0]) return this.#takeFirst(bytes, start, end);
        this.#takePreface(bytes.subarray(start, end), state.sinceMs);
        return end;
      case 'preface':
        this.#takePreface(Buffer.concat([state.bytes, bytes.subarray(start, end)]), state.sinceMs);
        return end;
      case 'head':
        return this.#takeMore(bytes, start, end);
      case 'exchange':
        return this.#whole ? start : this.#takeBody(state.exchange, bytes, start, end);
      case 'lingering':
        this.#lingered += end - start;
        if (this.#lingered > this.#plane.limits.lingerBytes) this.wire.destroy();
        return end;
      case 'gone':
        return end;
    }
  }

  /** @param bytes all that came on this connection so far */
  #takePreface(bytes: Buffer, sinceMs: number): void {
    const length = Math.min(bytes.length, preface.length);
    if (preface.compare(bytes, 0, length, 0, length) !== 0) {
      this.#state = { kind: 'idle', sinceMs, fresh: false };
      this.onBytes(bytes, 0, bytes.length);
    } else if (length < preface.length) {
      this.#state = { kind: 'preface', sinceMs, bytes: Buffer.from(bytes) };
    } else {
      const { scheme, table, tls } = this;
      const source = { scheme, table, peerAddress: this.peer.address, ...(tls === undefined ? {} : { tls }) };
      this.#leave();
      acceptHttp2(this.#plane, this.wire.release(Buffer.from(bytes)), source);
    }
  }

  /** The usual case: the whole head is here, and is read where it lies. */
  #takeFirst(bytes: Buffer, start: number, end: number): number {
    const begin = afterEmptyLine(bytes, start, end);
    if (begin === end) return end;
    const read = this.#plane.requests.read(bytes, begin, end);
    if (read === undefined) {
      this.#state = { kind: 'head', sinceMs: this.#plane.clock.monotonicMs() };
      return this.#takeMore(bytes, begin, end);
    }
    if (read.type === 'refusal') return this.#refuseAt(read, end);
    return this.#begin(read, bytes, this.#plane.requests.end, end);
  }

  #takeMore(bytes: Buffer, start: number, end: number): number {
    const taken = this.#head.take(bytes, start, end);
    if (typeof taken !== 'number') return this.#refuseAt(taken, end);
    if (!this.#head.complete) return taken;
    const read = this.#plane.requests.read(this.#head.bytes, 0, this.#head.length);
    this.#head.clear();
    if (read === undefined) return this.#refuseAt(refusals.badRequestLine, end);
    if (read.type === 'refusal') return this.#refuseAt(read, end);
    return this.#begin(read, bytes, taken, end);
  }

  #begin(head: RequestHead, bytes: Buffer, bodyAt: number, end: number): number {
    const exchange = new Exchange(this.#plane, this, head);
    this.#state = { kind: 'exchange', exchange };
    this.#request = head;
    this.#whole = head.body === 0;
    let position = bodyAt;
    if (!this.#whole) {
      this.#reader ??= new BodyReader();
      this.#reader.begin(head.body);
      position = this.#takeBody(exchange, bytes, bodyAt, end);
    }
    exchange.start();
    return position;
  }

  #takeBody(exchange: Exchange, bytes: Buffer, start: number, end: number): number {
    const reader = this.#reader as BodyReader;
    let position = start;
    while (position < end && reader.state !== 'done' && reader.state !== 'refused') {
      position = reader.next(bytes, position, end);
      if (reader.dataEnd > reader.dataStart) exchange.onRequestBody(bytes, reader.dataStart, reader.dataEnd);
    }
    if (reader.state === 'refused') {
      exchange.onRequestRefused(reader.refusal);
      return end;
    }
    if (reader.state !== 'done') {
      exchange.onRequestFlush();
    } else {
      this.#whole = true;
      exchange.onRequestEnd(reader.trailerLines);
    }
    return position;
  }

  /** It is not their turn yet. */
  #keepAhead(bytes: Buffer): void {
    const { counters, limits } = this.#plane;
    this.#ahead = bytes;
    counters.aheadBytes += bytes.length;
    this.wire.pause();
    if (counters.aheadBytes > limits.maxAheadBytes) this.wire.destroy();
  }

  #giveAhead(): Buffer | undefined {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    this.#plane.counters.aheadBytes -= ahead?.length ?? 0;
    return ahead;
  }

  #takeAhead(): void {
    const ahead = this.#giveAhead();
    if (ahead === undefined) return;
    this.wire.resume();
    this.onBytes(ahead, 0, ahead.length);
  }

  #refuseAt(refusal: Refusal, end: number): number {
    this.#refuse(refusal);
    return end;
  }

  #refuse(refusal: Refusal): void {
    const { counters, replies } = this.#plane;
    counters.refusals.set(refusal.code, (counters.refusals.get(refusal.code) ?? 0) + 1);
    const reply = textReply(refusal.status, refusal.reason);
    this.wire.writeText(replies.render(reply, { bodyless: false, connection: 'close', lines: '' }));
    this.linger();
  }

  /** Whether the client takes nothing of what we have for it. */
  #isStalled(nowMs: number): boolean {
    if (this.wire.queuedBytes === 0) {
      this.#pressedSinceMs = -1;
      return false;
    }
    if (this.#pressedSinceMs === -1) this.#pressedSinceMs = nowMs;
    return nowMs - this.#pressedSinceMs >= this.#plane.limits.writeStallMs;
  }
}

/** One empty line before a request line is overlooked (RFC 9112 §2.2). */
function afterEmptyLine(bytes: Buffer, start: number, end: number): number {
  const empty = end - start >= 2 && bytes[start] === 0x0d && bytes[start + 1] === 0x0a;
  return empty ? start + 2 : start;
}

/** `Content-Length` as the upstream said it; of an empty body that nobody announced, nothing. */
function lengthLine(head: ResponseHead): string {
  return head.saidLength === undefined ? '' : framingLine(head.saidLength);
}

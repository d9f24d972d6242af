import type { AcceptedTls } from './accepted.ts';
import type { ConnectionEnds } from './connection-ends.ts';
import type { Peer } from './forwarding.ts';
import type { ResponseHead } from './http1/response-reader.ts';
import type { LocalReply } from './local-reply.ts';
import type { Wire } from './wire.ts';

/**
 * The client of one exchange, whatever it speaks: an HTTP/1 connection while a request is under way, or an HTTP/2 stream. It reads and
 * frames; the exchange sees decoded bodies only.
 *
 * Towards the exchange: `onRequestBody` … `onRequestFlush`, `onRequestEnd`, or `onRequestRefused`; `onClientDrain` after a write that left
 * `pressed` true; `onClientEnd` and `onClientClose`; `sweep` ten times a second. Nothing after `finished` or `abort`.
 *
 * From the exchange: `writeInterim` any number of times, then `writeHead`, `writeBody` …, `endBody`, or `writeReply` alone; then `finished`.
 */
export interface ClientEnd {
  readonly peer: Peer;
  /** Of its connection. Port 0 where another address than the connection's own is believed. */
  readonly ends: ConnectionEnds;
  readonly scheme: 'http' | 'https';
  /** Whose virtual hosts serve it. */
  readonly table: string;
  /** Undefined: in clear. */
  readonly tls: AcceptedTls | undefined;
  /** More is queued than leaves at once: write no more until `onClientDrain`. */
  readonly pressed: boolean;
  writeContinue(): void;
  writeInterim(head: ResponseHead): void;
  /** Held back until body, end or `flush` follow: head and first octets leave in one write. */
  writeHead(head: ResponseHead): void;
  /** `bytes` are copied or sent before it returns. */
  writeBody(bytes: Buffer, start: number, end: number): void;
  /** Ends the body and flushes. `trailerLines` as `name: value` CR LF, or empty. */
  endBody(trailerLines: string): void;
  flush(): void;
  /** A whole answer of our own. `lines` are further header lines. */
  writeReply(reply: LocalReply, lines: string): void;
  /** Writes a 101 and gives up its connection; undefined: this client cannot switch. */
  switchProtocols(head: ResponseHead): SwitchedClient | undefined;
  /** The request's body is not read until `resumeBody`. */
  pauseBody(): void;
  resumeBody(): void;
  /** The answer is written whole. The client end goes on by itself: to the next request, or to its close. */
  finished(nowMs: number): void;
  /** Breaks off so that the client can see that the answer is not whole. */
  abort(): void;
}

/** What is left of a client that switched protocols. */
export interface SwitchedClient {
  readonly wire: Wire;
  /** Octets that came already. */
  readonly ahead: Buffer | undefined;
}

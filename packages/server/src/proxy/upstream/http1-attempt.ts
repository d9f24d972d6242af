import { Attempt, type AttemptOwner, anomaly, connectFailure, overflow, reset, stale } from '../attempt.ts';
import type { ClusterState, PendingRequest } from '../cluster-state.ts';
import { connectOutcome } from '../connect-error.ts';
import type { EndpointState } from '../endpoint-state.ts';
import type { BodyReader } from '../http1/body-reader.ts';
import { BodyWriter } from '../http1/body-writer.ts';
import { chunkedBody } from '../http1/framing.ts';
import { HeadBuffer } from '../http1/head-buffer.ts';
import type { Refusal } from '../http1/refusal.ts';
import type { ResponseHead } from '../http1/response-reader.ts';
import { requestHeadText } from '../outgoing-request.ts';
import type { Plane } from '../plane.ts';
import type { UpstreamConnection, UpstreamUser } from '../upstream-connection.ts';

/** Interim responses to one request; more are an attack. */
const maxInterim = 16;

/** A try over HTTP/1: a pooled connection or a new one, the request written, the response read strictly. */
export class Http1Attempt extends Attempt implements UpstreamUser, PendingRequest {
  readonly #plane: Plane;
  /** Never a pooled connection. */
  readonly #anew: boolean;
  #connection: UpstreamConnection | undefined;
  #head: ResponseHead | undefined;
  /** Made when a head comes in pieces. */
  #partial: HeadBuffer | undefined;
  #headEnd = 0;
  #interim = 0;
  /** Of the connection, while the response's body is read. */
  #reader: BodyReader | undefined;
  /** Made when a body is sent that was not here with the head. */
  #writer: BodyWriter | undefined;

  constructor(
    plane: Plane,
    cluster: ClusterState,
    endpoint: EndpointState,
    owner: AttemptOwner,
    anew: boolean,
  ) {
    super(cluster, endpoint, owner);
    this.#plane = plane;
    this.#anew = anew;
  }

  start(nowMs: number): void {
    const { cluster, endpoint } = this;
    const channel = cluster.channel(this.owner.outgoing.authority.host, this.owner);
    const connection = this.#anew
      ? cluster.connectAnew(endpoint, this, channel)
      : cluster.connect(endpoint, this, this, channel);
    if (connection === 'full') {
      this.fail(overflow, undefined);
      return;
    }
    this.#connection = connection;
    if (connection?.reused === true) {
      this.#send(connection, nowMs);
      return;
    }
    if (connection !== undefined) this.began();
    this.state = connection === undefined ? 'queued' : 'connecting';
    this.deadlineMs = nowMs + (cluster.config?.connectTimeoutMs ?? 0);
  }

  get pressed(): boolean {
    return this.#connection?.wire.pressed === true;
  }

  get queuedBytes(): number {
    return this.#connection?.wire.queuedBytes ?? 0;
  }

  writeBody(bytes: Buffer, start: number, end: number): void {
    const wire = this.#connection?.wire;
    if (wire !== undefined) this.#writer?.write(wire, bytes, start, end);
  }

  endBody(trailerLines: string): void {
    this.#writer?.end(trailerLines);
    this.flush();
  }

  flush(): void {
    const wire = this.#connection?.wire;
    if (wire !== undefined) this.#writer?.flush(wire);
  }

  pause(): void {
    this.#connection?.wire.pause();
  }

  resume(): void {
    this.#connection?.wire.resume();
  }

  /** It is this request's turn to get a connection. */
  onTurn(): void {
    if (this.state !== 'queued') return;
    this.settle();
    this.owner.onAttemptTurn(this);
  }

  onUpstreamConnected(): void {
    if (this.state !== 'connecting' || this.#connection === undefined) return;
    this.#send(this.#connection, this.#plane.clock.monotonicMs());
  }

  onUpstreamBytes(bytes: Buffer, start: number, end: number): void {
    this.responded = true;
    this.endpoint.heard++;
    if (this.state === 'answering') this.#takeBody(bytes, start, end);
    else if (this.state === 'asked') this.#takeHead(bytes, start, end);
  }

  onUpstreamEnd(): void {
    if (this.state === 'answering' && this.#reader?.endsByClose === true) this.#finish(false);
    else this.#gone();
  }

  onUpstreamDrain(): void {
    this.owner.onAttemptDrain(this);
  }

  onUpstreamClose(error: Error | undefined): void {
    if (this.state === 'connecting') this.fail(connectFailure, connectOutcome(error));
    else this.#gone();
  }

  protected leave(): void {
    const connection = this.#connection;
    if (this.state === 'queued') this.cluster.leaveQueue(this);
    this.settle();
    this.#connection = undefined;
    if (connection !== undefined) this.cluster.drop(connection);
  }

  #send(connection: UpstreamConnection, nowMs: number): void {
    const { outgoing, forwardedLines, body } = this.owner;
    const text = requestHeadText(outgoing, forwardedLines, outgoing.body);
    this.sent(nowMs);
    if (outgoing.body === 0) {
      connection.wire.writeText(text);
    } else {
      const writer = new BodyWriter();
      this.#writer = writer;
      writer.begin(text, outgoing.body === chunkedBody);
      writer.writeText(body.kept ?? '');
      if (body.whole) writer.end(body.trailerLines);
      writer.flush(connection.wire);
    }
    this.owner.onAttemptSent(this);
  }

  #takeHead(bytes: Buffer, start: number, end: number): void {
    let position = start;
    while (position < end) {
      const head = this.#readHead(bytes, position, end);
      if (head === undefined) return;
      if (head.type === 'refusal') {
        this.fail(anomaly(head.code), 'no-answer');
        return;
      }
      position = this.#headEnd;
      if (head.status === 101) {
        this.#switch(head, bytes, position, end);
        return;
      }
      if (head.status >= 200) {
        this.#takeFinal(head, bytes, position, end);
        return;
      }
      if (++this.#interim > maxInterim) {
        this.fail(anomaly('too-many-interim'), 'no-answer');
        return;
      }
      // 100 was answered by us.
      if (head.status !== 100) this.owner.onResponseInterim(this, head);
      if (this.state !== 'asked') return;
    }
  }

  #readHead(bytes: Buffer, start: number, end: number): ResponseHead | Refusal | undefined {
    const reader = this.#plane.responses;
    const { method } = this.owner.outgoing;
    if (this.#partial === undefined) {
      const read = reader.read(bytes, start, end, method);
      this.#headEnd = reader.end;
      if (read !== undefined) return read;
    }
    this.#partial ??= new HeadBuffer();
    const taken = this.#partial.take(bytes, start, end);
    if (typeof taken !== 'number') return taken;
    this.#headEnd = taken;
    if (!this.#partial.complete) return undefined;
    const read = reader.read(this.#partial.bytes, 0, this.#partial.length, method);
    this.#partial = undefined;
    return read;
  }

  #takeFinal(head: ResponseHead, bytes: Buffer, start: number, end: number): void {
    const reader = this.#connection?.bodyReader;
    if (reader === undefined) return;
    this.#head = head;
    this.#reader = reader;
    reader.begin(head.body);
    this.answered(head);
    if (this.state === 'answering') this.#takeBody(bytes, start, end);
  }

  #takeBody(bytes: Buffer, start: number, end: number): void {
    const reader = this.#reader;
    if (reader === undefined) return;
    let position = start;
    while (position < end && reader.state !== 'done' && reader.state !== 'refused') {
      position = reader.next(bytes, position, end);
      const { dataStart, dataEnd } = reader;
      if (dataEnd === dataStart) continue;
      this.bytes += dataEnd - dataStart;
      this.owner.onResponseBody(this, bytes, dataStart, dataEnd);
      if (this.state !== 'answering') return;
    }
    if (reader.state === 'refused') this.fail(anomaly(reader.refusal.code), 'no-answer');
    else if (reader.state === 'done') this.#finish(position === end && this.#head?.keepAlive === true);
    else this.owner.onResponseFlush(this);
  }

  /** @param clean its connection may carry another request, if all of this one was sent */
  #finish(clean: boolean): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    const trailerLines = this.#reader?.trailerLines ?? '';
    this.settle();
    this.#connection = undefined;
    if (clean && (this.owner.body.whole || this.owner.outgoing.body === 0)) {
      this.cluster.release(connection, this.#plane.clock.monotonicMs(), this.#head?.keepAliveMs);
    } else {
      this.cluster.drop(connection);
    }
    this.owner.onResponseEnd(this, trailerLines);
  }

  #switch(head: ResponseHead, bytes: Buffer, start: number, end: number): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    if (!head.upgrade || !this.owner.outgoing.upgrade) {
      this.fail(anomaly('unexpected-switch'), 'no-answer');
      return;
    }
    this.settle();
    this.#connection = undefined;
    this.owner.onSwitch(this, head, connection, bytes, start, end);
  }

  #gone(): void {
    if (this.state === 'answering') {
      this.fail(reset, 'local-failure');
    } else if (this.state === 'asked') {
      const idleClosed = this.#connection?.reused === true && !this.responded;
      this.fail(idleClosed ? stale : reset, idleClosed ? undefined : 'local-failure');
    }
  }
}

import type { Outcome } from '@portolan/core/resilience/outlier.ts';
import type { RetryOn } from '@portolan/core/resilience/retry-decision.ts';
import type { ClusterState, PendingRequest } from './cluster-state.ts';
import { connectOutcome } from './connect-error.ts';
import type { Downstream } from './downstream.ts';
import type { EndpointState } from './endpoint-state.ts';
import type { Refusal } from './http1/refusal.ts';
import type { RequestHead } from './http1/request-head.ts';
import { defaultBackend, type LocalReply, textReply } from './local-reply.ts';
import { OutgoingRequest } from './outgoing-request.ts';
import type { Plane } from './plane.ts';
import { requestIdOf } from './request-id.ts';
import { type ResponseEvent, ResponsePump } from './response-pump.ts';
import type { CompiledRoute } from './router.ts';
import { startTunnel } from './tunnel.ts';
import type { UpstreamConnection, UpstreamUser } from './upstream-connection.ts';

/** How far the request has come. */
type ExchangeState =
  /** No connection is free; it waits in its cluster's queue. */
  | { readonly kind: 'queued'; readonly deadlineMs: number }
  | { readonly kind: 'connecting'; readonly connection: UpstreamConnection; readonly deadlineMs: number }
  /** The request is sent, or being sent; of the response nothing is written yet. */
  | { readonly kind: 'asked'; readonly connection: UpstreamConnection; readonly deadlineMs: number }
  /** The response is on its way to the client. */
  | { readonly kind: 'answering'; readonly connection: UpstreamConnection }
  | { readonly kind: 'over' };

const over: ExchangeState = { kind: 'over' };

/** A pooled connection that turns out to be closed does not count as a try, so often. */
const maxStaleRetries = 3;
const never = Number.POSITIVE_INFINITY;

/** One request and its response: routed, sent to an endpoint, sent again if that is allowed, answered. */
export class Exchange implements UpstreamUser, PendingRequest {
  readonly #plane: Plane;
  readonly #client: Downstream;
  readonly #head: RequestHead;
  readonly #startMs: number;
  readonly #requestId: string;
  #route: CompiledRoute | undefined;
  #cluster: ClusterState | undefined;
  #state: ExchangeState = { kind: 'queued', deadlineMs: never };
  #deadlineMs = never;
  #endpoint: EndpointState | undefined;
  #tries = 0;
  #stale = 0;
  readonly #request: OutgoingRequest;
  readonly #response: ResponsePump;
  #lastMs: number;
  #clientPaused = false;

  constructor(plane: Plane, client: Downstream, head: RequestHead) {
    this.#plane = plane;
    this.#client = client;
    this.#head = head;
    this.#startMs = plane.clock.monotonicMs();
    this.#lastMs = this.#startMs;
    this.#requestId = requestIdOf(head.requestId);
    this.#request = new OutgoingRequest(head, client.peer, this.#requestId, plane.limits.maxReplayBytes);
    this.#response = new ResponsePump(head);
  }

  /** Routes the request and sends it; `bytes[start, end)` follow its head. Returns the position after what was taken of them. */
  begin(bytes: Buffer, start: number, end: number): number {
    const { path, authority, expectsContinue } = this.#head;
    const route = this.#plane.router.find(authority.host, path);
    this.#route = route;
    this.#cluster = route?.cluster;
    const position = this.#request.take(bytes, start, end, undefined);
    if (this.#request.refusal !== undefined) return this.#refuseBody(this.#request.refusal, end);
    if (route?.cluster === undefined) {
      this.#reply(route === undefined ? defaultBackend(path) : directReply(route), '');
      return position;
    }
    if (this.#head.hops >= this.#plane.limits.maxHops) {
      this.#reply(textReply(508, 'the request goes in a circle of gateways'), 'loop');
      return position;
    }
    if (route.timeoutMs > 0) this.#deadlineMs = this.#startMs + route.timeoutMs;
    if (expectsContinue && !this.#request.whole) this.#client.wire.writeText('HTTP/1.1 100 Continue\r\n\r\n');
    this.#attempt(this.#startMs);
    if (!this.#request.whole && this.#connected() === undefined) this.#pauseClient();
    return position;
  }

  /** More octets of the client while this exchange goes on: its body, or `start` when the body is whole. */
  onClientBytes(bytes: Buffer, start: number, end: number): number {
    if (this.#state.kind === 'over' || this.#request.whole) return start;
    this.#lastMs = this.#plane.clock.monotonicMs();
    const wire = this.#connected()?.wire;
    const position = this.#request.take(bytes, start, end, wire);
    if (this.#request.refusal !== undefined) return this.#refuseBody(this.#request.refusal, end);
    if (!this.#request.whole && (wire === undefined || wire.pressed)) this.#pauseClient();
    return position;
  }

  onClientEnd(): void {
    // A half-closed client still reads, but a request without its end will never be whole.
    if (!this.#request.whole && this.#state.kind !== 'over') this.#breakOff('client-closed');
  }

  onClientDrain(): void {
    if (this.#state.kind === 'answering') this.#state.connection.wire.resume();
  }

  onClientClose(): void {
    if (this.#state.kind !== 'over') this.#close('client-closed', 0);
  }

  /** It is this request's turn to get a connection. */
  onTurn(): void {
    if (this.#state.kind === 'queued') this.#attempt(this.#plane.clock.monotonicMs());
  }

  sweep(nowMs: number): void {
    const state = this.#state;
    if (state.kind === 'over') return;
    if (nowMs >= this.#deadlineMs) {
      this.#cluster?.stats.add('timeouts');
      this.#fail(504, 'request-timeout', 'the request took longer than its route allows');
    } else if (state.kind === 'queued') {
      if (nowMs >= state.deadlineMs) this.#fail(503, 'pending-timeout', 'no connection became free in time');
    } else if (state.kind === 'connecting') {
      if (nowMs >= state.deadlineMs) this.#onTimeout('connect-failure', 'connect-timeout');
    } else if (!this.#request.whole) {
      this.#sweepBody(nowMs - this.#lastMs);
    } else if (state.kind === 'asked') {
      if (nowMs >= state.deadlineMs) this.#onTimeout('reset-before-response', 'response-timeout');
    } else if (nowMs - this.#lastMs >= this.#plane.limits.streamIdleMs) {
      this.#breakOff('stream-idle');
    }
  }

  onUpstreamConnected(): void {
    if (this.#state.kind === 'connecting')
      this.#send(this.#state.connection, this.#plane.clock.monotonicMs());
  }

  onUpstreamBytes(bytes: Buffer, start: number, end: number): void {
    const state = this.#state;
    if (state.kind !== 'asked' && state.kind !== 'answering') return;
    const { connection } = state;
    const event = this.#response.take(this.#plane, this.#client.wire, bytes, start, end, this.#fieldsFor());
    if (state.kind === 'asked' && this.#response.head !== undefined) this.#beginAnswer(connection);
    this.#onResponse(event, connection, bytes);
  }

  onUpstreamEnd(): void {
    const state = this.#state;
    if (state.kind === 'answering' && this.#response.endsByClose) {
      this.#response.finishByClose(this.#client.wire);
      this.#complete(false, this.#plane.clock.monotonicMs());
    } else if (state.kind === 'asked' || state.kind === 'answering') {
      this.#upstreamGone();
    }
  }

  onUpstreamDrain(): void {
    this.#resumeClient();
  }

  onUpstreamClose(error: Error | undefined): void {
    if (this.#state.kind === 'connecting') {
      this.#cluster?.stats.add('connect_failures');
      this.#retryOr('connect-failure', connectOutcome(error), 503, 'connect-failure');
    } else {
      this.#upstreamGone();
    }
  }

  #attempt(nowMs: number): void {
    const cluster = this.#cluster;
    if (cluster === undefined) return;
    const endpoint = cluster.pick(this.#endpoint);
    if (endpoint === undefined) {
      cluster.stats.add('no_endpoint');
      this.#fail(503, 'no-endpoint', `no instance of ${cluster.name} is passing`);
      return;
    }
    this.#endpoint = endpoint;
    const connection =
      this.#stale < maxStaleRetries
        ? cluster.connect(endpoint, this, this)
        : cluster.connectAnew(endpoint, this);
    const connectTimeoutMs = cluster.config?.connectTimeoutMs ?? 0;
    if (connection === 'full') {
      cluster.stats.add('overflows');
      this.#fail(503, 'overflow', `too many requests wait for ${cluster.name}`);
    } else if (connection === undefined) {
      this.#state = { kind: 'queued', deadlineMs: nowMs + connectTimeoutMs };
    } else if (connection.reused) {
      this.#send(connection, nowMs);
    } else {
      this.#state = { kind: 'connecting', connection, deadlineMs: nowMs + connectTimeoutMs };
    }
  }

  #send(connection: UpstreamConnection, nowMs: number): void {
    const perTryMs = this.#route?.retry.perTryTimeoutMs || this.#plane.limits.streamIdleMs;
    this.#state = { kind: 'asked', connection, deadlineMs: nowMs + perTryMs };
    this.#tries++;
    this.#response.reset();
    connection.endpoint.requests++;
    this.#request.sendTo(connection.wire);
    this.#resumeClient();
  }

  #connected(): UpstreamConnection | undefined {
    const state = this.#state;
    return state.kind === 'asked' || state.kind === 'answering' ? state.connection : undefined;
  }

  #pauseClient(): void {
    if (this.#state.kind === 'over') return;
    this.#clientPaused = true;
    this.#lastMs = this.#plane.clock.monotonicMs();
    this.#client.wire.pause();
  }

  #resumeClient(): void {
    if (!this.#clientPaused) return;
    this.#clientPaused = false;
    this.#lastMs = this.#plane.clock.monotonicMs();
    this.#client.wire.resume();
  }

  /** The last lines of the response's head: what the connection does next. */
  #fieldsFor(): string {
    if (this.#keepsClient()) return this.#head.minor === 0 ? 'Connection: keep-alive\r\n' : '';
    return 'Connection: close\r\n';
  }

  #keepsClient(): boolean {
    return this.#head.keepAlive && this.#request.whole && !this.#plane.draining;
  }

  #beginAnswer(connection: UpstreamConnection): void {
    this.#state = { kind: 'answering', connection };
    const failed = this.#response.status >= 500;
    this.#report(connection.endpoint, failed ? 'server-error' : 'ok');
  }

  #onResponse(event: ResponseEvent, connection: UpstreamConnection, bytes: Buffer): void {
    const nowMs = this.#plane.clock.monotonicMs();
    this.#lastMs = nowMs;
    switch (event.kind) {
      case 'more':
        if (this.#client.wire.pressed) connection.wire.pause();
        return;
      case 'done':
        this.#complete(event.clean, nowMs);
        return;
      case 'anomaly':
        this.#cluster?.stats.add('anomalies');
        this.#report(connection.endpoint, 'local-failure');
        this.#fail(502, event.code, 'the service sent a response that is no valid HTTP');
        return;
      case 'switched':
        this.#switch(connection, bytes, event.restStart, event.restEnd);
    }
  }

  /** The upstream went away in the middle. */
  #upstreamGone(): void {
    const state = this.#state;
    if (state.kind === 'answering') {
      this.#cluster?.stats.add('resets');
      this.#report(state.connection.endpoint, 'local-failure');
      this.#breakOff('upstream-broke-off');
    } else if (state.kind === 'asked') {
      this.#onResetBeforeResponse(state.connection);
    }
  }

  #onResetBeforeResponse(connection: UpstreamConnection): void {
    const stale = connection.reused && !this.#response.begun;
    if (stale && this.#request.maySendAgain && this.#stale < maxStaleRetries) {
      this.#stale++;
      this.#cluster?.stats.add('stale_retries');
      this.#cluster?.drop(connection);
      this.#state = { kind: 'queued', deadlineMs: never };
      this.#endpoint = undefined;
      this.#attempt(this.#plane.clock.monotonicMs());
      return;
    }
    this.#cluster?.stats.add('resets');
    this.#retryOr('reset-before-response', stale ? 'ok' : 'local-failure', 502, 'upstream-reset');
  }

  /** Sends the request to another endpoint if the route's policy and the request's nature allow it, else fails. */
  #retryOr(condition: RetryOn, outcome: Outcome | undefined, status: number, code: string): void {
    const state = this.#state;
    const cluster = this.#cluster;
    const retry = this.#route?.retry;
    if (
      cluster === undefined ||
      retry === undefined ||
      (state.kind !== 'connecting' && state.kind !== 'asked')
    )
      return;
    if (state.kind === 'connecting') this.#tries++;
    if (outcome !== undefined && outcome !== 'ok') this.#report(state.connection.endpoint, outcome);
    const allowed = retry.on.includes(condition) && this.#tries <= retry.retries;
    const again = allowed && this.#request.maySendAgain && !this.#response.begun;
    if (!again) {
      this.#fail(status, code, `${cluster.name} could not be reached (${code})`);
      return;
    }
    cluster.stats.add('retries');
    cluster.drop(state.connection);
    this.#state = { kind: 'queued', deadlineMs: never };
    this.#attempt(this.#plane.clock.monotonicMs());
  }

  #report(endpoint: EndpointState, outcome: Outcome): void {
    this.#cluster?.outcome(endpoint, outcome);
  }

  #complete(clean: boolean, nowMs: number): void {
    const state = this.#state;
    if (state.kind !== 'answering') return;
    if (clean && this.#request.whole)
      this.#cluster?.release(state.connection, nowMs, this.#response.keepAliveMs);
    else this.#cluster?.drop(state.connection);
    this.#state = over;
    this.#note(this.#response.status, '', nowMs);
    this.#client.finished(this.#response.keepsClient && this.#keepsClient(), this.#request.whole, nowMs);
  }

  #switch(connection: UpstreamConnection, bytes: Buffer, start: number, end: number): void {
    this.#state = over;
    this.#note(101, '', this.#plane.clock.monotonicMs());
    const cluster = this.#cluster;
    const before = { early: bytes.subarray(start, end), ahead: this.#client.handOver() };
    startTunnel(this.#plane, this.#client.wire, connection, before, () => cluster?.drop(connection));
  }

  #refuseBody(refusal: Refusal, end: number): number {
    const { refusals } = this.#plane.counters;
    refusals.set(refusal.code, (refusals.get(refusal.code) ?? 0) + 1);
    this.#fail(refusal.status, refusal.code, refusal.reason);
    return end;
  }

  /** The client still has to send, or the upstream to take, a part of the body. */
  #sweepBody(stalledMs: number): void {
    const { bodyStallMs, writeStallMs } = this.#plane.limits;
    if (this.#clientPaused) {
      if (stalledMs >= writeStallMs) this.#fail(504, 'upstream-stall', 'the service does not take the body');
    } else if (stalledMs >= bodyStallMs) {
      this.#fail(408, 'body-stall', 'the body of the request did not arrive in time');
    }
  }

  #onTimeout(condition: RetryOn, code: string): void {
    this.#cluster?.stats.add('timeouts');
    this.#retryOr(condition, 'local-failure', 504, code);
  }

  /** Answers by ourselves if the client has seen nothing yet, else breaks off. */
  #fail(status: number, code: string, text: string): void {
    if (this.#state.kind === 'answering' || this.#response.begunWriting) this.#breakOff(code);
    else this.#reply(textReply(status, text), code);
  }

  #reply(reply: LocalReply, flag: string): void {
    this.#dropConnection();
    this.#state = over;
    const keep = this.#keepsClient();
    const { replies, clock } = this.#plane;
    const connection = keep ? (this.#head.minor === 0 ? 'keep-alive' : '') : 'close';
    const lines = `X-Request-Id: ${this.#requestId}\r\n`;
    const bodyless = this.#head.method === 'HEAD';
    this.#client.wire.writeText(replies.render(reply, { bodyless, connection, lines }));
    const nowMs = clock.monotonicMs();
    this.#note(reply.status, flag, nowMs);
    this.#client.finished(keep, this.#request.whole, nowMs);
  }

  /** The client must see that the response is not whole. */
  #breakOff(flag: string): void {
    this.#close(flag, this.#response.status);
    this.#client.wire.abort();
  }

  #close(flag: string, status: number): void {
    this.#dropConnection();
    this.#state = over;
    this.#note(status, flag, this.#plane.clock.monotonicMs());
  }

  #dropConnection(): void {
    const state = this.#state;
    if (state.kind === 'queued') this.#cluster?.leaveQueue(this);
    else if (state.kind !== 'over') this.#cluster?.drop(state.connection);
  }

  #note(status: number, flag: string, nowMs: number): void {
    const durationMs = nowMs - this.#startMs;
    const [requestBytes, responseBytes] = [this.#request.bytes, this.#response.bytes];
    this.#cluster?.stats.finish(status, durationMs, requestBytes, responseBytes);
    if (!this.#plane.logsAccess) return;
    const { method, authority, path, query, userAgent } = this.#head;
    const endpoint = this.#endpoint;
    this.#plane.accessLog.note({
      ...{ method, status, requestBytes, responseBytes, durationMs, userAgent, flag },
      host: authority.text,
      path: path + query,
      client: this.#client.peer.address,
      requestId: this.#requestId,
      cluster: this.#cluster?.name ?? '',
      upstream: endpoint === undefined ? '' : `${endpoint.address}:${endpoint.port}`,
      tries: this.#tries,
    });
  }
}

function directReply(route: CompiledRoute): LocalReply {
  const { action } = route;
  if (action.type === 'direct') return action;
  return textReply(503, 'the route leads nowhere');
}

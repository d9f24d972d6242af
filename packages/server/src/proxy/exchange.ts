import type { AccessEntry } from './access-format.ts';
import type { Attempt, AttemptFailure, AttemptOwner } from './attempt.ts';
import type { ClientEnd } from './client-end.ts';
import type { ClusterState } from './cluster-state.ts';
import type { Admitted } from './clusters/admission.ts';
import { type Affinity, affinityOf } from './clusters/affinity.ts';
import type { ConnectionEnds } from './connection-ends.ts';
import type { EndpointState } from './endpoint-state.ts';
import { failureReply } from './failure-reply.ts';
import { forwardingLines } from './forwarding.ts';
import { grpcReply, isGrpc } from './grpc-reply.ts';
import { fieldValue } from './http1/line-fields.ts';
import { type Refusal, refusals } from './http1/refusal.ts';
import type { RequestHead } from './http1/request-head.ts';
import type { ResponseHead } from './http1/response-reader.ts';
import { defaultBackend, type LocalReply, textReply } from './local-reply.ts';
import type { Plane } from './plane.ts';
import { emptyBody, RequestBody } from './request-body.ts';
import { requestIdOf } from './request-id.ts';
import { isIdempotent, Retrying, type RetrySituation, retriesStatus, tryEndOf } from './retrying.ts';
import type { PolicyRequest, Substitute, Wait } from './route-policy.ts';
import type { CompiledRoute, CompiledTarget } from './routes/compiled-route.ts';
import { drawTarget } from './routes/draw-target.ts';
import { routeReply } from './routes/route-reply.ts';
import { tlsRefusal } from './tls/tls-refusal.ts';
import type { Trace } from './tracing/tracer.ts';
import { startTunnel } from './tunnel.ts';
import { newAttempt } from './upstream/start-attempt.ts';
import type { UpstreamConnection } from './upstream-connection.ts';

/** How far the request has come. */
type ExchangeState =
  /** Not routed yet: octets of the body may come already. */
  | 'new'
  /** The route's policy decides, or the body is collected; nothing is asked yet. */
  | 'waiting'
  /** Attempts are under way; none has answered. */
  | 'trying'
  /** The next attempt begins in a while. */
  | 'backing-off'
  /** The answer is on its way to the client. */
  | 'answering'
  | 'over';

/** A pooled connection that turns out to be closed does not count as a try, so often. */
const maxStaleRetries = 3;
const never = Number.POSITIVE_INFINITY;
const noAttempts: readonly Attempt[] = [];
const nobody: readonly EndpointState[] = [];

/**
 * One request as a whole: routed, judged by its route's policy, tried at one endpoint and maybe at others, answered once. Knows neither what its
 * client speaks (`ClientEnd`) nor its upstreams (`Attempt`).
 */
export class Exchange implements AttemptOwner, PolicyRequest {
  readonly plane: Plane;
  readonly client: ClientEnd;
  readonly head: RequestHead;
  readonly requestId: string;
  readonly startMs: number;
  readonly body: RequestBody;
  outgoing: RequestHead;
  timeoutMs = 0;
  maxBodyBytes = never;
  collectBytes = 0;
  state: unknown;
  /** Tries whose request was sent, or could not be. */
  tries = 0;
  /** Undefined: it is not sampled. */
  readonly #trace: Trace | undefined;
  #route: CompiledRoute | undefined;
  #target: CompiledTarget | undefined;
  #cluster: ClusterState | undefined;
  #phase: ExchangeState = 'new';
  #wait: Wait | undefined;
  #admitted = false;
  #substitute: Substitute | undefined;
  #mayReplace = true;
  /** The newest attempt; the one that answers, once there is one. */
  #attempt: Attempt | undefined;
  /** Others that are under way at the same time (hedging). */
  #others = noAttempts;
  #endpoint: EndpointState | undefined;
  /** Made when another try comes into question. */
  #retrying: Retrying | undefined;
  /** Undefined: any endpoint will do. */
  #affinity: Affinity | undefined;
  /** Among the requests that its cluster takes at the same time; undefined: they are not counted. */
  #place: Admitted | undefined;
  #stale = 0;
  #cancelBackOff: (() => void) | undefined;
  #cancelLate: (() => void) | undefined;
  #forwardedLines: string | undefined;
  #status = 0;
  #responseBytes = 0;
  #lastMs: number;
  #clientEndedMs = never;
  #clientPaused = false;

  constructor(plane: Plane, client: ClientEnd, head: RequestHead) {
    this.plane = plane;
    this.client = client;
    this.head = head;
    this.outgoing = head;
    this.#trace = plane.tracer?.begin(head);
    this.startMs = plane.clock.monotonicMs();
    this.#lastMs = this.startMs;
    this.requestId = requestIdOf(head.requestId);
    this.body = head.body === 0 ? emptyBody : new RequestBody(false);
  }

  get route(): CompiledRoute | undefined {
    return this.#route;
  }

  /** Drawn from the route's; undefined: it answers by itself. */
  get target(): CompiledTarget | undefined {
    return this.#target;
  }

  /** Octets that an upstream has not taken, or that are kept for another. */
  get heldBytes(): number {
    return (this.body.kept?.length ?? 0) + (this.#attempt?.queuedBytes ?? 0);
  }

  get responseTimeoutMs(): number {
    return this.#route?.retry.perTryTimeoutMs || this.#idleMs;
  }

  get ends(): ConnectionEnds {
    return this.client.ends;
  }

  get silentAfterMs(): number {
    return this.plane.limits.upstreamSilentMs;
  }

  get #idleMs(): number {
    return this.#route?.config.idleTimeoutMs ?? this.plane.limits.streamIdleMs;
  }

  get forwardedLines(): string {
    this.#forwardedLines ??=
      forwardingLines(this.head, this.client.peer, this.client.scheme, this.requestId) +
      (this.client.tls?.clientLines ?? '');
    return this.#forwardedLines;
  }

  set forwardedLines(lines: string) {
    this.#forwardedLines = lines;
  }

  /** Routes the request and sends it. What is here of its body was told before. */
  start(): void {
    if (this.#phase !== 'new') return;
    const { plane, head, client } = this;
    const refusal = client.tls === undefined ? undefined : tlsRefusal(client.tls, head.authority.host);
    const route = refusal === undefined ? plane.router.find(client.table, head, client) : undefined;
    this.#route = route;
    this.#phase = 'waiting';
    if (refusal !== undefined) {
      this.#reply(refusal, refusal.code ?? '');
    } else if (route === undefined) {
      this.#reply(defaultBackend(head.path), '');
    } else if (head.hops >= plane.limits.maxHops) {
      this.#reply(textReply(508, 'the request goes in a circle of gateways'), 'loop');
    } else {
      this.#target = drawTarget(route, this);
      this.#cluster = this.#target?.cluster;
      this.timeoutMs = route.timeoutMs;
      if (route.policy === undefined) this.#go();
      else this.#admit(route);
    }
  }

  /** Ends a policy's wait. */
  proceed(): void {
    if (this.#wait === undefined || this.#phase !== 'waiting') return;
    this.#wait = undefined;
    this.#go();
  }

  /** Ends a policy's wait. */
  answer(reply: LocalReply): void {
    if (this.#wait === undefined || this.#phase !== 'waiting') return;
    this.#wait = undefined;
    this.#reply(reply, reply.code ?? '');
  }

  onRequestBody(bytes: Buffer, start: number, end: number): void {
    if (this.#phase === 'over') return;
    const attempt = this.#connected();
    this.body.take(bytes, start, end, attempt !== undefined, this.plane.limits.maxReplayBytes);
    if (this.body.bytes > this.maxBodyBytes) this.onRequestRefused(refusals.bodyTooLarge);
    else attempt?.writeBody(bytes, start, end);
  }

  /** All that was read at once has been told, and the body goes on. */
  onRequestFlush(): void {
    if (this.#phase === 'over') return;
    this.#lastMs = this.plane.clock.monotonicMs();
    const attempt = this.#connected();
    attempt?.flush();
    if (attempt === undefined ? this.#phase !== 'new' && !this.#collects() : attempt.pressed)
      this.#pauseClient();
  }

  onRequestEnd(trailerLines: string): void {
    this.body.whole = true;
    this.body.trailerLines = trailerLines;
    if (this.#phase === 'over') return;
    this.#lastMs = this.plane.clock.monotonicMs();
    const attempt = this.#connected();
    attempt?.endBody(trailerLines);
    attempt?.expectResponse(this.#lastMs);
    if (this.#phase === 'waiting' && this.collectBytes > 0 && this.#wait === undefined)
      this.#ask(this.#lastMs);
  }

  /** The body is malformed, or too large. */
  onRequestRefused(refusal: Refusal): void {
    const { refusals: counts } = this.plane.counters;
    counts.set(refusal.code, (counts.get(refusal.code) ?? 0) + 1);
    this.#fail(refusal.status, refusal.code, refusal.reason);
  }

  onClientEnd(): void {
    // A half-closed client still reads, but a request without its end will never be whole.
    if (!this.body.whole && this.#phase !== 'over') this.#breakOff('client-closed');
    this.#clientEndedMs = this.plane.clock.monotonicMs();
  }

  onClientDrain(): void {
    if (this.#phase === 'answering') this.#attempt?.resume();
  }

  onClientClose(): void {
    if (this.#phase === 'over') return;
    this.#giveUp(this.plane.clock.monotonicMs());
    this.#close('client-closed', 0);
  }

  sweep(nowMs: number): void {
    if (this.#phase === 'over') return;
    if (this.timeoutMs > 0 && nowMs >= this.startMs + this.timeoutMs) {
      this.#cluster?.stats.add('timeouts');
      this.#giveUp(nowMs);
      this.#fail(504, 'request-timeout', 'the request took longer than its route allows');
      return;
    }
    if (this.#phase !== 'answering' && nowMs - this.#clientEndedMs >= this.plane.limits.halfClosedMs) {
      this.#giveUp(nowMs);
      this.#breakOff('client-closed');
      return;
    }
    if (this.#phase === 'answering') {
      if (!this.body.whole) this.#sweepBody(nowMs);
      else if (nowMs - this.#lastMs >= this.#idleMs) this.#breakOff('stream-idle');
      return;
    }
    // While it waits for its turn or its connection the client is not read: that is not its fault.
    const asked = this.#connected() !== undefined;
    if (!this.body.whole && (asked || this.#collects())) this.#sweepBody(nowMs);
    else this.#sweepAttempts(nowMs);
  }

  onAttemptTurn(attempt: Attempt): void {
    const nowMs = this.plane.clock.monotonicMs();
    this.#forget(attempt);
    if (this.#phase !== 'trying') return;
    if (this.#attempt === undefined) this.#try(nowMs);
    else this.#hedge(attempt.cluster, nowMs);
  }

  onAttemptSent(attempt: Attempt): void {
    this.tries++;
    this.#resumeClient();
    const route = this.#route;
    if (route?.config.hedge?.onTryTimeout !== true || route.retry.perTryTimeoutMs === 0) return;
    // Sweeps are too coarse for it. A millisecond more: timers are allowed to be early.
    this.#cancelLate?.();
    const { clock } = this.plane;
    this.#cancelLate = clock.after(route.retry.perTryTimeoutMs, () => attempt.sweep(clock.monotonicMs() + 1));
  }

  onAttemptLate(attempt: Attempt, nowMs: number): number {
    const hedge = this.#route?.config.hedge;
    const retrying = this.#furtherTries(attempt.cluster);
    if (hedge === undefined || retrying === undefined || this.#phase !== 'trying') return 0;
    const verdict = retrying.onLate(hedge, 1 + this.#others.length, this.#situation());
    if (verdict === 'replace') return 0;
    if (verdict === 'hedge') this.#hedge(attempt.cluster, nowMs);
    return this.#idleMs;
  }

  onAttemptSilent(attempt: Attempt, nowMs: number): void {
    if (this.#phase !== 'trying' || !this.body.whole || this.#others.length > 0) return;
    const { cluster } = attempt;
    const other = cluster.pickOther([attempt.endpoint, ...(this.#retrying?.tried ?? nobody)]);
    if (other === undefined || other === attempt.endpoint) return;
    if (this.#furtherTries(cluster)?.onSilent(this.#situation()) === true)
      this.#askBeside(other, cluster, nowMs);
  }

  onAttemptDrain(attempt: Attempt): void {
    if (attempt === this.#attempt) this.#resumeClient();
  }

  onResponseInterim(attempt: Attempt, head: ResponseHead): void {
    if (attempt === this.#attempt && this.#others.length === 0) this.client.writeInterim(head);
  }

  onResponseHead(attempt: Attempt, head: ResponseHead): void {
    this.#lastMs = this.plane.clock.monotonicMs();
    if (head.status >= 400 && this.#takesAnother(attempt, head.status)) return;
    if (this.#others.length > 0) this.#win(attempt);
    this.#endpoint = attempt.endpoint;
    this.#phase = 'answering';
    const shown = this.#shown(head);
    this.#status = shown.status;
    this.client.writeHead(shown);
  }

  onResponseBody(_attempt: Attempt, bytes: Buffer, start: number, end: number): void {
    this.#responseBytes += end - start;
    this.client.writeBody(bytes, start, end);
  }

  onResponseFlush(attempt: Attempt): void {
    this.#lastMs = this.plane.clock.monotonicMs();
    this.client.flush();
    if (this.client.pressed) attempt.pause();
  }

  onResponseEnd(_attempt: Attempt, trailerLines: string): void {
    if (this.#phase !== 'answering') return;
    const nowMs = this.plane.clock.monotonicMs();
    this.client.endBody(trailerLines);
    this.#end(this.#status, '', nowMs);
    this.client.finished(nowMs);
  }

  onSwitch(
    attempt: Attempt,
    head: ResponseHead,
    connection: UpstreamConnection,
    bytes: Buffer,
    start: number,
    end: number,
  ): void {
    const { cluster } = attempt;
    const switched = this.client.switchProtocols(this.#shown(head));
    if (switched === undefined) {
      cluster.drop(connection);
      this.#fail(502, 'unexpected-switch', 'the service switched to a protocol that the client cannot speak');
      return;
    }
    // What a policy counts is under way as long as the tunnel is.
    const policy = this.#admitted ? this.#route?.policy : undefined;
    this.#admitted = false;
    this.#end(101, '', this.plane.clock.monotonicMs());
    const before = { early: bytes.subarray(start, end), ahead: switched.ahead };
    startTunnel(this.plane, switched.wire, connection, before, () => {
      cluster.drop(connection);
      policy?.done(this, 101);
    });
  }

  onAttemptFailed(attempt: Attempt, failure: AttemptFailure): void {
    this.#forget(attempt);
    if (this.#phase === 'answering') {
      this.#breakOff(failure.kind === 'reset' ? 'upstream-broke-off' : failure.code);
    } else if (failure.kind === 'stale' && this.#mayRepeat() && this.#stale < maxStaleRetries) {
      this.#stale++;
      this.tries--;
      attempt.cluster.stats.add('stale_retries');
      this.#try(this.plane.clock.monotonicMs());
    } else {
      this.#onTryFailed(attempt, failure);
    }
  }

  #admit(route: CompiledRoute): void {
    this.#admitted = true;
    const verdict = route.policy?.admit(this);
    if (verdict === undefined) this.#go();
    else if ('kind' in verdict) this.#awaitPolicy(verdict);
    else this.#reply(verdict, verdict.code ?? '');
  }

  #awaitPolicy(wait: Wait): void {
    this.#wait = wait;
    if (!this.body.whole) this.#pauseClient();
  }

  /** Nothing stands against the request: asks an endpoint, or gives the route's own answer. */
  #go(): void {
    const { body } = this.head;
    if (this.#route !== undefined && this.#cluster === undefined) {
      const reply = routeReply(this.#route, this);
      this.#reply(reply, reply.code ?? '');
      return;
    }
    if (this.collectBytes > 0) this.maxBodyBytes = Math.min(this.maxBodyBytes, this.collectBytes);
    if (Math.max(body, this.body.bytes) > this.maxBodyBytes) {
      this.onRequestRefused(refusals.bodyTooLarge);
      return;
    }
    if (this.#trace !== undefined) this.outgoing = this.#trace.onto(this.outgoing);
    if (this.head.expectsContinue && !this.body.whole) this.client.writeContinue();
    if (this.#collects()) this.#resumeClient();
    else this.#ask(this.startMs);
  }

  #collects(): boolean {
    return this.collectBytes > 0 && this.#wait === undefined && !this.body.whole;
  }

  /** The first try, or two of them, if the cluster takes one more request. */
  #ask(nowMs: number): void {
    const cluster = this.#cluster;
    if (cluster === undefined) return;
    const place = cluster.admission.enter();
    if (place === false) {
      cluster.stats.add('admission_overflows');
      this.#fail(503, 'overload', `${cluster.name} takes no more requests at this time`);
      return;
    }
    this.#place = place;
    if (this.collectBytes > 0) this.outgoing = withLength(this.outgoing, this.body);
    this.#affinity = affinityOf(this.#route?.action, cluster, this);
    this.#try(nowMs);
    const hedge = this.#route?.config.hedge;
    if (hedge === undefined || this.#phase !== 'trying' || !this.body.whole) return;
    if (this.#furtherTries(cluster)?.beginsTwice(hedge, this.#situation()) === true)
      this.#hedge(cluster, nowMs);
  }

  #try(nowMs: number): void {
    const cluster = this.#cluster;
    if (cluster === undefined) return;
    this.#phase = 'trying';
    const endpoint = this.#pick(cluster);
    if (endpoint === undefined) {
      cluster.stats.add('no_endpoint');
      this.#fail(503, 'no-endpoint', `no instance of ${cluster.name} is passing`);
      return;
    }
    this.#endpoint = endpoint;
    const attempt = newAttempt(this.plane, cluster, endpoint, this, this.#stale >= maxStaleRetries);
    this.#attempt = attempt;
    attempt.start(nowMs);
    if (!this.body.whole && this.#phase === 'trying' && this.#connected() === undefined) this.#pauseClient();
  }

  /** Another try beside those that are under way. */
  #hedge(cluster: ClusterState, nowMs: number): void {
    if (this.#attempt === undefined) return;
    const underWay = [this.#attempt, ...this.#others].map(({ endpoint }) => endpoint);
    const endpoint = cluster.pickOther([...underWay, ...(this.#retrying?.tried ?? nobody)]);
    if (endpoint !== undefined) this.#askBeside(endpoint, cluster, nowMs);
  }

  #askBeside(endpoint: EndpointState, cluster: ClusterState, nowMs: number): void {
    cluster.stats.add('hedges');
    const attempt = newAttempt(this.plane, cluster, endpoint, this, false);
    this.#others = [...this.#others, attempt];
    attempt.start(nowMs);
  }

  /** The first answer that is good enough is the answer. */
  #win(attempt: Attempt): void {
    const losers = [this.#attempt, ...this.#others].filter((other) => other !== attempt);
    if (attempt !== this.#attempt) attempt.cluster.stats.add('hedge_wins');
    this.#attempt = attempt;
    this.#others = noAttempts;
    for (const loser of losers) {
      // The other answered, and it still says nothing: it hangs.
      if (loser?.silent === true) loser.cluster.outcome(loser.endpoint, 'no-answer');
      loser?.abort();
    }
  }

  #pick(cluster: ClusterState): EndpointState | undefined {
    if (this.#substitute !== undefined) return cluster.pickOther(nobody);
    const tried = this.#retrying?.tried ?? nobody;
    return this.#affinity === undefined ? cluster.pickOther(tried) : this.#affinity.pick(cluster, tried);
  }

  /** Undefined: the route has none. */
  #furtherTries(cluster: ClusterState): Retrying | undefined {
    const policy = this.#route?.retry;
    if (policy === undefined || policy.retries === 0 || this.#substitute !== undefined) return undefined;
    this.#retrying ??= new Retrying(policy, cluster);
    return this.#retrying;
  }

  /** The attempt that takes the body as it comes. */
  #connected(): Attempt | undefined {
    const attempt = this.#attempt;
    return attempt !== undefined && (attempt.state === 'asked' || attempt.state === 'answering')
      ? attempt
      : undefined;
  }

  #forget(attempt: Attempt): void {
    if (this.#attempt === attempt) {
      this.#attempt = this.#others[0];
      this.#others = this.#others.slice(1);
    } else {
      this.#others = this.#others.filter((other) => other !== attempt);
    }
  }

  /** Whether an answer with this status is not what the client gets: there is another try, or a substitute. */
  #takesAnother(attempt: Attempt, status: number): boolean {
    const retry = this.#route?.retry;
    if (retry !== undefined && retriesStatus(retry, status) && this.#retries(attempt, status)) return true;
    const replacement = this.#replacement(status, true);
    if (replacement === undefined) return false;
    attempt.abort();
    this.#forget(attempt);
    this.#replace(replacement);
    return true;
  }

  #retries(attempt: Attempt, status: number): boolean {
    const further = this.#furtherTries(attempt.cluster);
    if (further === undefined) return false;
    further.tried.push(attempt.endpoint);
    const othersTry = this.#others.length > 0;
    const delayMs = othersTry ? 0 : further.delayMs({ kind: 'response', status }, this.#situation());
    if (delayMs < 0) return false;
    attempt.abort();
    this.#forget(attempt);
    if (!othersTry) this.#tryAgain(attempt, delayMs);
    return true;
  }

  #replacement(status: number, upstream: boolean): LocalReply | Substitute | undefined {
    if (!this.#admitted || !this.#mayReplace) return undefined;
    const replacement = this.#route?.policy?.replace(this, status, upstream);
    if (replacement !== undefined) this.#mayReplace = false;
    return replacement;
  }

  #replace(replacement: LocalReply | Substitute): void {
    if (!('kind' in replacement)) {
      this.#reply(replacement, 'fallback');
      return;
    }
    const nowMs = this.plane.clock.monotonicMs();
    this.#substitute = replacement;
    this.#cluster = replacement.cluster;
    this.outgoing = replacement.head;
    // It has as much time as the one before it.
    if (this.timeoutMs > 0) this.timeoutMs += nowMs - this.startMs;
    this.#try(nowMs);
  }

  #shown(head: ResponseHead): ResponseHead {
    const status = this.#substitute?.status;
    const lines = this.#endpoint === undefined ? '' : (this.#affinity?.lines(this.#endpoint) ?? '');
    const told = lines === '' ? head : { ...head, lines: head.lines + lines };
    const answered = status === undefined ? told : { ...told, status };
    const policy = this.#route?.policy;
    return policy === undefined ? answered : policy.answer(this, answered);
  }

  #onTryFailed(attempt: Attempt, failure: AttemptFailure): void {
    if (failure.kind === 'stale') attempt.cluster.stats.add('resets');
    // What was never sent is a try too, or a dead cluster would be tried for ever.
    if (failure.kind === 'connect-failure' || failure.kind === 'connect-timeout') this.tries++;
    const further = this.#furtherTries(attempt.cluster);
    further?.tried.push(attempt.endpoint);
    if (this.#attempt !== undefined) return;
    const end = attempt.responded ? undefined : tryEndOf(failure);
    const delayMs = end === undefined ? -1 : (further?.delayMs(end, this.#situation()) ?? -1);
    if (delayMs >= 0) this.#tryAgain(attempt, delayMs);
    else this.#fail(...failureReply(failure, attempt.cluster.name));
  }

  #situation(): RetrySituation {
    const { tries } = this;
    const remainingMs =
      this.timeoutMs > 0 ? this.startMs + this.timeoutMs - this.plane.clock.monotonicMs() : never;
    return { method: this.head.method, tries, replayable: this.body.kept !== undefined, remainingMs };
  }

  #mayRepeat(): boolean {
    return this.body.kept !== undefined && isIdempotent(this.head.method);
  }

  #tryAgain(attempt: Attempt, delayMs: number): void {
    attempt.cluster.stats.add('retries');
    if (delayMs === 0) {
      this.#try(this.plane.clock.monotonicMs());
      return;
    }
    this.#phase = 'backing-off';
    if (!this.body.whole) this.#pauseClient();
    this.#cancelBackOff = this.plane.clock.after(delayMs, () => {
      this.#cancelBackOff = undefined;
      this.#try(this.plane.clock.monotonicMs());
    });
  }

  #pauseClient(): void {
    if (this.#phase === 'over' || this.#clientPaused) return;
    this.#clientPaused = true;
    this.#lastMs = this.plane.clock.monotonicMs();
    this.client.pauseBody();
  }

  #resumeClient(): void {
    if (!this.#clientPaused) return;
    this.#clientPaused = false;
    this.#lastMs = this.plane.clock.monotonicMs();
    this.client.resumeBody();
  }

  #sweepAttempts(nowMs: number): void {
    this.#attempt?.sweep(nowMs);
    for (const other of this.#others) other.sweep(nowMs);
  }

  /** The client still has to send, or the upstream to take, a part of the body. */
  #sweepBody(nowMs: number): void {
    const stalledMs = nowMs - this.#lastMs;
    const { bodyStallMs, writeStallMs } = this.plane.limits;
    if (this.#clientPaused) {
      if (stalledMs >= writeStallMs) this.#fail(504, 'upstream-stall', 'the service does not take the body');
    } else if (stalledMs >= bodyStallMs) {
      this.#fail(408, 'body-stall', 'the body of the request did not arrive in time');
    }
  }

  /** Answers by ourselves if the client has seen nothing yet, else breaks off. */
  #fail(status: number, code: string, text: string): void {
    if (this.#phase === 'over') return;
    if (this.#phase === 'answering') {
      this.#breakOff(code);
      return;
    }
    const replacement = status >= 500 ? this.#replacement(status, false) : undefined;
    if (replacement === undefined) {
      this.#reply(textReply(status, text), code);
      return;
    }
    this.#dropAttempts();
    this.#replace(replacement);
  }

  #reply(reply: LocalReply, flag: string): void {
    this.#dropAttempts();
    const policyLines = this.#admitted ? (this.#route?.policy?.replyLines(this, reply) ?? '') : '';
    const told = isGrpc(this.head) ? grpcReply(reply) : reply;
    const lines = `${told.lines ?? ''}${overloadLine(flag)}${policyLines}`;
    this.client.writeReply(told, `X-Request-Id: ${this.requestId}\r\n${lines}`);
    const nowMs = this.plane.clock.monotonicMs();
    this.#end(reply.status, flag, nowMs);
    this.client.finished(nowMs);
  }

  /** The client must see that the response is not whole. */
  #breakOff(flag: string): void {
    this.#close(flag, this.#status);
    this.client.abort();
  }

  #close(flag: string, status: number): void {
    this.#dropAttempts();
    this.#end(status, flag, this.plane.clock.monotonicMs());
  }

  /** Nobody waits for an answer any longer: that there was none yet says something of the endpoint. */
  #giveUp(nowMs: number): void {
    this.#attempt?.giveUp(nowMs);
    for (const other of this.#others) other.giveUp(nowMs);
  }

  #dropAttempts(): void {
    this.#cancelBackOff?.();
    this.#wait?.cancel();
    this.#attempt?.abort();
    for (const other of this.#others) other.abort();
    this.#cancelBackOff = undefined;
    this.#wait = undefined;
    this.#attempt = undefined;
    this.#others = noAttempts;
  }

  #end(status: number, flag: string, nowMs: number): void {
    this.#phase = 'over';
    this.#cancelLate?.();
    this.#retrying?.release();
    this.#place?.end(status > 0 && flag === '', nowMs);
    const durationMs = nowMs - this.startMs;
    this.#cluster?.stats.finish(status, durationMs, this.body.bytes, this.#responseBytes);
    if (this.#admitted) this.#route?.policy?.done(this, status);
    this.#route?.stats.finish(status);
    if (this.plane.logsAccess || this.#trace !== undefined) this.#note(status, flag, durationMs);
  }

  #note(status: number, flag: string, durationMs: number): void {
    const [requestBytes, responseBytes] = [this.body.bytes, this.#responseBytes];
    const { method, authority, path, query, userAgent, lines, minor } = this.head;
    const endpoint = this.#endpoint;
    const entry: AccessEntry = {
      ...{ method, status, requestBytes, responseBytes, durationMs, userAgent, flag },
      host: authority.text,
      path: path + query,
      client: this.client.peer.address,
      requestId: this.requestId,
      cluster: this.#cluster?.name ?? '',
      upstream: endpoint === undefined ? '' : `${endpoint.address}:${endpoint.port}`,
      tries: this.tries,
      route: this.#route?.config.name ?? '',
      scheme: this.client.scheme,
      protocol: minor === 2 ? 'HTTP/2' : `HTTP/1.${minor}`,
      referer: fieldValue(lines, 'referer') ?? '',
      traceId: this.#trace?.traceId ?? '',
    };
    if (this.plane.logsAccess) this.plane.accessLog.note(entry);
    this.#trace?.end(entry);
  }
}

/** Tells a 503 of the circuit breaker from the service's own; Envoy's is called `x-envoy-overloaded`. */
function overloadLine(flag: string): string {
  return flag === 'overflow' || flag === 'overload' ? 'X-Portolan-Overloaded: true\r\n' : '';
}

/** A body that is whole in memory is sent with its length, however it came. */
function withLength(head: RequestHead, body: RequestBody): RequestHead {
  return head.body === body.bytes || body.trailerLines !== '' ? head : { ...head, body: body.bytes };
}

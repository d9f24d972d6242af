import type { Outcome } from '@portolan/core/resilience/outlier.ts';
import type { ClusterState } from './cluster-state.ts';
import type { ConnectionEnds } from './connection-ends.ts';
import type { EndpointState } from './endpoint-state.ts';
import type { RequestHead } from './http1/request-head.ts';
import type { ResponseHead } from './http1/response-reader.ts';
import type { RequestBody } from './request-body.ts';
import type { UpstreamConnection } from './upstream-connection.ts';

/** Why a try came to nothing. `code` is stable, for logs. */
export interface AttemptFailure {
  readonly kind: /** No room to wait for a connection. */
    | 'overflow'
    /** None became free in time. */
    | 'pending-timeout'
    /** Nothing was sent. */
    | 'connect-failure'
    | 'connect-timeout'
    /** A pooled connection turned out to be closed: nobody's failure, and no try. */
    | 'stale'
    /** HTTP/2 REFUSED_STREAM or GOAWAY: sent, but surely not acted upon. */
    | 'refused-stream'
    /** Broke off; `responded` tells whether the response had begun. */
    | 'reset'
    /** The response did not begin in time. */
    | 'try-timeout'
    /** What came is no valid HTTP. */
    | 'anomaly';
  readonly code: string;
}

/**
 * Who has a try made: an exchange, a mirror, a subrequest. Gives what is to be sent and is told what comes of it. After `onResponseEnd`,
 * `onSwitch` or `onAttemptFailed`, and after its own `abort()`, it hears nothing more of the attempt. It may abort in any callback.
 */
export interface AttemptOwner {
  /** The head as this hop sends it; see `forwardedLines` for what is added. */
  readonly outgoing: RequestHead;
  /** Lines that tell who asked, CR LF after each. */
  readonly forwardedLines: string;
  readonly body: RequestBody;
  /** The client's connection, for endpoints that want to be told by the PROXY protocol; absent: it is a request of our own. */
  readonly ends?: ConnectionEnds;
  /** After how long silence is remarkable; absent: never. */
  readonly silentAfterMs?: number;
  /** From the request's last octet to the response's first. */
  readonly responseTimeoutMs: number;
  /** A connection may be had now by who waited for one; the attempt is over: make another. */
  onAttemptTurn(attempt: Attempt): void;
  /** Head, and what was here of the body, are sent: `writeBody` may follow. */
  onAttemptSent(attempt: Attempt): void;
  /** After a write that left `pressed` true. */
  onAttemptDrain(attempt: Attempt): void;
  onResponseInterim(attempt: Attempt, head: ResponseHead): void;
  onResponseHead(attempt: Attempt, head: ResponseHead): void;
  /** `bytes` lie in shared memory: copy what is kept. */
  onResponseBody(attempt: Attempt, bytes: Buffer, start: number, end: number): void;
  /** All that was read at once has been told. */
  onResponseFlush(attempt: Attempt): void;
  onResponseEnd(attempt: Attempt, trailerLines: string): void;
  /** 101. The connection is the owner's from now on; `bytes[start, end)` came behind the head. */
  onSwitch(
    attempt: Attempt,
    head: ResponseHead,
    connection: UpstreamConnection,
    bytes: Buffer,
    start: number,
    end: number,
  ): void;
  onAttemptFailed(attempt: Attempt, failure: AttemptFailure): void;
  /** Nothing came of the endpoint, for anybody, since the request was sent `silentAfterMs` ago; or it was found to hang. */
  onAttemptSilent?(attempt: Attempt, nowMs: number): void;
  /** No response began within `responseTimeoutMs`. Milliseconds for which it goes on all the same; 0, or no such method: it failed. */
  onAttemptLate?(attempt: Attempt, nowMs: number): number;
}

export type AttemptState =
  /** No connection is free; it waits in its cluster's queue. */
  | 'queued'
  | 'connecting'
  /** The request is sent, or being sent; nothing of the final response is here. */
  | 'asked'
  /** The final response's head is here. */
  | 'answering'
  | 'over';

const never = Number.POSITIVE_INFINITY;
/** People and programs that leave sooner only changed their mind. */
const silenceMs = 1_000;

/**
 * One try of a request at one endpoint. Minds its connection or stream and the endpoint's accounts; knows nothing of routes, retries or
 * clients. `start-attempt.ts` makes the kind that the cluster speaks.
 */
export abstract class Attempt {
  readonly cluster: ClusterState;
  readonly endpoint: EndpointState;
  state: AttemptState = 'queued';
  /** Whether any octet of a response came. */
  responded = false;
  /** Octets of the response's body. */
  bytes = 0;
  /** When the state must have changed; monotonic. */
  protected deadlineMs = never;
  protected readonly owner: AttemptOwner;
  /** Whether its endpoint says nothing to anybody. */
  silent = false;
  /** What the endpoint's count was when silence was last broken, and until when it may last. */
  #heard = 0;
  #silentMs = never;
  /** When the request was sent. */
  #sentMs = 0;
  /** Whether it counts among what the endpoint has under way. */
  #counted = false;

  constructor(cluster: ClusterState, endpoint: EndpointState, owner: AttemptOwner) {
    this.cluster = cluster;
    this.endpoint = endpoint;
    this.owner = owner;
  }

  /** Takes or makes a connection, and sends as soon as there is one; it may fail before it returns. */
  abstract start(nowMs: number): void;

  /** Whether the upstream takes no more of the body for now. */
  abstract get pressed(): boolean;

  /** Octets that the upstream has not taken yet. */
  abstract get queuedBytes(): number;

  /** Body octets of the client, after `onAttemptSent`. */
  abstract writeBody(bytes: Buffer, start: number, end: number): void;
  abstract endBody(trailerLines: string): void;
  /** Sends what `writeBody` gathered. */
  abstract flush(): void;

  /** The response is not read until `resume`. */
  abstract pause(): void;
  abstract resume(): void;

  /** Drops what it holds. No callback follows. */
  abort(): void {
    if (this.state === 'over') return;
    this.leave();
  }

  /**
   * As `abort`, because no answer came: after a second of silence towards everybody that counts as the endpoint's failure. A process that hangs takes
   * connections all the same, and without timeouts nothing else would tell.
   */
  giveUp(nowMs: number): void {
    const due = this.state === 'asked' && this.owner.body.whole && !this.responded;
    // Who leaves on purpose must not be able to blame an endpoint that answers others.
    const unheard = this.endpoint.heard === this.#heard;
    const silent = due && unheard && nowMs - this.#sentMs >= silenceMs;
    if (silent) this.cluster.outcome(this.endpoint, 'no-answer');
    this.abort();
  }

  /** Acts upon its deadline. */
  sweep(nowMs: number): void {
    if (this.state === 'asked' && !this.silent) {
      if (this.endpoint.hangs) this.#fallSilent(nowMs);
      else if (nowMs >= this.#silentMs) this.#listen(nowMs);
    }
    if (nowMs < this.deadlineMs) return;
    switch (this.state) {
      case 'queued':
        this.fail(pendingTimeout, undefined);
        return;
      case 'connecting':
        this.cluster.stats.add('timeouts');
        this.fail(connectTimeout, 'local-failure');
        return;
      case 'asked':
        this.#late(nowMs);
    }
  }

  /** Leaves queue, connection or stream; `state` is `over` afterwards. */
  protected abstract leave(): void;

  /** The whole request has left: the response is due. */
  expectResponse(nowMs: number): void {
    if (this.state === 'asked') this.deadlineMs = nowMs + this.owner.responseTimeoutMs;
  }

  protected sent(nowMs: number): void {
    this.state = 'asked';
    this.deadlineMs = this.owner.body.whole ? nowMs + this.owner.responseTimeoutMs : never;
    this.endpoint.requests++;
    this.#sentMs = nowMs;
    this.#heard = this.endpoint.heard;
    this.#silentMs = nowMs + (this.owner.silentAfterMs ?? never);
    this.began();
  }

  /** It has a connection, though maybe not made yet: from now on it counts among what the endpoint has under way. */
  protected began(): void {
    if (this.#counted) return;
    this.#counted = true;
    this.cluster.tryBegan(this.endpoint);
  }

  /** Nothing follows: `state` is `over`, and the endpoint has one try less under way. */
  protected settle(): void {
    this.state = 'over';
    if (!this.#counted) return;
    this.#counted = false;
    this.cluster.tryEnded(this.endpoint);
  }

  /** The final response's head is here. */
  protected answered(head: ResponseHead): void {
    this.state = 'answering';
    this.deadlineMs = never;
    this.cluster.outcome(this.endpoint, outcomeOf(head.status));
    this.cluster.tryAnswered(this.endpoint, this.#sentMs, head.status < 500);
    this.owner.onResponseHead(this, head);
  }

  /** @param outcome what it says about the endpoint; undefined: nothing */
  protected fail(failure: AttemptFailure, outcome: Outcome | undefined): void {
    if (this.state === 'over') return;
    if (failure.kind === 'anomaly') this.cluster.stats.add('anomalies');
    else if (failure.kind === 'connect-failure') this.cluster.stats.add('connect_failures');
    else if (failure.kind === 'reset') this.cluster.stats.add('resets');
    else if (failure.kind === 'overflow') this.cluster.stats.add('overflows');
    if (outcome !== undefined) this.cluster.outcome(this.endpoint, outcome);
    if (this.state === 'asked') this.cluster.tryAnswered(this.endpoint, this.#sentMs, false);
    this.leave();
    this.owner.onAttemptFailed(this, failure);
  }

  #listen(nowMs: number): void {
    const { heard } = this.endpoint;
    if (heard === this.#heard) {
      this.#fallSilent(nowMs);
      return;
    }
    this.#heard = heard;
    this.#silentMs = nowMs + (this.owner.silentAfterMs ?? never);
  }

  #fallSilent(nowMs: number): void {
    this.silent = true;
    this.#silentMs = never;
    this.owner.onAttemptSilent?.(this, nowMs);
  }

  #late(nowMs: number): void {
    this.cluster.stats.add('timeouts');
    const moreMs = this.owner.onAttemptLate?.(this, nowMs) ?? 0;
    if (moreMs === 0) {
      this.fail(tryTimeout, 'no-answer');
      return;
    }
    this.cluster.outcome(this.endpoint, 'no-answer');
    if (this.state === 'asked') this.deadlineMs = nowMs + moreMs;
  }
}

function outcomeOf(status: number): Outcome {
  if (status < 500) return 'ok';
  return status >= 502 && status <= 504 ? 'gateway-error' : 'server-error';
}

function failure(kind: AttemptFailure['kind'], code: string = kind): AttemptFailure {
  return Object.freeze({ kind, code });
}

export const overflow = failure('overflow');
export const connectFailure = failure('connect-failure');
export const stale = failure('stale', 'upstream-reset');
export const refusedStream = failure('refused-stream');
export const reset = failure('reset', 'upstream-reset');
const pendingTimeout = failure('pending-timeout');
const connectTimeout = failure('connect-timeout');
const tryTimeout = failure('try-timeout', 'response-timeout');

export function anomaly(code: string): AttemptFailure {
  return { kind: 'anomaly', code };
}

import type { Attempt, AttemptFailure, AttemptOwner } from '../../attempt.ts';
import type { ClusterState } from '../../cluster-state.ts';
import type { RequestHead } from '../../http1/request-head.ts';
import type { ResponseHead } from '../../http1/response-reader.ts';
import type { Plane } from '../../plane.ts';
import { emptyBody } from '../../request-body.ts';
import type { Swept } from '../../sweeper.ts';
import { newAttempt } from '../../upstream/start-attempt.ts';
import type { UpstreamConnection } from '../../upstream-connection.ts';
import { maxAnswerBytes, type SubrequestAnswer } from './subrequest.ts';

/** A kept connection that the service had closed meanwhile is tried again, so often. */
const maxStale = 2;

/** A question to a service that the gateway itself leads to: it goes the way that requests go, without a turn through the network. */
export class ClusterSubrequest implements AttemptOwner, Swept {
  readonly outgoing: RequestHead;
  readonly forwardedLines: string;
  readonly body = emptyBody;
  readonly responseTimeoutMs: number;
  sweepIndex = -1;
  readonly #plane: Plane;
  readonly #cluster: ClusterState;
  readonly #deadlineMs: number;
  readonly #settle: (answer: SubrequestAnswer | undefined) => void;
  #attempt: Attempt | undefined;
  #head: ResponseHead | undefined;
  #text = '';
  #stale = 0;
  #over = false;

  /** @param settle called once, later, unless it was cancelled */
  constructor(
    plane: Plane,
    cluster: ClusterState,
    request: { readonly head: RequestHead; readonly forwardedLines: string; readonly timeoutMs: number },
    settle: (answer: SubrequestAnswer | undefined) => void,
  ) {
    this.#plane = plane;
    this.#cluster = cluster;
    this.outgoing = request.head;
    this.forwardedLines = request.forwardedLines;
    this.responseTimeoutMs = request.timeoutMs;
    this.#deadlineMs = plane.clock.monotonicMs() + request.timeoutMs;
    this.#settle = settle;
    plane.sweeper.add(this);
    // Whoever asks must have its way to cancel before anything is told.
    plane.clock.after(0, () => this.#try(false));
  }

  cancel(): void {
    this.#over = true;
    this.#attempt?.abort();
    this.#plane.sweeper.remove(this);
  }

  sweep(nowMs: number): void {
    if (nowMs >= this.#deadlineMs) this.#end(undefined);
    else this.#attempt?.sweep(nowMs);
  }

  onAttemptTurn(): void {
    this.#try(false);
  }

  onAttemptSent(): void {}

  onAttemptDrain(): void {}

  onResponseInterim(): void {}

  onResponseHead(_attempt: Attempt, head: ResponseHead): void {
    this.#head = head;
  }

  onResponseBody(_attempt: Attempt, bytes: Buffer, start: number, end: number): void {
    this.#text += bytes.toString('latin1', start, Math.min(end, start + maxAnswerBytes - this.#text.length));
    if (this.#text.length >= maxAnswerBytes) this.#answer();
  }

  onResponseFlush(): void {}

  onResponseEnd(): void {
    this.#answer();
  }

  onSwitch(attempt: Attempt, _head: ResponseHead, connection: UpstreamConnection): void {
    attempt.cluster.drop(connection);
    this.#end(undefined);
  }

  onAttemptFailed(_attempt: Attempt, failure: AttemptFailure): void {
    this.#attempt = undefined;
    if (failure.kind === 'stale' && this.#stale++ < maxStale) this.#try(this.#stale === maxStale);
    else this.#end(undefined);
  }

  #try(anew: boolean): void {
    if (this.#over) return;
    const endpoint = this.#cluster.pick(undefined);
    if (endpoint === undefined) {
      this.#end(undefined);
      return;
    }
    const attempt = newAttempt(this.#plane, this.#cluster, endpoint, this, anew);
    this.#attempt = attempt;
    attempt.start(this.#plane.clock.monotonicMs());
  }

  #answer(): void {
    const { status = 0, lines = '' } = this.#head ?? {};
    const headers = lines
      .split('\r\n')
      .filter((line) => line !== '')
      .map(
        (line) =>
          [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)] as const,
      );
    this.#end({ status, headers, body: this.#text });
  }

  #end(answer: SubrequestAnswer | undefined): void {
    if (this.#over) return;
    this.cancel();
    this.#settle(answer);
  }
}

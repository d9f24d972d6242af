import { mirrorHost, shouldMirror } from '@portolan/core/resilience/mirroring.ts';
import type { RoutePolicies } from '@portolan/core/traffic/model.ts';
import type { Attempt, AttemptOwner } from '../attempt.ts';
import type { ClusterState } from '../cluster-state.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-reader.ts';
import type { Plane } from '../plane.ts';
import type { RequestBody } from '../request-body.ts';
import type { PolicyRequest } from '../route-policy.ts';
import type { Swept } from '../sweeper.ts';
import { newAttempt } from '../upstream/start-attempt.ts';
import type { UpstreamConnection } from '../upstream-connection.ts';
import type { PolicyEnvironment } from './environment.ts';
import { isAuthority } from './header-edit.ts';

type MirrorPolicy = NonNullable<RoutePolicies['mirrors']>[number];

/** Copies of one route that are under way; beyond it requests are not copied: a slow mirror must not cost the memory. */
const maxUnderWay = 100;
/** However long the answer, nobody reads it. */
const copyTimeoutMs = 30_000;

/** Sends copies of some requests to another cluster, and throws the answers away. */
export class Mirror {
  readonly #policy: MirrorPolicy;
  readonly #environment: PolicyEnvironment;
  readonly #host: string | undefined;
  #underWay = 0;

  constructor(policy: MirrorPolicy, environment: PolicyEnvironment) {
    this.#policy = policy;
    this.#environment = environment;
    this.#host =
      policy.host !== undefined && isAuthority(policy.host) ? policy.host.toLowerCase() : undefined;
  }

  /** Whether a copy of this request is to be sent, once its body is whole. */
  draws(request: PolicyRequest): boolean {
    const { body, upgrade } = request.outgoing;
    const { cluster, percent } = this.#policy;
    if (upgrade || this.#underWay >= maxUnderWay) return false;
    const bodyBytes = body >= 0 ? body : undefined;
    const { maxReplayBytes } = request.plane.limits;
    return shouldMirror(
      { cluster, percent },
      { bodyBytes, maxBodyBytes: maxReplayBytes },
      this.#environment.random,
    );
  }

  /** @param head what is copied */
  send(request: PolicyRequest, head: RequestHead): void {
    if (this.#underWay >= maxUnderWay) return;
    const cluster = this.#environment.clusterOf(this.#policy.cluster);
    const text = this.#host ?? mirrorHost(head.authority.text);
    const outgoing = { ...head, authority: { host: text, text }, expectsContinue: false };
    this.#underWay++;
    const copy = new Copy(request, outgoing, () => this.#underWay--);
    copy.start(request.plane, cluster);
  }
}

/** One copy on its way. Tried once. */
class Copy implements AttemptOwner, Swept {
  readonly outgoing: RequestHead;
  readonly forwardedLines: string;
  readonly body: RequestBody;
  readonly responseTimeoutMs = copyTimeoutMs;
  sweepIndex = -1;
  readonly #plane: Plane;
  readonly #over: () => void;
  #attempt: Attempt | undefined;
  #deadlineMs = 0;

  constructor(request: PolicyRequest, outgoing: RequestHead, over: () => void) {
    this.#plane = request.plane;
    this.outgoing = outgoing;
    this.forwardedLines = request.forwardedLines;
    this.body = request.body;
    this.#over = over;
  }

  start(plane: Plane, cluster: ClusterState): void {
    const nowMs = plane.clock.monotonicMs();
    const endpoint = cluster.pick(undefined);
    if (endpoint === undefined) {
      this.#over();
      return;
    }
    this.#deadlineMs = nowMs + copyTimeoutMs;
    plane.sweeper.add(this);
    const attempt = newAttempt(plane, cluster, endpoint, this, false);
    this.#attempt = attempt;
    attempt.start(nowMs);
  }

  sweep(nowMs: number): void {
    if (nowMs >= this.#deadlineMs) this.#end();
    else this.#attempt?.sweep(nowMs);
  }

  onAttemptTurn(): void {
    this.#end();
  }

  onAttemptSent(): void {}

  onAttemptDrain(): void {}

  onResponseInterim(): void {}

  onResponseHead(): void {}

  onResponseBody(): void {}

  onResponseFlush(): void {}

  onResponseEnd(): void {
    this.#end();
  }

  onSwitch(attempt: Attempt, _head: ResponseHead, connection: UpstreamConnection): void {
    attempt.cluster.drop(connection);
    this.#end();
  }

  onAttemptFailed(): void {
    this.#end();
  }

  #end(): void {
    const attempt = this.#attempt;
    if (attempt === undefined) return;
    this.#attempt = undefined;
    attempt.abort();
    this.#plane.sweeper.remove(this);
    this.#over();
  }
}

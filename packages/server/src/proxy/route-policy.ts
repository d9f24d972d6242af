import type { ClientEnd } from './client-end.ts';
import type { ClusterState } from './cluster-state.ts';
import type { RequestHead } from './http1/request-head.ts';
import type { ResponseHead } from './http1/response-reader.ts';
import type { LocalReply } from './local-reply.ts';
import type { Plane } from './plane.ts';
import type { RequestBody } from './request-body.ts';
import type { CompiledTarget } from './routes/compiled-route.ts';

/**
 * What a route does with its requests besides sending them on; the router makes one for each route that asks for any of it, and none for
 * the others, which then pay nothing. One object serves all requests of its route: what belongs to one request lies under `state`.
 */
export interface RoutePolicy {
  /**
   * After routing, before the route's own action and the first try; once. Undefined: go on. A reply: the answer. A `Wait`: it calls
   * `request.proceed()` or `request.answer(reply)` later, once. It may change `request.outgoing`, `timeoutMs`, `maxBodyBytes`, `collectBytes`.
   */
  admit(request: PolicyRequest): LocalReply | Wait | undefined;
  /** The head of an upstream's answer as the client is to see it. It may not touch framing: `body`, `saidLength`, `keepAlive`. */
  answer(request: PolicyRequest, head: ResponseHead): ResponseHead;
  /** Further header lines of an answer of our own; CR LF after each. */
  replyLines(request: PolicyRequest, reply: LocalReply): string;
  /**
   * What takes the place of an answer with this status; asked until it gives something. `upstream`: an upstream gave it; else it is our
   * own, for want of an answer. Undefined: it stands.
   */
  replace(request: PolicyRequest, status: number, upstream: boolean): LocalReply | Substitute | undefined;
  /** The request is over; once, if `admit` was called. `status` 0: the client got no answer. */
  done(request: PolicyRequest, status: number): void;
}

/** The policy decides later. */
export interface Wait {
  readonly kind: 'wait';
  /** The client left, or the route's time is up. */
  cancel(): void;
}

/** Another cluster answers instead. */
export interface Substitute {
  readonly kind: 'substitute';
  readonly cluster: ClusterState;
  /** What it is sent; a `body` of 0 sends none. */
  readonly head: RequestHead;
  /** The status that the client sees; undefined: the substitute's. */
  readonly status: number | undefined;
}

/** One request as policies see it. An `Exchange` is one. */
export interface PolicyRequest {
  readonly plane: Plane;
  readonly client: ClientEnd;
  /** As the client sent it. */
  readonly head: RequestHead;
  readonly requestId: string;
  /** Monotonic. */
  readonly startMs: number;
  /** Of the request, as far as it came. */
  readonly body: RequestBody;
  /** Where the request goes; undefined: the route answers by itself. */
  readonly target: CompiledTarget | undefined;
  /** Tries whose request was sent, or could not be. */
  readonly tries: number;
  /** Lines that tell the upstream who asked; a policy that has a better word on it drops ours. */
  forwardedLines: string;
  /** What is sent on; first the same object as `head`. Replace it, with another `path`, `authority`, `lines` …, during `admit` or a wait. */
  outgoing: RequestHead;
  /** The whole request's, from `startMs`; 0 = none. First the route's. */
  timeoutMs: number;
  /** 413 above it. First infinite. */
  maxBodyBytes: number;
  /** Above 0: the body is collected, up to so many octets (413), before the first try. */
  collectBytes: number;
  /** Whatever the policy keeps for this request. First undefined. */
  state: unknown;
  /** Ends a wait. */
  proceed(): void;
  /** Ends a wait. */
  answer(reply: LocalReply): void;
}

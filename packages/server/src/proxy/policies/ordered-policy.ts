import { withoutFields } from '../http1/line-fields.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-reader.ts';
import type { LocalReply } from '../local-reply.ts';
import { RequestView } from '../request-view.ts';
import type { PolicyRequest, RoutePolicy, Substitute, Wait } from '../route-policy.ts';
import type { FallbackChoices } from './fallback-choice.ts';
import { editLines, type HeaderEdit } from './header-edit.ts';
import type { Mirror } from './mirror.ts';
import type { Rewrite } from './path-rewrite.ts';
import { type Denial, denial, type PolicyState, type PolicyStep } from './step.ts';
import { StepRun } from './step-run.ts';

/** All of a route's policies, ready for use. */
export interface PolicyParts {
  readonly steps: readonly PolicyStep[];
  /** One good credential is enough. */
  readonly any: boolean;
  readonly maxBodyBytes: number | undefined;
  /** 0: bodies are not collected. */
  readonly collectBytes: number;
  readonly rewrite: Rewrite | undefined;
  readonly host: string | undefined;
  readonly requestEdit: HeaderEdit | undefined;
  readonly responseEdit: HeaderEdit | undefined;
  readonly mirrors: readonly Mirror[];
  readonly fallback: FallbackChoices | undefined;
}

/** What is kept of one request. */
interface RunState extends PolicyState {
  /** Nothing stands against it. */
  admitted: boolean;
  /** Copies that wait for the body to be whole, and what they are copies of. */
  copies: readonly Mirror[];
  copied: RequestHead | undefined;
}

const badRewrite = denial(400, 'bad-rewrite', 'the path cannot be rewritten as its route asks');
/** Ours, unless a rule says better. */
const forwardedNames = ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-request-id'] as const;

/** Does what a route's policies say, in the order of `RoutePolicies`. */
export class OrderedPolicy implements RoutePolicy {
  readonly #parts: PolicyParts;

  constructor(parts: PolicyParts) {
    this.#parts = parts;
  }

  admit(request: PolicyRequest): LocalReply | Wait | undefined {
    const { steps, any } = this.#parts;
    const state: RunState = {
      view: new RequestView(request.head, request.client, request.plane.trusted),
      ...{ requestDrops: undefined, requestLines: '', responseDrops: undefined, responseLines: '' },
      ...{ releases: [], admitted: false, copies: [], copied: undefined },
    };
    request.state = state;
    if (steps.length === 0) return this.#prepare(request, state);
    const run = new StepRun(steps, any, request, state, (verdict) => {
      const denied = verdict === 'pass' ? this.#prepare(request, state) : counted(request, verdict);
      if (denied === undefined) request.proceed();
      else request.answer(denied);
    });
    const verdict = run.run();
    if (verdict === undefined) return run;
    return verdict === 'pass' ? this.#prepare(request, state) : counted(request, verdict);
  }

  answer(request: PolicyRequest, head: ResponseHead): ResponseHead {
    const { responseDrops, responseLines } = stateOf(request);
    const target = request.target?.responseHeaders;
    const { responseEdit } = this.#parts;
    let { lines } = head;
    if (target !== undefined) lines = editLines(lines, target);
    if (responseDrops !== undefined) lines = withoutFields(lines, (name) => responseDrops.has(name));
    lines += responseLines;
    if (responseEdit !== undefined) lines = editLines(lines, responseEdit);
    return lines === head.lines ? head : { ...head, lines };
  }

  replyLines(request: PolicyRequest): string {
    const { responseLines } = stateOf(request);
    const { responseEdit } = this.#parts;
    return responseEdit === undefined ? responseLines : editLines(responseLines, responseEdit);
  }

  replace(request: PolicyRequest, status: number, upstream: boolean): LocalReply | Substitute | undefined {
    // A request whose time is up before it was let in must not reach any service.
    return stateOf(request).admitted ? this.#parts.fallback?.choose(request, status, upstream) : undefined;
  }

  done(request: PolicyRequest): void {
    const { releases, copies, copied } = stateOf(request);
    for (const release of releases) release();
    if (copied === undefined || !request.body.whole || request.body.kept === undefined) return;
    for (const mirror of copies) mirror.send(request, copied);
  }

  /** Nothing stands against the request: what is sent on is made of it. */
  #prepare(request: PolicyRequest, state: RunState): Denial | undefined {
    const { maxBodyBytes, collectBytes, mirrors } = this.#parts;
    if (maxBodyBytes !== undefined) request.maxBodyBytes = maxBodyBytes;
    request.collectBytes = collectBytes;
    const outgoing = this.#outgoing(request, state);
    if (outgoing === undefined) return counted(request, badRewrite);
    request.outgoing = outgoing;
    state.admitted = true;
    if (mirrors.length > 0 && request.target !== undefined) this.#copy(request, state);
    return undefined;
  }

  #outgoing(request: PolicyRequest, state: RunState): RequestHead | undefined {
    const { rewrite, host, requestEdit } = this.#parts;
    const { head } = request;
    const rewritten = rewrite === undefined ? head : rewrite(head.path, head.query);
    if (rewritten === undefined) return undefined;
    const target = request.target?.requestHeaders;
    let { lines } = head;
    const { requestDrops } = state;
    if (requestDrops !== undefined) lines = withoutFields(lines, (name) => requestDrops.has(name));
    lines += state.requestLines;
    if (requestEdit !== undefined) lines = editLines(lines, requestEdit);
    if (target !== undefined) lines = editLines(lines, target);
    for (const drops of [requestDrops, requestEdit?.drops, target?.drops]) dropForwarded(request, drops);
    const text = target?.host ?? requestEdit?.host ?? host;
    if (rewritten === head && lines === head.lines && text === undefined) return head;
    const authority = text === undefined ? head.authority : { host: text.replace(/:\d+$/, ''), text };
    return { ...head, path: rewritten.path, query: rewritten.query, lines, authority };
  }

  /** At once where there is no body, else when the request is over: what is kept of its body is whole then. */
  #copy(request: PolicyRequest, state: RunState): void {
    const drawn = this.#parts.mirrors.filter((mirror) => mirror.draws(request));
    if (drawn.length === 0) return;
    if (request.body.whole && request.body.bytes === 0) {
      for (const mirror of drawn) mirror.send(request, request.outgoing);
      return;
    }
    state.copies = drawn;
    state.copied = request.outgoing;
  }
}

function stateOf(request: PolicyRequest): RunState {
  return request.state as RunState;
}

function counted(request: PolicyRequest, denied: Denial): Denial {
  const { refusals } = request.plane.counters;
  refusals.set(denied.code, (refusals.get(denied.code) ?? 0) + 1);
  return denied;
}

/** A rule's word on who asked takes the place of ours. */
function dropForwarded(request: PolicyRequest, drops: ReadonlySet<string> | undefined): void {
  if (drops === undefined || !forwardedNames.some((name) => drops.has(name))) return;
  request.forwardedLines = withoutFields(request.forwardedLines, (name) => drops.has(name));
}

import type { LocalReply } from '../local-reply.ts';
import type { RequestView } from '../request-view.ts';
import type { PolicyRequest } from '../route-policy.ts';
import { answerStatus } from './safe-reply.ts';

/** What the steps of a policy keep of one request. */
export interface PolicyState {
  readonly view: RequestView;
  /** What is written to the upstream instead of what the client said. */
  requestDrops: Set<string> | undefined;
  requestLines: string;
  /** What is written to the client besides what the upstream said, whoever answers. */
  responseDrops: ReadonlySet<string> | undefined;
  responseLines: string;
  /** Run when the request is over. */
  readonly releases: (() => void)[];
}

/** An answer that ends the request; `code` is stable, for the figures. */
export interface Denial extends LocalReply {
  readonly code: string;
}

/**
 * Decides later: it is given what to call, once and never before it returned, and gives back how to stop it. After that it calls nothing.
 */
export type Decision = (settle: (denial: Denial | undefined) => void) => () => void;

/** One thing that a policy asks of a request. One object for all requests of a route. */
export interface PolicyStep {
  /** Whether the client shows by it that it may come in (`satisfy`). */
  readonly credential: boolean;
  /** Undefined: nothing against it. */
  check(request: PolicyRequest, state: PolicyState): Denial | Decision | undefined;
}

export function denial(status: number, code: string, text: string, lines = ''): Denial {
  return {
    status: answerStatus(status),
    code,
    lines,
    body: `${text}\n`,
    contentType: 'text/plain; charset=utf-8',
  };
}

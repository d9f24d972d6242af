import { type Fallback, type FallbackPolicy, selectFallback } from '@portolan/core/resilience/fallback.ts';
import type { FallbackChoice, HeaderValue, RoutePolicies } from '@portolan/core/traffic/model.ts';
import type { ClusterState } from '../cluster-state.ts';
import { fieldValue, withoutFields } from '../http1/line-fields.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { LocalReply } from '../local-reply.ts';
import { isIdempotent } from '../retrying.ts';
import type { PolicyRequest, Substitute } from '../route-policy.ts';
import { headerLine, isFieldName } from './header-edit.ts';
import { safeReply } from './safe-reply.ts';

type ClusterChoice = Extract<FallbackChoice, { type: 'cluster' }>;

/** What takes the place of an answer that is not wanted, or that there is none of. */
export class FallbackChoices {
  readonly #policy: FallbackPolicy;
  readonly #byCluster: ReadonlyMap<string, ClusterChoice>;
  readonly #clusterOf: (name: string) => ClusterState;

  constructor(
    { statuses, choices }: NonNullable<RoutePolicies['fallback']>,
    clusterOf: (name: string) => ClusterState,
  ) {
    this.#policy = { statuses: new Set(statuses), choices: choices.map(coreChoice) };
    const clusters = choices.filter((choice) => choice.type === 'cluster');
    this.#byCluster = new Map(clusters.map((choice) => [choice.cluster, choice]));
    this.#clusterOf = clusterOf;
  }

  /** @param upstream whether an upstream gave that status; else it is our own, for want of an answer */
  choose(request: PolicyRequest, status: number, upstream: boolean): LocalReply | Substitute | undefined {
    const shortfall = upstream ? ({ kind: 'response', status } as const) : ({ kind: 'no-response' } as const);
    const chosen = selectFallback(this.#policy, shortfall, {
      // An error page is asked for by itself where the request cannot be repeated: see `headFor`.
      resendable: true,
      asked: new Set(),
      hasEndpoint: (name) => (this.#clusterOf(name).config?.endpoints.length ?? 0) > 0,
    });
    if (chosen === undefined) return undefined;
    if (chosen.kind === 'response') {
      return { ...safeReply(chosen), code: 'fallback' };
    }
    const choice = this.#byCluster.get(chosen.cluster);
    return {
      kind: 'substitute',
      cluster: this.#clusterOf(chosen.cluster),
      head: headFor(request, status, choice),
      status: choice?.status === 'original' ? status : undefined,
    };
  }
}

function coreChoice(choice: FallbackChoice): Fallback {
  if (choice.type === 'cluster') return { kind: 'cluster', cluster: choice.cluster };
  const { status, body, contentType } = choice;
  return { kind: 'response', status, body, contentType };
}

/**
 * The request, with what error back-ends expect to be told (`X-Code`, `X-Format`, `X-Original-URI`). One that may have done something
 * already, or whose body is gone, becomes a GET: what is wanted is a page that says what went wrong.
 */
function headFor(request: PolicyRequest, status: number, choice: ClusterChoice | undefined): RequestHead {
  const { head, outgoing, body } = request;
  const told = new Set(['x-code', 'x-format', 'x-original-uri']);
  for (const { name } of choice?.headers ?? []) told.add(name.toLowerCase());
  const whole = body.kept !== undefined && (request.tries === 0 || isIdempotent(head.method));
  const kept = withoutFields(
    outgoing.lines,
    (name) => told.has(name) || (!whole && name.startsWith('content-')),
  );
  const format = fieldValue(head.lines, 'accept');
  const lines =
    `${kept}X-Code: ${status}\r\n${format === undefined ? '' : `X-Format: ${format}\r\n`}` +
    `X-Original-URI: ${head.path}${head.query}\r\n` +
    (choice?.headers ?? []).map(saidLine).join('');
  return whole ? { ...outgoing, lines } : { ...outgoing, lines, method: headOrGet(head.method), body: 0 };
}

function saidLine({ name, value }: HeaderValue): string {
  return isFieldName(name.toLowerCase()) ? headerLine(name, value) : '';
}

function headOrGet(method: string): string {
  return method === 'HEAD' ? 'HEAD' : 'GET';
}

import { parseDurationMs } from '../../../base/duration.ts';
import type { RetryOn } from '../../../resilience/retry-decision.ts';
import type {
  IstioCors,
  IstioFault,
  IstioHeaderOperations,
  IstioHttpMatch,
  IstioHttpRoute,
  IstioRetries,
  IstioStringMatch,
} from '../../../rules/istio.ts';
import { retryDefaults } from '../../defaults.ts';
import type {
  CorsPolicy,
  FaultPolicy,
  HeaderChanges,
  PathRewrite,
  RetryPolicy,
  RoutePolicies,
} from '../../route.ts';
import type { PlanContext } from '../contract.ts';
import { clusterOf } from './destinations.ts';
import { textMatch } from './text-matches.ts';

/** What a route does besides sending requests on. @param match the one that it is reached by: a rewrite of the path depends on it */
export function policiesOf(
  route: IstioHttpRoute,
  match: IstioHttpMatch | undefined,
  namespace: string,
  context: PlanContext,
  path: string,
): RoutePolicies {
  const { corsPolicy, fault, headers } = route;
  const request = headerChanges(headers?.request);
  const response = headerChanges(headers?.response);
  const host = hostSet(headers?.request);
  const rewrite = rewriteOf(route.rewrite, match?.uri, host);
  const mirrors = mirrorsOf(route, namespace, context, path);
  return {
    ...(corsPolicy === undefined ? {} : { cors: corsOf(corsPolicy) }),
    ...(fault === undefined ? {} : { fault: faultOf(fault) }),
    ...(rewrite === undefined ? {} : { rewrite }),
    ...(request === undefined ? {} : { requestHeaders: request }),
    ...(mirrors.length === 0 ? {} : { mirrors }),
    ...(response === undefined ? {} : { responseHeaders: response }),
  };
}

const hostNames: ReadonlySet<string> = new Set(['host', ':authority', 'authority']);

/** Undefined: nothing changes. The host is not a header here: see `hostSet`. */
export function headerChanges(operations: IstioHeaderOperations | undefined): HeaderChanges | undefined {
  if (operations === undefined) return undefined;
  const { set = {}, add = {}, remove = [] } = operations;
  const values = (map: Readonly<Record<string, string>>) =>
    Object.entries(map)
      .map(([name, value]) => ({ name: name.toLowerCase(), value }))
      .filter(({ name }) => !hostNames.has(name));
  const changes = {
    ...(remove.length === 0 ? {} : { remove: remove.map((name) => name.toLowerCase()) }),
    ...(values(set).length === 0 ? {} : { set: values(set) }),
    ...(values(add).length === 0 ? {} : { add: values(add) }),
  };
  return Object.keys(changes).length === 0 ? undefined : changes;
}

function hostSet(operations: IstioHeaderOperations | undefined): string | undefined {
  return Object.entries(operations?.set ?? {}).find(([name]) => hostNames.has(name.toLowerCase()))?.[1];
}

function rewriteOf(
  rewrite: IstioHttpRoute['rewrite'],
  matched: IstioStringMatch | undefined,
  hostHeader: string | undefined,
): RoutePolicies['rewrite'] {
  const host = rewrite?.authority ?? hostHeader;
  const path = pathRewrite(rewrite, matched);
  if (host === undefined && path === undefined) return undefined;
  return { ...(path === undefined ? {} : { path }), ...(host === undefined ? {} : { host }) };
}

/** What was matched by a prefix keeps the rest of its path. */
function pathRewrite(
  rewrite: IstioHttpRoute['rewrite'],
  matched: IstioStringMatch | undefined,
): PathRewrite | undefined {
  if (rewrite?.uriRegexRewrite !== undefined) {
    const { match, rewrite: value } = rewrite.uriRegexRewrite;
    return { type: 'regex', pattern: match, value };
  }
  if (rewrite?.uri === undefined) return undefined;
  const whole = matched?.exact !== undefined || matched?.regex !== undefined;
  return { type: whole ? 'full' : 'prefix', value: rewrite.uri };
}

function mirrorsOf(
  { mirror, mirrors = [], mirrorPercentage, mirrorPercent }: IstioHttpRoute,
  namespace: string,
  context: PlanContext,
  path: string,
): NonNullable<RoutePolicies['mirrors']> {
  const all = mirrors.map(({ destination, percentage }, index) => ({
    destination,
    percent: percentage?.value ?? 100,
    where: `${path}.mirrors[${index}].destination`,
  }));
  if (mirror !== undefined) {
    const percent = mirrorPercentage?.value ?? mirrorPercent ?? 100;
    all.push({ destination: mirror, percent, where: `${path}.mirror` });
  }
  return all.flatMap(({ destination, percent, where }) => {
    const cluster = clusterOf(destination, namespace, context, where);
    return cluster === undefined ? [] : [{ cluster, percent }];
  });
}

function corsOf(cors: IstioCors): CorsPolicy {
  const old = (cors.allowOrigin ?? []).map(
    (origin): IstioStringMatch => (origin === '*' ? {} : { exact: origin }),
  );
  const maxAgeMs = durationMs(cors.maxAge);
  return {
    origins: [...(cors.allowOrigins ?? []), ...old].map((origin) =>
      textMatch(origin.exact === '*' ? {} : origin),
    ),
    methods: cors.allowMethods ?? [],
    headers: cors.allowHeaders ?? [],
    ...(cors.exposeHeaders === undefined ? {} : { exposeHeaders: cors.exposeHeaders }),
    ...(cors.allowCredentials === undefined ? {} : { credentials: cors.allowCredentials }),
    ...(maxAgeMs === undefined ? {} : { maxAgeS: Math.floor(maxAgeMs / 1_000) }),
  };
}

/** Without a percentage nobody is concerned, as in Istio. */
function faultOf({ delay, abort }: IstioFault): FaultPolicy {
  const delayMs = durationMs(delay?.fixedDelay);
  const grpcStatus =
    abort?.grpcStatus === undefined ? undefined : grpcCodes.get(abort.grpcStatus.toUpperCase());
  return {
    ...(delay === undefined || delayMs === undefined
      ? {}
      : { delay: { percent: delay.percentage?.value ?? delay.percent ?? 0, ms: delayMs } }),
    ...(abort === undefined
      ? {}
      : {
          abort: {
            percent: abort.percentage?.value ?? 0,
            status: abort.httpStatus ?? (grpcStatus === undefined ? 503 : 200),
            ...(grpcStatus === undefined ? {} : { grpcStatus }),
          },
        }),
  };
}

/** https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
const grpcCodes: ReadonlyMap<string, number> = new Map(
  [
    ...['OK', 'CANCELLED', 'UNKNOWN', 'INVALID_ARGUMENT', 'DEADLINE_EXCEEDED', 'NOT_FOUND', 'ALREADY_EXISTS'],
    ...['PERMISSION_DENIED', 'RESOURCE_EXHAUSTED', 'FAILED_PRECONDITION', 'ABORTED', 'OUT_OF_RANGE'],
    ...['UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS', 'UNAUTHENTICATED'],
  ].map((name, code) => [name, code]),
);

const conditions: ReadonlySet<string> = new Set<RetryOn>([
  ...(['5xx', 'gateway-error', 'retriable-4xx', 'retriable-status-codes'] as const),
  ...(['connect-failure', 'refused-stream', 'reset', 'reset-before-response'] as const),
]);

/** Istio retries twice where nothing is said; what its gRPC conditions are for is retried where it is safe. */
export function retryOf(retries: IstioRetries | undefined, context: PlanContext, path: string): RetryPolicy {
  if (retries === undefined) return retryDefaults;
  const { attempts = 2, perTryTimeout, retryOn = '', backoff } = retries;
  const on = new Set<RetryOn>();
  const statuses: number[] = [];
  for (const word of retryOn.split(',').map((part) => part.trim())) {
    if (word === '') continue;
    if (conditions.has(word)) on.add(word as RetryOn);
    else if (/^[1-5]\d\d$/.test(word)) statuses.push(Number(word));
    else if (!grpcConditions.has(word)) {
      const message = `"${word}" is no condition that is known: it is left out`;
      context.report('warning', 'unsupported-field', message, `${path}.retries.retryOn`);
    }
  }
  if (statuses.length > 0) on.add('retriable-status-codes');
  if (on.size === 0) for (const one of retryDefaults.on) on.add(one);
  const baseMs = durationMs(backoff);
  return {
    retries: attempts,
    on: [...on],
    ...(statuses.length === 0 ? {} : { statuses }),
    perTryTimeoutMs: durationMs(perTryTimeout) ?? 0,
    ...(baseMs === undefined ? {} : { backOff: { baseMs, maxMs: baseMs * 10 } }),
  };
}

/** Known, but decided by the trailers of a response, which is on its way to the client by then. */
const grpcConditions: ReadonlySet<string> = new Set([
  ...['cancelled', 'deadline-exceeded', 'internal', 'resource-exhausted', 'unavailable'],
  ...['reset-before-request', 'http3-post-connect-failure', 'envoy-ratelimited'],
]);

export function durationMs(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseDurationMs(text);
}

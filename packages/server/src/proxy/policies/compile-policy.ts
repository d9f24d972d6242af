import type { Route, RoutePolicies } from '@portolan/core/traffic/model.ts';
import type { RoutePolicy } from '../route-policy.ts';
import { editsTargets } from '../routes/compiled-route.ts';
import { AccessStep } from './access-step.ts';
import { BasicAuthStep } from './basic-auth/basic-auth-step.ts';
import { ConnectionLimitStep } from './connection-limit-step.ts';
import { CorsStep } from './cors-step.ts';
import type { PolicyEnvironment } from './environment.ts';
import { ExternalAuthStep } from './external-auth/external-auth-step.ts';
import { FallbackChoices } from './fallback-choice.ts';
import { FaultStep } from './fault-step.ts';
import { compileHeaderChanges, isAuthority } from './header-edit.ts';
import { Mirror } from './mirror.ts';
import { OrderedPolicy, type PolicyParts } from './ordered-policy.ts';
import { compileRewrite } from './path-rewrite.ts';
import { RateLimitStep } from './rate-limit-step.ts';
import type { PolicyStep } from './step.ts';

/** Of a body that is collected, where no limit of the route's is lower: 1 MiB, as nginx's `client_max_body_size`. */
const maxCollectedBytes = 1_048_576;

/** Undefined: the route asks for nothing but to be sent on. */
export function compilePolicy(route: Route, environment: PolicyEnvironment): RoutePolicy | undefined {
  const { policies } = route;
  if (policies === undefined && !editsTargets(route.action)) return undefined;
  const parts = partsOf(policies ?? {}, route, environment);
  return isEmpty(parts) && !editsTargets(route.action) ? undefined : new OrderedPolicy(parts);
}

function partsOf(policies: RoutePolicies, route: Route, environment: PolicyEnvironment): PolicyParts {
  const { maxBodyBytes, rewrite, fallback, mirrors = [] } = policies;
  const { host } = rewrite ?? {};
  return {
    steps: stepsOf(policies, environment),
    any: policies.satisfy === 'any',
    maxBodyBytes,
    collectBytes: policies.bufferRequest === true ? (maxBodyBytes ?? maxCollectedBytes) : 0,
    rewrite: rewrite?.path === undefined ? undefined : compileRewrite(rewrite.path, route.match.path),
    host: host !== undefined && isAuthority(host) ? host.toLowerCase() : undefined,
    requestEdit: compileHeaderChanges(policies.requestHeaders, 'request'),
    responseEdit: compileHeaderChanges(policies.responseHeaders, 'response'),
    mirrors: mirrors.map((mirror) => new Mirror(mirror, environment)),
    fallback:
      fallback === undefined
        ? undefined
        : new FallbackChoices(fallback, (name) => environment.clusterOf(name)),
  };
}

/** In the order of `RoutePolicies`. */
function stepsOf(policies: RoutePolicies, environment: PolicyEnvironment): PolicyStep[] {
  const { access, rateLimits = [], connectionLimit, cors, basicAuth, externalAuth, fault } = policies;
  const { clock, random, workers, memory, passwords } = environment;
  const steps: PolicyStep[] = [];
  if (access !== undefined) steps.push(new AccessStep(access));
  for (const limit of rateLimits) steps.push(new RateLimitStep(limit, workers, memory, clock.monotonicMs()));
  if (connectionLimit !== undefined) steps.push(new ConnectionLimitStep(connectionLimit, workers));
  if (cors !== undefined) steps.push(new CorsStep(cors));
  if (basicAuth !== undefined) steps.push(new BasicAuthStep(basicAuth, passwords));
  if (externalAuth !== undefined) steps.push(new ExternalAuthStep(externalAuth, environment));
  if (fault !== undefined) steps.push(new FaultStep(fault, clock, random));
  return steps;
}

function isEmpty(parts: PolicyParts): boolean {
  return (
    parts.steps.length === 0 &&
    parts.mirrors.length === 0 &&
    parts.collectBytes === 0 &&
    [
      parts.maxBodyBytes,
      parts.rewrite,
      parts.host,
      parts.requestEdit,
      parts.responseEdit,
      parts.fallback,
    ].every((part) => part === undefined)
  );
}

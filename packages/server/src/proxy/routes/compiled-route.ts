import type { Random } from '@portolan/core/base/clock.ts';
import type { Route, RouteAction, WeightedTarget } from '@portolan/core/traffic/model.ts';
import type { ClusterState } from '../cluster-state.ts';
import { compileHeaderChanges, type HeaderEdit } from '../policies/header-edit.ts';
import { answerStatus } from '../policies/safe-reply.ts';
import type { RoutePolicy } from '../route-policy.ts';
import { RouteStats } from '../stats.ts';
import { compilePath, type PathPattern } from './path-pattern.ts';
import { compileRedirect, type Redirect } from './redirect.ts';
import { compileConditions, type RequestTest } from './request-test.ts';
import { WeightedChoice } from './weighted-choice.ts';

/** A route, made ready for use. */
export interface CompiledRoute {
  readonly config: Route;
  /** Undefined: its path matches nothing. */
  readonly path: PathPattern | undefined;
  /** Undefined: none. */
  readonly conditions: readonly RequestTest[] | undefined;
  /** Undefined: `config.action` answers by itself. */
  readonly targets: WeightedChoice<CompiledTarget> | undefined;
  /** The one target's, where there is but one. Undefined: draw from `targets`. */
  readonly cluster: ClusterState | undefined;
  /** Undefined: nothing is done but to send requests on. */
  readonly policy: RoutePolicy | undefined;
  /** Undefined: it redirects nobody. */
  readonly redirect: Redirect | undefined;
  readonly action: RouteAction;
  readonly timeoutMs: number;
  readonly retry: Route['retry'];
  readonly stats: RouteStats;
}

/** Where a share of a route's requests goes. */
export interface CompiledTarget {
  /** Undefined: nowhere; `status` is answered. */
  readonly cluster: ClusterState | undefined;
  readonly status: number;
  readonly requestHeaders: HeaderEdit | undefined;
  readonly responseHeaders: HeaderEdit | undefined;
}

/** Gateway API: what a reference that is broken is answered. */
const brokenStatus = 500;

export interface RouteCompiler {
  /** The same object for a name always, also before the cluster is known. */
  clusterOf(name: string): ClusterState;
  readonly random: Random;
  /** Undefined: there is nothing to do but to send requests on. */
  policyOf(route: Route): RoutePolicy | undefined;
}

/**
 * @param kept the route before it was changed, if its policies were the same: what they count goes on
 * @param stats of the route before it was changed
 */
export function compileRoute(
  route: Route,
  compiler: RouteCompiler,
  kept: CompiledRoute | undefined,
  stats = new RouteStats(),
): CompiledRoute {
  const { action } = route;
  const conditions = compileConditions(route.match);
  const targets = targetsOf(action, compiler);
  return {
    config: route,
    path: compilePath(route.match.path),
    conditions: conditions.length === 0 ? undefined : conditions,
    targets,
    cluster: targets?.only?.cluster,
    policy: kept === undefined ? compiler.policyOf(route) : kept.policy,
    redirect: action.type === 'redirect' ? compileRedirect(action, route.match.path) : undefined,
    action,
    timeoutMs: route.timeoutMs,
    retry: route.retry,
    stats,
  };
}

/** Whether some target of a route changes header fields of its own. */
export function editsTargets(action: RouteAction): boolean {
  if (action.type !== 'forward') return false;
  return action.targets.some(({ requestHeaders, responseHeaders }) => requestHeaders ?? responseHeaders);
}

/** The clusters that a route names, for whatever it needs them. */
export function clustersOf({ action, policies }: Route): string[] {
  const targets = action.type === 'forward' ? action.targets : [];
  const choices = policies?.fallback?.choices ?? [];
  return [
    ...targets.flatMap(({ cluster }) => cluster ?? []),
    ...(policies?.mirrors ?? []).map(({ cluster }) => cluster),
    ...choices.flatMap((choice) => (choice.type === 'cluster' ? choice.cluster : [])),
    ...(policies?.externalAuth?.cluster === undefined ? [] : [policies.externalAuth.cluster]),
  ];
}

function targetsOf(action: RouteAction, compiler: RouteCompiler): WeightedChoice<CompiledTarget> | undefined {
  if (action.type !== 'forward') return undefined;
  const nowhere: CompiledTarget = {
    ...{ cluster: undefined, status: brokenStatus, requestHeaders: undefined, responseHeaders: undefined },
  };
  return new WeightedChoice(
    action.targets.map((target) => [target.weight, compileTarget(target, compiler)]),
    nowhere,
    compiler.random,
  );
}

function compileTarget(target: WeightedTarget, compiler: RouteCompiler): CompiledTarget {
  return {
    cluster: target.cluster === undefined ? undefined : compiler.clusterOf(target.cluster),
    status: answerStatus(target.status ?? brokenStatus),
    requestHeaders: compileHeaderChanges(target.requestHeaders, 'request'),
    responseHeaders: compileHeaderChanges(target.responseHeaders, 'response'),
  };
}

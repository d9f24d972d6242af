import type { Route, RouteMatch, VirtualHost } from '@portolan/core/traffic/model.ts';
import { edgeTable } from '@portolan/core/traffic/route.ts';
import { systemClock } from '../../engine/system-clock.ts';
import { ClusterState } from '../cluster-state.ts';
import { ConnectGuard } from '../connect-guard.ts';
import { TrustedPeers } from '../forwarding.ts';
import { type RequestHead, toldNothing } from '../http1/request-head.ts';
import { defaultLimits } from '../limits.ts';
import { type RequestSource, RequestView } from '../request-view.ts';
import { Router } from '../router.ts';
import { Sweeper } from '../sweeper.ts';

export const clearSource: RequestSource = {
  peer: { address: '192.0.2.7', trusted: false },
  scheme: 'http',
};

export const noTrust = new TrustedPeers([]);

export function requestHead(overrides: Partial<RequestHead> = {}): RequestHead {
  return {
    type: 'request',
    ...{ method: 'GET', path: '/', query: '', authority: { host: 'a.test', text: 'a.test' }, minor: 1 },
    ...{
      body: 0,
      keepAlive: true,
      expectsContinue: false,
      upgrade: false,
      trailers: false,
      lines: '',
      told: toldNothing,
    },
    ...{ requestId: '', userAgent: '', hops: 0 },
    ...overrides,
  };
}

export function requestView(
  head: Partial<RequestHead> = {},
  source: Partial<RequestSource> = {},
): RequestView {
  return new RequestView(requestHead(head), { ...clearSource, ...source }, noTrust);
}

export function routeTo(cluster: string, match: RouteMatch): Route {
  return {
    name: cluster,
    match,
    action: { type: 'forward', targets: [{ weight: 1, cluster }] },
    timeoutMs: 0,
    retry: { retries: 0, on: [], perTryTimeoutMs: 0 },
  };
}

export function virtualHost(name: string, domains: readonly string[], routes: readonly Route[]): VirtualHost {
  return { name, domains, table: edgeTable, routes };
}

export function routerWith(...hosts: readonly VirtualHost[]): Router {
  const clusters = new Map<string, ClusterState>();
  const clusterOf = (name: string): ClusterState => {
    const guard = new ConnectGuard();
    const sweeper = new Sweeper(systemClock);
    const context = { clock: systemClock, random: Math.random, limits: defaultLimits, guard, sweeper };
    const cluster = clusters.get(name) ?? new ClusterState(name, context);
    clusters.set(name, cluster);
    return cluster;
  };
  const router = new Router({ clusterOf, random: Math.random, policyOf: () => undefined }, noTrust);
  router.apply({ put: hosts, remove: [] });
  return router;
}

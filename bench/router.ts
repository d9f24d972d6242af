// `npm run bench -- router`: CPU time of finding a route, on one host of 1, 100 and 10,000.

import type { PathMatch, Route, RouteMatch } from '@portolan/core/traffic/model.ts';
import { edgeTable } from '@portolan/core/traffic/route.ts';
import { systemClock } from '@portolan/server/engine/system-clock.ts';
import { ClusterState } from '@portolan/server/proxy/cluster-state.ts';
import { CheckGate } from '@portolan/server/proxy/clusters/check-gate.ts';
import { ConnectGuard } from '@portolan/server/proxy/connect-guard.ts';
import { TrustedPeers } from '@portolan/server/proxy/forwarding.ts';
import { RequestReader } from '@portolan/server/proxy/http1/request-reader.ts';
import { defaultLimits } from '@portolan/server/proxy/limits.ts';
import { Router } from '@portolan/server/proxy/router.ts';
import { Sweeper } from '@portolan/server/proxy/sweeper.ts';

const rounds = 5;
const findsPerRound = 200_000;

const source = { peer: { address: '192.0.2.7', trusted: false }, scheme: 'http' } as const;
const fields =
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: text/html,application/xhtml+xml\r\n' +
  'Accept-Encoding: gzip, deflate, br\r\nCookie: session=0123456789abcdef; theme=dark\r\nX-Version: v2\r\n';

function routeOf(index: number, match: RouteMatch): Route {
  return {
    name: `r${index}`,
    match,
    action: { type: 'forward', targets: [{ weight: 1, cluster: 'web' }] },
    timeoutMs: 0,
    retry: { retries: 0, on: [], perTryTimeoutMs: 0 },
  };
}

function routerOf(count: number, matchOf: (index: number) => RouteMatch): Router {
  const sweeper = new Sweeper(systemClock);
  const context = { clock: systemClock, random: Math.random, limits: defaultLimits, sweeper };
  const cluster = new ClusterState('web', {
    ...context,
    guard: new ConnectGuard(),
    checkGate: new CheckGate(),
  });
  const router = new Router(
    { clusterOf: () => cluster, random: Math.random, policyOf: () => undefined },
    new TrustedPeers([]),
  );
  const routes = Array.from({ length: count }, (_, index) => routeOf(index, matchOf(index)));
  router.apply({ put: [{ name: 'a', domains: ['a.test'], table: edgeTable, routes }], remove: [] });
  return router;
}

/** Nanoseconds of CPU for one look-up; the best round, as others disturb the rest. */
function nanosecondsOf(router: Router, path: string): number {
  const reader = new RequestReader();
  const octets = Buffer.from(`GET ${path} HTTP/1.1\r\nHost: a.test\r\n${fields}\r\n`);
  const head = reader.read(octets, 0, octets.length);
  if (head?.type !== 'request') throw new Error(`${path} is refused`);
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const before = process.cpuUsage();
    let found = 0;
    for (let index = 0; index < findsPerRound; index++) {
      if (router.find(edgeTable, head, source) !== undefined) found++;
    }
    const { user, system } = process.cpuUsage(before);
    if (found !== findsPerRound) throw new Error(`${path} was not found`);
    best = Math.min(best, ((user + system) * 1_000) / findsPerRound);
  }
  return Math.round(best);
}

const kinds: readonly (readonly [string, (index: number) => RouteMatch])[] = [
  ['exact', (index) => pathOf({ type: 'exact', value: `/app${index}/x` })],
  ['segments', (index) => pathOf({ type: 'segments', value: `/app${index}` })],
  ['regex', (index) => pathOf({ type: 'regex', value: `/app${index}/[a-z]+` })],
  [
    'segments and a header',
    (index) => ({
      ...pathOf({ type: 'segments', value: `/app${index}` }),
      headers: [{ name: 'x-version', type: 'exact', value: 'v2' }],
    }),
  ],
];

function pathOf(path: PathMatch): RouteMatch {
  return { path };
}

export async function routerBench(): Promise<void> {
  const plain = routerOf(1, () => pathOf({ type: 'prefix', value: '/' }));
  console.log(`router: ns of CPU for one look-up, ${findsPerRound} look-ups, best of ${rounds} rounds`);
  console.log(`one route, everything: ${nanosecondsOf(plain, '/app0/x')}`);
  const sizes = [1, 100, 10_000];
  console.log(
    `| routes of one host, the last is asked for | ${sizes.join(' | ')} |\n| --- | --- | --- | --- |`,
  );
  for (const [name, matchOf] of kinds) {
    const cells = sizes.map((size) => nanosecondsOf(routerOf(size, matchOf), `/app${size - 1}/x`));
    console.log(`| ${name} | ${cells.join(' | ')} |`);
  }
}

if (import.meta.main) await routerBench();

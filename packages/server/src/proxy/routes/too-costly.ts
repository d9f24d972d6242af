import type { RetryPolicy, RouteAction } from '@portolan/core/traffic/model.ts';
import { RouteStats } from '../stats.ts';
import type { CompiledRoute } from './compiled-route.ts';

const action: RouteAction = {
  type: 'direct',
  status: 414,
  body: 'the path is too long for the rules of this host\n',
  contentType: 'text/plain; charset=utf-8',
};
const retry: RetryPolicy = { retries: 0, on: [], perTryTimeoutMs: 0 };

/** Answers what would take too long to route: a path so long that the host's expressions cannot all be tried. */
export const tooCostly: CompiledRoute = Object.freeze({
  config: {
    ...{ name: 'too-costly', action, timeoutMs: 0, retry },
    match: { path: { type: 'prefix' as const, value: '/' } },
  },
  ...{
    path: undefined,
    conditions: undefined,
    targets: undefined,
    cluster: undefined,
    policy: undefined,
    redirect: undefined,
  },
  ...{ action, timeoutMs: 0, retry },
  stats: new RouteStats(),
});

import { retryDefaults, routeTimeoutMs } from './defaults.ts';
import type { Listener, Route, TlsAction } from './model.ts';
import { edgeTable } from './route.ts';

/** What the edge has without any rule: its doors, and what a service that shows itself by a tag gets. */

/** The built-in HTTP and HTTPS doors: always there. */
export const builtInListeners: readonly Listener[] = Object.freeze([
  Object.freeze({ name: 'gateway', protocol: 'http', bind: 'gateway', table: edgeTable }),
  Object.freeze({ name: 'gateway-tls', protocol: 'tls', bind: 'gateway-tls', table: edgeTable }),
]);

/** A service tagged `tcp`, at the port that its name ends in. */
export function tcpListener(port: number, cluster: string): Listener {
  return Object.freeze({
    name: `tcp-${port}`,
    protocol: 'tcp',
    bind: Object.freeze({ port }),
    targets: only(cluster),
  });
}

/** A service tagged `tls`. */
export function passThrough(cluster: string): TlsAction {
  return Object.freeze({ type: 'passthrough', targets: only(cluster) });
}

const everything = Object.freeze({ path: Object.freeze({ type: 'prefix' as const, value: '/' }) });

/** A service tagged `http`: all requests of its host. */
export function routeTo(cluster: string): Route {
  return Object.freeze({
    name: cluster,
    match: everything,
    action: Object.freeze({ type: 'forward' as const, targets: only(cluster) }),
    timeoutMs: routeTimeoutMs,
    retry: retryDefaults,
  });
}

function only(cluster: string) {
  return Object.freeze([Object.freeze({ weight: 1, cluster })]);
}

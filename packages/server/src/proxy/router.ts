import type { ResourceChange, RetryPolicy, RouteAction, VirtualHost } from '@portolan/core/traffic/model.ts';
import type { ClusterState } from './cluster-state.ts';

/** A route, made ready for use. */
export interface CompiledRoute {
  readonly pathPrefix: string;
  /** Undefined: `action` answers by itself. */
  readonly cluster: ClusterState | undefined;
  readonly action: RouteAction;
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
}

interface CompiledHost {
  readonly name: string;
  readonly domains: readonly string[];
  readonly routes: readonly CompiledRoute[];
}

/**
 * From host and path to a route: a map of exact names, then `?.suffix`, then the longest `*.suffix`, then `*`; within a host the first prefix that
 * matches. A change costs what its virtual host costs.
 */
export class Router {
  readonly #clusterOf: (name: string) => ClusterState;
  readonly #hosts = new Map<string, CompiledHost>();
  /** For each domain the virtual hosts that claim it; the one whose name comes first has it. */
  readonly #domains = new Map<string, readonly CompiledHost[]>();
  #wildcards = 0;

  /** @param clusterOf gives the same object for a name always, also before the cluster is known */
  constructor(clusterOf: (name: string) => ClusterState) {
    this.#clusterOf = clusterOf;
  }

  apply(change: ResourceChange<VirtualHost>): void {
    for (const name of change.remove) this.#remove(name);
    for (const host of change.put) {
      this.#remove(host.name);
      this.#put(this.#compile(host));
    }
  }

  names(): IterableIterator<string> {
    return this.#hosts.keys();
  }

  /** @param host lower case, without port */
  find(host: string, path: string): CompiledRoute | undefined {
    const routes = this.#routesOf(host);
    if (routes === undefined) return undefined;
    for (let index = 0; index < routes.length; index++) {
      const route = routes[index] as CompiledRoute;
      if (route.pathPrefix === '/' || path.startsWith(route.pathPrefix)) return route;
    }
    return undefined;
  }

  #routesOf(host: string): readonly CompiledRoute[] | undefined {
    const exact = this.#domains.get(host);
    if (exact !== undefined) return exact[0]?.routes;
    if (this.#wildcards === 0) return undefined;
    let dot = host.indexOf('.');
    const oneLabel = dot > 0 ? this.#domains.get(`?${host.slice(dot)}`) : undefined;
    if (oneLabel !== undefined) return oneLabel[0]?.routes;
    while (dot !== -1) {
      const suffix = this.#domains.get(`*${host.slice(dot)}`);
      if (suffix !== undefined) return suffix[0]?.routes;
      dot = host.indexOf('.', dot + 1);
    }
    return this.#domains.get('*')?.[0]?.routes;
  }

  #compile(host: VirtualHost): CompiledHost {
    const routes = host.routes.map(
      (route): CompiledRoute => ({
        pathPrefix: route.match.path.value,
        cluster:
          clusterOf(route.action) === undefined ? undefined : this.#clusterOf(clusterOf(route.action) ?? ''),
        action: route.action,
        timeoutMs: route.timeoutMs,
        retry: route.retry,
      }),
    );
    return { name: host.name, domains: host.domains, routes };
  }

  #put(host: CompiledHost): void {
    this.#hosts.set(host.name, host);
    for (const domain of host.domains) {
      const claims = [...(this.#domains.get(domain) ?? []), host];
      this.#domains.set(
        domain,
        claims.sort((left, right) => (left.name < right.name ? -1 : 1)),
      );
      if (isWildcard(domain)) this.#wildcards++;
    }
  }

  #remove(name: string): void {
    const host = this.#hosts.get(name);
    if (host === undefined) return;
    this.#hosts.delete(name);
    for (const domain of host.domains) {
      const claims = (this.#domains.get(domain) ?? []).filter((claim) => claim !== host);
      if (claims.length === 0) this.#domains.delete(domain);
      else this.#domains.set(domain, claims);
      if (isWildcard(domain)) this.#wildcards--;
    }
  }
}

function isWildcard(domain: string): boolean {
  return domain.startsWith('*') || domain.startsWith('?');
}

function clusterOf(action: RouteAction): string | undefined {
  return action.type === 'forward' ? action.targets[0]?.cluster : undefined;
}

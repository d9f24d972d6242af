import { sameJson } from '@portolan/core/base/json.ts';
import type { ResourceChange, Route, VirtualHost } from '@portolan/core/traffic/model.ts';
import type { TrustedPeers } from './forwarding.ts';
import type { RequestHead } from './http1/request-head.ts';
import { type RequestSource, RequestView } from './request-view.ts';
import {
  type CompiledRoute,
  compileRoute,
  editsTargets,
  type RouteCompiler,
} from './routes/compiled-route.ts';
import { HostRoutes, type Viewer } from './routes/host-routes.ts';
import { type CompiledHost, HostTable } from './routes/host-table.ts';
import { tooCostly } from './routes/too-costly.ts';

export type { CompiledRoute } from './routes/compiled-route.ts';

/**
 * From table, host and request to a route: the most specific domain, then the first of its routes that matches. A change costs what its
 * virtual host costs; routes that stay as they were keep what they count.
 */
export class Router {
  readonly #compiler: RouteCompiler;
  readonly #viewer: LazyView;
  readonly #hosts = new Map<string, CompiledHost>();
  readonly #tables = new Map<string, HostTable>();

  constructor(compiler: RouteCompiler, trusted: TrustedPeers) {
    this.#compiler = compiler;
    this.#viewer = new LazyView(trusted);
  }

  apply(change: ResourceChange<VirtualHost>): void {
    for (const name of change.remove) this.#remove(name);
    for (const host of change.put) {
      const before = this.#hosts.get(host.name);
      this.#remove(host.name);
      this.#put(host, this.#compile(host, before));
    }
  }

  names(): IterableIterator<string> {
    return this.#hosts.keys();
  }

  *routes(): Iterable<CompiledRoute> {
    for (const host of this.#hosts.values()) yield* host.routes.values();
  }

  /** Undefined: nobody claims the host, or none of its routes matches. */
  find(table: string, head: RequestHead, source: RequestSource): CompiledRoute | undefined {
    const routes = this.#tables.get(table)?.find(head.authority.host);
    if (routes === undefined) return undefined;
    const viewer = this.#viewer;
    viewer.begin(head, source);
    const route = routes.find(head.path, viewer);
    return viewer.end() ? tooCostly : route;
  }

  /** Whether a virtual host of the table says that it is this name, or a suffix of it: not only `*`. */
  claims(table: string, name: string): boolean {
    return this.#tables.get(table)?.claims(name) === true;
  }

  #compile(host: VirtualHost, before: CompiledHost | undefined): CompiledRoute[] {
    return host.routes.map((route) => {
      const known = before?.routes.get(route.name);
      if (known === undefined) return compileRoute(route, this.#compiler, undefined);
      if (sameJson(known.config, route)) return known;
      const same = sameJson(policyInputs(known.config), policyInputs(route));
      return compileRoute(route, this.#compiler, same ? known : undefined, known.stats);
    });
  }

  #put(host: VirtualHost, routes: readonly CompiledRoute[]): void {
    const byName = new Map<string, CompiledRoute>();
    for (const route of routes) if (!byName.has(route.config.name)) byName.set(route.config.name, route);
    const compiled = { host, routes: byName, index: new HostRoutes(routes) };
    this.#hosts.set(host.name, compiled);
    let table = this.#tables.get(host.table);
    if (table === undefined) {
      table = new HostTable();
      this.#tables.set(host.table, table);
    }
    table.put(compiled);
  }

  #remove(name: string): void {
    const host = this.#hosts.get(name);
    if (host === undefined) return;
    this.#hosts.delete(name);
    const table = this.#tables.get(host.host.table);
    table?.remove(host);
    if (table?.empty === true) this.#tables.delete(host.host.table);
  }
}

/** All that a route's policy is made of. */
function policyInputs(route: Route): unknown {
  return [route.policies, route.match.path, editsTargets(route.action)];
}

/** The view of the request that a route is looked for now; made if a rule asks. */
class LazyView implements Viewer {
  readonly #trusted: TrustedPeers;
  #head: RequestHead | undefined;
  #source: RequestSource | undefined;
  #view: RequestView | undefined;

  constructor(trusted: TrustedPeers) {
    this.#trusted = trusted;
  }

  begin(head: RequestHead, source: RequestSource): void {
    this.#head = head;
    this.#source = source;
  }

  view(): RequestView {
    if (this.#view !== undefined) return this.#view;
    if (this.#head === undefined || this.#source === undefined) throw new Error('no request is looked at');
    this.#view = new RequestView(this.#head, this.#source, this.#trusted);
    return this.#view;
  }

  /** Whether the rules asked too much of it. */
  end(): boolean {
    const exhausted = this.#view?.exhausted === true;
    this.#view = undefined;
    this.#head = undefined;
    this.#source = undefined;
    return exhausted;
  }
}

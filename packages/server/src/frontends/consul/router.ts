import type { Handler } from './call.ts';

/** What a body may be, and so how large. */
export type BodyKind = 'registration' | 'kv' | 'txn' | 'event' | 'query';

/** One line of the route table. */
export interface Route {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** A path that ends in `/` takes all that follows as the argument, slashes included, as Consul does. */
  readonly path: string;
  /** Which bodies it takes; absent: none is read. */
  readonly body?: BodyKind;
  readonly handle: Handler;
}

export interface Found {
  /** By method. */
  readonly routes: ReadonlyMap<string, Route>;
  readonly argument: string;
}

/** Finds the routes of a path: an exact one, else the longest prefix of whole segments. */
export type Router = (path: string) => Found | undefined;

export function router(table: readonly Route[]): Router {
  const byPath = new Map<string, Map<string, Route>>();
  let deepest = 0;
  for (const route of table) {
    const methods = byPath.get(route.path) ?? new Map<string, Route>();
    if (methods.has(route.method)) throw new Error(`${route.method} ${route.path} is in the table twice.`);
    methods.set(route.method, route);
    byPath.set(route.path, methods);
    deepest = Math.max(deepest, route.path.split('/').length);
  }
  return (path) => {
    const exact = byPath.get(path);
    if (exact !== undefined) return { routes: exact, argument: '' };
    let found: Found | undefined;
    let slash = 0;
    // No deeper than the table: a path of a thousand slashes costs no more than another.
    for (let depth = 0; depth < deepest && slash !== -1; depth += 1) {
      const routes = byPath.get(path.slice(0, slash + 1));
      if (routes !== undefined) found = { routes, argument: path.slice(slash + 1) };
      slash = path.indexOf('/', slash + 1);
    }
    return found;
  };
}

import type { RequestView } from '../request-view.ts';
import type { CompiledRoute } from './compiled-route.ts';
import { PathTrie } from './path-trie.ts';

/** A route and its place in the order. */
interface Candidate {
  readonly place: number;
  readonly route: CompiledRoute;
}

/** Those that look at paths alike: as they are, or in lower case. */
interface PathIndex {
  readonly whole: Map<string, Candidate[]>;
  readonly beginnings: PathTrie<Candidate>;
}

/** Makes the view of a request when the first rule asks for it. */
export interface Viewer {
  view(): RequestView;
}

/** The first that matches so far. One for each set, and used again: looking for a route waits for nothing. */
interface Search {
  viewer: Viewer | undefined;
  path: string;
  best: CompiledRoute | undefined;
  bestPlace: number;
}

/**
 * The routes of one virtual host. Gives the first that matches, without looking at each: candidates come from a map of whole paths and a
 * trie of their beginnings, and what stands behind the best so far is not tried.
 */
export class HostRoutes {
  /** Takes everything: then nothing needs to be looked at. */
  readonly #first: CompiledRoute | undefined;
  readonly #plain: PathIndex | undefined;
  readonly #folded: PathIndex | undefined;
  readonly #search: Search = { viewer: undefined, path: '', best: undefined, bestPlace: 0 };

  constructor(routes: readonly CompiledRoute[]) {
    const [first] = routes;
    if (first !== undefined && takesAll(first)) {
      this.#first = first;
      return;
    }
    let plain: PathIndex | undefined;
    let folded: PathIndex | undefined;
    for (const [place, route] of routes.entries()) {
      const { path } = route;
      if (path === undefined) continue;
      let index: PathIndex;
      if (path.fold) index = folded ??= newIndex();
      else index = plain ??= newIndex();
      file(index, { place, route });
      // Nothing behind it is ever reached.
      if (takesAll(route)) break;
    }
    this.#plain = plain;
    this.#folded = folded;
  }

  find(path: string, viewer: Viewer): CompiledRoute | undefined {
    if (this.#first !== undefined) return this.#first;
    const search = this.#search;
    search.best = undefined;
    search.bestPlace = Number.POSITIVE_INFINITY;
    search.viewer = viewer;
    if (this.#plain !== undefined) look(this.#plain, path, search);
    if (this.#folded !== undefined) look(this.#folded, viewer.view().lowerPath, search);
    search.viewer = undefined;
    return search.best;
  }
}

function takesAll({ path, conditions }: CompiledRoute): boolean {
  return (
    path !== undefined &&
    path.text === '' &&
    !path.whole &&
    path.rest === undefined &&
    conditions === undefined
  );
}

function newIndex(): PathIndex {
  return { whole: new Map(), beginnings: new PathTrie() };
}

function file(index: PathIndex, candidate: Candidate): void {
  const { path } = candidate.route;
  if (path === undefined) return;
  if (!path.whole) {
    index.beginnings.add(path.text, candidate);
    return;
  }
  const others = index.whole.get(path.text);
  if (others === undefined) index.whole.set(path.text, [candidate]);
  else others.push(candidate);
}

function look(index: PathIndex, path: string, search: Search): void {
  search.path = path;
  const whole = index.whole.size === 0 ? undefined : index.whole.get(path);
  if (whole !== undefined) tryEach(whole, search);
  index.beginnings.along(path, search, tryEach);
}

/** They are in order: the first that matches is the best of them. */
function tryEach(candidates: readonly Candidate[], search: Search): void {
  for (let index = 0; index < candidates.length; index++) {
    const { place, route } = candidates[index] as Candidate;
    if (place >= search.bestPlace) return;
    if (!matches(route, search)) continue;
    search.best = route;
    search.bestPlace = place;
    return;
  }
}

function matches(route: CompiledRoute, search: Pick<Search, 'viewer' | 'path'>): boolean {
  const { path, conditions } = route;
  if (path === undefined || (path.segment && !endsSegment(search.path, path.text.length))) return false;
  if (path.rest === undefined && conditions === undefined) return true;
  const request = search.viewer?.view();
  if (request === undefined) return false;
  if (path.rest !== undefined && !path.rest(search.path, request)) return false;
  if (conditions === undefined) return true;
  for (let index = 0; index < conditions.length; index++) {
    if (conditions[index]?.(request) !== true) return false;
  }
  return true;
}

function endsSegment(path: string, at: number): boolean {
  return path.length === at || path.charCodeAt(at) === 0x2f;
}

import { sameJson } from '../../base/json.ts';
import type { DiagnosticSet } from '../diagnostics.ts';
import type { Diagnostic, VirtualHost } from '../model.ts';
import { edgeTable, type Route } from '../route.ts';
import type { ClusterVariant } from './cluster-table.ts';
import type { PlainRoute, RouteContribution } from './contract.ts';
import { createIngressRoutes } from './ingress/host-routes.ts';
import type { IngressPathRule } from './ingress/path-rule.ts';
import { rankOfRegistration } from './rank.ts';
import { byRank, createRanked, type Owned } from './ranked.ts';
import type { Shared } from './shared.ts';

/** The virtual hosts, each made of what the rules bring for its domain. */
export interface HostTable {
  /** `owner` brings exactly these. */
  set(owner: string, subject: string, routes: readonly RouteContribution[]): void;
  /** Brings `virtualHosts` up to date; names of those that changed. */
  settle(): ReadonlySet<string>;
  clear(): void;
}

/** @param variants gets the clusters that routes ask for only together */
export function createHostTable(
  virtualHosts: Map<string, VirtualHost>,
  diagnostics: DiagnosticSet,
  variants: Shared<ClusterVariant>,
): HostTable {
  const ingress = createIngressRoutes();
  /** Of each route, what it matches. */
  const matches = new WeakMap<Route, string>();
  const routes = createRanked<RouteContribution>(({ table, host }) => placeOf(table, host));

  function settleOne(place: string): string | undefined {
    const [table = '', host = ''] = place.split('\0');
    const found: Diagnostic[] = [];
    const wanted = new Map<string, ClusterVariant>();
    const all = planned(place, found, wanted);
    // A more specific domain hides the wider one, which here is Gateway API's and Istio's form of the same.
    if (all.length > 0 && host.startsWith('?'))
      all.push(...planned(placeOf(table, `*${host.slice(1)}`), [], wanted));
    const shown = all.some(({ item }) => item.rank === rankOfRegistration);
    const open = shown ? all : all.filter(({ item }) => item.onlyWhereShown !== true);
    const winners = withoutRepeats(open, matchOf, found);
    diagnostics.replace(`\0host ${place}`, found);
    variants.set(`\0host ${place}`, wanted);

    const name = table === edgeTable ? host : `${table}/${host}`;
    const before = virtualHosts.get(name);
    if (winners.length === 0) return virtualHosts.delete(name) ? name : undefined;
    const after: VirtualHost = Object.freeze({
      name,
      table,
      domains: Object.freeze([host]),
      routes: Object.freeze(winners),
    });
    if (sameJson(before, after)) return undefined;
    virtualHosts.set(name, after);
    return name;
  }

  function planned(
    place: string,
    found: Diagnostic[],
    wanted: Map<string, ClusterVariant>,
  ): Owned<PlainRoute>[] {
    const all = routes.at(place);
    const paths = all.filter(isIngressPath);
    const plain = all.filter(isPlainRoute);
    if (paths.length === 0) return plain;
    const made = ingress.of(paths, found, wanted);
    return plain.length === 0 ? made : [...plain, ...made].sort(byRank);
  }

  function matchOf(route: Route): string {
    let match = matches.get(route);
    if (match === undefined) {
      match = JSON.stringify(route.match);
      matches.set(route, match);
    }
    return match;
  }

  return {
    set: (owner, subject, brought) => routes.set(owner, subject, brought),
    settle() {
      const touched = new Set(routes.touched());
      for (const place of touched) {
        const [table = '', host = ''] = place.split('\0');
        if (host.startsWith('*.')) touched.add(placeOf(table, `?${host.slice(1)}`));
      }
      const changed = new Set<string>();
      for (const place of touched) {
        const name = settleOne(place);
        if (name !== undefined) changed.add(name);
      }
      return changed;
    },
    clear: () => routes.clear(),
  };
}

function isIngressPath(owned: Owned<RouteContribution>): owned is Owned<IngressPathRule> {
  return owned.item.type === 'ingress-path';
}

function isPlainRoute(owned: Owned<RouteContribution>): owned is Owned<PlainRoute> {
  return owned.item.type === 'route';
}

function placeOf(table: string, host: string): string {
  return `${table}\0${host}`;
}

/** Two routes of the same match: the second would never be asked. */
function withoutRepeats(
  all: readonly Owned<PlainRoute>[],
  matchOf: (route: Route) => string,
  found: Diagnostic[],
): Route[] {
  if (all.length === 1) return all.map(({ item }) => item.route);
  const holders = new Map<string, Owned<PlainRoute>>();
  const winners: Route[] = [];
  for (const owned of all) {
    const { route, path, host } = owned.item;
    const match = matchOf(route);
    const holder = holders.get(match);
    if (holder === undefined) {
      holders.set(match, owned);
      winners.push(route);
    } else if (path !== '') {
      found.push({
        severity: 'warning',
        code: 'route-conflict',
        subject: owned.subject,
        message:
          holder.subject === owned.subject
            ? `host ${host} has the same match above, at ${holder.item.path}, which answers: take one of them away`
            : `host ${host} has the same match in ${holder.subject}, which comes first and answers: take one of them away`,
        path,
      });
    }
  }
  return winners;
}

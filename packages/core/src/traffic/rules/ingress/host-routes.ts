import type { Diagnostic, Route } from '../../model.ts';
import type { ClusterVariant } from '../cluster-table.ts';
import type { PlainRoute } from '../contract.ts';
import { type Rank, rankBySpecificity } from '../rank.ts';
import { byRank, type Owned } from '../ranked.ts';
import { type HostFacts, routesOf } from './path-routes.ts';
import type { IngressPathRule } from './path-rule.ts';
import { regexProblem } from './regex.ts';

type OwnedPath = Owned<IngressPathRule>;

/**
 * Gives the routes of the Ingress paths of one host, given in order of rank, in order of rank. As ingress-nginx does it: a canary belongs to the path with
 * the same text and type; one Ingress with a regex makes case-insensitive regexes of all; one with TLS sends all to HTTPS.
 */
export interface IngressRoutes {
  /**
   * @param found gets what is wrong
   * @param wanted gets the clusters that are asked for
   */
  of(
    paths: readonly OwnedPath[],
    found: Diagnostic[],
    wanted: Map<string, ClusterVariant>,
  ): Owned<PlainRoute>[];
}

/** What a path became without a canary, as long as the host stays what it is. */
interface Made {
  readonly host: HostFacts;
  readonly routes: readonly Owned<PlainRoute>[];
  readonly wanted: ReadonlyMap<string, ClusterVariant>;
}

/** Remembers what each path became: of a host with thousands, one changes. */
export function createIngressRoutes(): IngressRoutes {
  const made = new WeakMap<IngressPathRule, Made>();

  function ofPath(owned: OwnedPath, canary: IngressPathRule | undefined, host: HostFacts): Made {
    const before = made.get(owned.item);
    if (canary === undefined && before?.host.regex === host.regex && before.host.tls === host.tls)
      return before;
    const wanted = new Map<string, ClusterVariant>();
    const routes = routesOf(owned.item, canary, host, wanted).map((route, index) =>
      asPlain(owned, route, host, index),
    );
    const after = { host, routes, wanted };
    if (canary === undefined) made.set(owned.item, after);
    else made.delete(owned.item);
    return after;
  }

  return {
    of(paths, found, wanted) {
      const mains = paths.filter(({ item }) => item.canary === undefined);
      const canaries = mains.length === paths.length ? undefined : canariesOf(paths, mains, found);
      const host: HostFacts = {
        regex: mains.some(({ item }) => item.behaviour.regex),
        tls: mains.some(({ item }) => item.behaviour.tls),
      };
      const all: Owned<PlainRoute>[] = [];
      for (const owned of mains) {
        if (host.regex && !isExpression(owned, found)) continue;
        const canary = canaries?.get(identityOf(owned.item))?.item;
        const one = ofPath(owned, canary, host);
        for (const route of one.routes) all.push(route);
        for (const [name, variant] of one.wanted) wanted.set(name, variant);
      }
      return host.regex ? all.sort(byRank) : all;
    },
  };
}

function asPlain(
  { subject, item }: OwnedPath,
  route: Route,
  host: HostFacts,
  index: number,
): Owned<PlainRoute> {
  const { table, path } = item;
  const rank = [...rankOf(item, host), index];
  return { subject, item: { type: 'route', table, host: item.host, rank, route, path } };
}

function isExpression({ subject, item }: OwnedPath, found: Diagnostic[]): boolean {
  const problem = item.pathType === 'default' ? undefined : regexProblem(item.value);
  if (problem === undefined) return true;
  const message = `the paths of host ${item.host} are expressions, and ${problem}: the path is left out`;
  found.push({ severity: 'error', code: 'regex-invalid', subject, message, path: item.path });
  return false;
}

/** One canary for each path: the first. */
function canariesOf(
  paths: readonly OwnedPath[],
  mains: readonly OwnedPath[],
  found: Diagnostic[],
): ReadonlyMap<string, OwnedPath> {
  const canaries = new Map<string, OwnedPath>();
  const known = new Set(mains.map(({ item }) => identityOf(item)));
  for (const owned of paths) {
    const { subject, item } = owned;
    if (item.canary === undefined) continue;
    const id = identityOf(item);
    const holder = canaries.get(id);
    const problem = !known.has(id)
      ? `it is a canary, but no other Ingress has the path ${item.value} (${item.pathType}) of host ${item.host}: it gets nothing`
      : holder === undefined
        ? undefined
        : `path ${item.value} of host ${item.host} has a canary already, in ${holder.subject}: this one gets nothing`;
    if (problem === undefined) canaries.set(id, owned);
    else {
      const code = holder === undefined ? 'canary-without-main' : 'canary-conflict';
      found.push({ severity: 'warning', code, subject, message: problem, path: item.path });
    }
  }
  return canaries;
}

function identityOf({ pathType, value }: IngressPathRule): string {
  return `${pathType} ${value}`;
}

/** Regexes by length alone, as ingress-nginx sorts its locations. */
function rankOf(item: IngressPathRule, host: HostFacts): Rank {
  if (!host.regex || item.pathType === 'default') return item.rank;
  return rankBySpecificity({ exact: false, length: item.value.length }, 'ingress', item.age, item.position);
}

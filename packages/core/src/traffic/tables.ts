import type { TrafficDelta, TrafficKind, TrafficResources } from './model.ts';

/** The resources of a model by kind and name, to be filled. */
export type TrafficTables = { readonly [K in TrafficKind]: Map<string, TrafficResources[K]> };

/** The same, to be read: what a `TrafficModel` is, by kind. */
export type TrafficTablesReader = { readonly [K in TrafficKind]: ReadonlyMap<string, TrafficResources[K]> };

export function emptyTables(): TrafficTables {
  return {
    certificates: new Map(),
    clusters: new Map(),
    tlsHosts: new Map(),
    virtualHosts: new Map(),
    listeners: new Map(),
  };
}

/** A delta to be filled. */
export type TrafficNames = { readonly [K in TrafficKind]: Set<string> };

export function noNames(): TrafficNames {
  return {
    certificates: new Set(),
    clusters: new Set(),
    tlsHosts: new Set(),
    virtualHosts: new Set(),
    listeners: new Set(),
  };
}

/** Touches nothing. */
export const noTraffic: TrafficDelta = noNames();
